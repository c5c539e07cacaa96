"""The private MariaDB server starts, serves two accounts, ends, and dies with its parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import MySQLdb
import pytest

from local.errors import FolderError, MySqlServerError
from local.mysql_server import MySqlServer
from local.processes import free_port, is_alive

pytestmark = pytest.mark.mysql


def test_starting_a_running_server_changes_nothing(mysql_server: MySqlServer) -> None:
    before = mysql_server.pid
    mysql_server.start()
    assert mysql_server.is_running()
    assert mysql_server.pid == before


def test_it_speaks_utf8_and_utc(mysql_server: MySqlServer) -> None:
    with mysql_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'Zoë 🛒', @@time_zone, @@bind_address, CURRENT_USER()")
        assert cursor.fetchone() == ("Zoë 🛒", "+00:00", "127.0.0.1", "owner@127.0.0.1")


def test_the_pipelines_account_may_read_the_source_schema_and_nothing_else(mysql_server: MySqlServer) -> None:
    mysql_server.create_schema("atliqsale")
    with mysql_server.connect("atliqsale") as owner:
        owner.query("CREATE TABLE t (a int)")
        owner.query("INSERT INTO t VALUES (7)")
    with mysql_server.connect("atliqsale", user="lakehouse") as reader, reader.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == ((7,),)
        with pytest.raises(MySQLdb.OperationalError, match="command denied"):
            cursor.execute("DELETE FROM t")
        with pytest.raises(MySQLdb.OperationalError, match="command denied"):
            cursor.execute("SELECT * FROM mysql.global_priv")
    with mysql_server.connect() as owner:
        owner.query("DROP DATABASE atliqsale")


def test_a_fresh_schema_is_empty_and_readable(mysql_server: MySqlServer, fresh_schema: Callable[[], str]) -> None:
    first, second = fresh_schema(), fresh_schema()
    assert first != second
    with mysql_server.connect(first, user="lakehouse") as reader, reader.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == ()


def test_credentials_are_for_the_owner_of_the_folder_alone(mysql_server: MySqlServer) -> None:
    file = mysql_server.home / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {
        "owner": mysql_server.credentials.owner,
        "lakehouse": mysql_server.credentials.lakehouse,
    }


def test_an_unknown_account_is_named(mysql_server: MySqlServer) -> None:
    with pytest.raises(MySqlServerError, match="no account 'root'; it has owner, lakehouse"):
        mysql_server.connect(user="root")


def test_a_missing_database_is_named(mysql_server: MySqlServer) -> None:
    with pytest.raises(MySqlServerError, match="no_such_schema"):
        mysql_server.connect("no_such_schema")


def test_a_taken_port_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MySqlServer(tmp_path / "home", port)
        with pytest.raises(MySqlServerError, match=f"port {port} on 127.0.0.1 is taken"):
            server.start()
    assert not (tmp_path / "home").exists()


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    server = MySqlServer(tmp_path / ("long" * 30), free_port())
    server.socket.parent.mkdir(mode=0o755)
    try:
        with pytest.raises(FolderError, match="is not a folder of this user alone"):
            server.start()
    finally:
        server.socket.parent.rmdir()


def test_a_missing_mariadb_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.mysql_server.shutil.which", lambda *_, **__: None)
    with pytest.raises(MySqlServerError, match=r"mariadbd was not found: install MariaDB's server .*mariadb-server"):
        MySqlServer(tmp_path, free_port()).start()


def test_data_and_passwords_survive_a_restart_and_a_kill_of_the_parent(tmp_path: Path) -> None:
    port = free_port()
    home = tmp_path / ("long" * 30)
    script = (
        "import sys, time; from pathlib import Path; from local.mysql_server import MySqlServer\n"
        "server = MySqlServer(Path(sys.argv[1]), int(sys.argv[2])); server.start()\n"
        "server.create_schema('kept'); print(server.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(home), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    with pytest.raises(MySqlServerError, match=f"is in use by the MariaDB server with process id {pid}"):
        _without_patience(MySqlServer(home, port))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    again = MySqlServer(home, port)
    again.start()
    try:
        assert not is_alive(pid)
        with again.connect("kept") as connection:
            assert connection.open
        second = again.pid
    finally:
        again.stop()
    assert not again.is_running()
    assert second is not None
    assert not is_alive(second)


def test_servers_can_be_installed_side_by_side(tmp_path: Path) -> None:
    homes = [tmp_path / str(number) for number in range(4)]
    script = (
        "import sys; from pathlib import Path; from local.mysql_server import MySqlServer\n"
        "server = MySqlServer(Path(sys.argv[1]), int(sys.argv[2])); server.start(); server.stop()\n"
    )
    installing = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home), str(free_port())],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            cwd=Path(__file__).parents[2],
        )
        for home in homes
    ]
    assert [process.wait() for process in installing] == [0, 0, 0, 0]


def _without_patience(server: MySqlServer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local.private_server._LEFTOVER_SECONDS", 0.0)
        server.start()


def test_the_containers_accounts_have_the_same_rights(mysql_server: MySqlServer) -> None:
    """What the MariaDB image sources at its first start, with its two functions in their plainest form."""
    script = (
        "docker_process_sql() { cat; }; docker_sql_escape_string_literal() { printf %s \"${1//\\'/\\'\\'}\"; }; "
        ". local/compose/mysql_accounts.sh"
    )
    statements = subprocess.run(
        ["bash", "-euc", script],
        env={**os.environ, "MYSQL_OWNER_PASSWORD": "o'wner", "MYSQL_LAKEHOUSE_PASSWORD": "reader"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with mysql_server.connect() as connection, connection.cursor() as cursor:
        for statement in filter(None, map(str.strip, statements.split(";"))):
            cursor.execute(statement)
        rights = {}
        for user in ("owner", "lakehouse"):
            cursor.execute(f"SHOW GRANTS FOR '{user}'@'%'")
            rights[user] = cursor.fetchall()[1:]
            cursor.execute(f"DROP USER '{user}'@'%'")
    assert rights == {
        "owner": (("GRANT ALL PRIVILEGES ON `atliqsale`.* TO `owner`@`%`",),),
        "lakehouse": (("GRANT SELECT ON `atliqsale`.* TO `lakehouse`@`%`",),),
    }


def test_a_schema_is_there_once_it_was_created(mysql_server: MySqlServer) -> None:
    assert not mysql_server.has_schema("never_made")

    mysql_server.create_schema("made_once")

    assert mysql_server.has_schema("made_once")
