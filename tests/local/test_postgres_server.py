"""The private PostgreSQL server starts, keeps its data, ends, and dies with its parent."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from local.errors import FolderError, PostgresServerError
from local.postgres_server import PostgresServer
from local.processes import is_alive

pytestmark = pytest.mark.mysql


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A running server of this test's own."""
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


def query(server: PostgresServer, statement: str) -> object:
    engine = sqlalchemy.create_engine(server.sqlalchemy_url)
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text(statement)).scalar()
    engine.dispose()
    return found


def test_it_listens_on_no_network_address_and_its_folder_is_its_owner_s_alone(postgres: PostgresServer) -> None:
    assert query(postgres, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(postgres.socket_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgres.home.stat().st_mode) == 0o700


def test_whoever_has_no_password_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=str(postgres.socket_folder), user="airflow", dbname="postgres")
    assert stat.S_IMODE((postgres.home / "password").stat().st_mode) == 0o600


def test_data_from_before_there_was_a_password_get_one(postgres: PostgresServer) -> None:
    query(postgres, "SELECT 1")
    postgres.stop()
    (postgres.home / "password").unlink()
    postgres.start()
    assert query(postgres, "SELECT 1") == 1


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / ("long" * 30))
    server.socket_folder.mkdir(mode=0o755)
    try:
        with pytest.raises(FolderError, match="is not a folder of this user alone"):
            server.start()
    finally:
        server.socket_folder.rmdir()


def test_starting_a_running_server_changes_nothing(postgres: PostgresServer) -> None:
    before = postgres.pid
    postgres.start()
    assert postgres.pid == before


def test_two_servers_run_side_by_side(postgres: PostgresServer, tmp_path: Path) -> None:
    other = PostgresServer(tmp_path / "other")
    other.start()
    try:
        assert query(other, "SELECT 1") == query(postgres, "SELECT 1") == 1
    finally:
        other.stop()


def test_data_survive_a_restart_and_a_kill_of_the_parent(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    script = (
        "import sys, time, sqlalchemy; from pathlib import Path; from local.postgres_server import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1])); server.start()\n"
        "connection = sqlalchemy.create_engine(server.sqlalchemy_url).connect()\n"
        "connection.execute(sqlalchemy.text('CREATE TABLE kept AS SELECT 7 AS n')); connection.commit()\n"
        "print(server.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    with pytest.raises(PostgresServerError, match=f"is in use by the PostgreSQL server with process id {pid}"):
        _without_patience(PostgresServer(home))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    again = PostgresServer(home)
    again.start()
    try:
        assert not is_alive(pid)
        assert query(again, "SELECT n FROM kept") == 7
        second = again.pid
    finally:
        again.stop()
    assert second is not None
    assert not is_alive(second)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(postgres: PostgresServer) -> None:
    postgres.stop()
    (postgres.data_folder / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(PostgresServerError, match="no_such_setting"):
        postgres.start()
    assert not postgres.is_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a user namespace")
def test_a_machine_without_user_namespaces_tells_root_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PostgresServerError, match="run the command as an ordinary user"):
        PostgresServer(tmp_path / "home").start()
    assert not (tmp_path / "home" / "data").exists()


def _without_patience(server: PostgresServer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local.private_server._LEFTOVER_SECONDS", 0.0)
        server.start()
