"""What goes wrong at a real server while a table is copied: tried again, or one clear message; never half a table."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.table_copy import CopyLimits
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.lake.lake_path import files_below
from lakehouse.source import mysql_source
from lakehouse.source.source_load import SourceLoad

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from local.processes import free_port
from tests.lakehouse.certificates import make_certificates
from tests.lakehouse.copying import Bench, slices
from tests.lakehouse.slow_copy import Slowly

pytestmark = pytest.mark.mysql

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[MySqlServer]:
    """A server that these tests may stop, and that offers TLS."""
    folder = certificates
    options = (f"--ssl-ca={folder}/ca.pem", f"--ssl-cert={folder}/cert.pem", f"--ssl-key={folder}/key.pem")
    server = MySqlServer(tmp_path_factory.mktemp("mariadb"), free_port(), options)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bench(server: MySqlServer, tmp_path: Path) -> Bench:
    """Two dates in bronze, of which the second has changed by 5,000 rows since."""
    schema = f"faults_{next(_numbers)}"
    server.create_schema(schema)
    bench = Bench(server, schema, tmp_path / "bronze")
    bench.sql(
        "CREATE TABLE sales (sold_on DATE, qty INT, amount DECIMAL(14,2)) ENGINE=InnoDB",
        "INSERT INTO sales VALUES ('2026-11-18', 1, 10.10), ('2026-11-19', 2, 20.20)",
    )
    bench.copy(bench.spec("sales", "sold_on"), "2026-11-20")
    bench.sql(f"INSERT INTO sales SELECT '2026-11-19', seq, 1 FROM {number_rows(1, 5000)}")
    return bench


@pytest.fixture
def spec(bench: Bench) -> CopySpec:
    return bench.spec("sales", "sold_on")


def state(bench: Bench) -> dict[str, bytes]:
    """All that is in bronze, hidden files too."""
    return {file.name: (bench.root / file.name).read_bytes() for file in files_below(bench.root)}


def refused(bench: Bench, spec: CopySpec) -> SourceError:
    """The error of a copy that must leave bronze as it was."""
    before = state(bench)
    with pytest.raises(SourceError) as caught:
        bench.copy(spec, "2026-11-20", "faulty")
    assert state(bench) == before
    assert str(caught.value).startswith("connection mysql_onprem (")
    assert "\n" not in str(caught.value)
    return caught.value


def heals(bench: Bench, spec: CopySpec) -> None:
    """The retry brings the whole table."""
    bench.load = SourceLoad()
    bench.copy(spec, "2026-11-20", "retry")
    assert slices(bench.visible("sales")) == {"2026-11-18": 1, "2026-11-19": 5_001}
    assert len(bench.rows("sales")) == 5_002


@pytest.fixture
def wide(bench: Bench, spec: CopySpec) -> CopySpec:
    """A table of more bytes than the connection's buffers hold, so that the server waits for the reader."""
    bench.sql(
        "ALTER TABLE sales ADD COLUMN note TEXT",
        "UPDATE sales SET note = REPEAT('x', 6000)",
    )
    return spec


def test_a_server_restart_in_the_middle_of_a_stream_is_tried_again(bench: Bench, wide: CopySpec) -> None:
    before = state(bench)
    with Slowly(bench, wide) as copy:
        bench.server.stop()
        bench.server.start()
    assert isinstance(copy.error, SourceUnavailableError)
    assert re.search(r"cannot read: .*\(error (2013|2006|1053)\): ", str(copy.error))
    assert state(bench) == before
    heals(bench, wide)


def test_a_killed_connection_is_tried_again(bench: Bench, wide: CopySpec) -> None:
    before = state(bench)
    with Slowly(bench, wide) as copy:
        for (session,) in bench.ask("SELECT id FROM information_schema.processlist WHERE user = 'lakehouse'"):
            bench.sql(f"KILL CONNECTION {session}")
    assert isinstance(copy.error, SourceUnavailableError)
    assert "nothing was changed; the task tries again" in str(copy.error)
    assert state(bench) == before
    heals(bench, wide)


def test_a_killed_query_is_tried_again(bench: Bench, wide: CopySpec) -> None:
    before = state(bench)
    with Slowly(bench, wide) as copy:
        for (session,) in bench.ask("SELECT id FROM information_schema.processlist WHERE user = 'lakehouse'"):
            bench.sql(f"KILL QUERY {session}")
    assert isinstance(copy.error, SourceUnavailableError)
    assert "(error 1317): the query was killed on the server: nothing was changed" in str(copy.error)
    assert state(bench) == before
    heals(bench, wide)


def test_a_locked_table_is_waited_for_and_then_tried_again(bench: Bench, spec: CopySpec) -> None:
    bench.load = SourceLoad(session_settings={"lock_wait_timeout": 1})
    other = bench.server.connect(bench.schema)
    other.query("LOCK TABLES sales WRITE")
    error = refused(bench, spec)
    other.query("UNLOCK TABLES")
    other.close()
    assert isinstance(error, SourceUnavailableError)
    assert "(error 1205): another session holds a lock on the table: nothing was changed" in str(error)
    heals(bench, spec)


def test_a_read_only_replica_is_copied_like_any_server(bench: Bench, spec: CopySpec) -> None:
    bench.sql("SET GLOBAL read_only = ON")
    try:
        heals(bench, spec)
    finally:
        bench.sql("SET GLOBAL read_only = OFF")


def test_a_time_limit_for_queries_fails_with_its_cure(bench: Bench, spec: CopySpec) -> None:
    bench.sql("CREATE VIEW slow AS SELECT sold_on, qty + SLEEP(0.001) AS qty FROM sales")
    slow = bench.spec("slow", "sold_on")
    bench.load = SourceLoad(session_settings={"max_statement_time": 0.2})
    error = refused(bench, slow)
    assert not isinstance(error, SourceUnavailableError)
    assert "(error 1969): the server's time limit for a query was reached: raise max_statement_time" in str(error)
    # What the server's administrator set for the account can be lifted for the copy alone, if he agrees.
    bench.sql(
        "ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_STATEMENT_TIME 0.2",
        "CREATE OR REPLACE VIEW slow AS SELECT 1 AS n, SLEEP(0.4) AS s",
    )
    try:
        bench.load = SourceLoad()
        assert "(error 1969)" in str(refused(bench, bench.spec("slow")))
        bench.load = SourceLoad(session_settings={"max_statement_time": 0})
        assert bench.copy(bench.spec("slow"), "2026-11-20").rows_read == 1
    finally:
        bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_STATEMENT_TIME 0")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"no_such_setting": 1}, "cannot connect (SET SESSION no_such_setting = 1): Unknown system variable"),
        ({"max_connections": 1}, "(error 1229): this cannot be set for a session: correct the setting copy_session"),
        ({"lock_wait_timeout": "soon"}, "(error 1232): the value of this session setting has the wrong type: correct"),
        ({"optimizer_switch": "maybe"}, "(error 1231): the server refuses the value of this session setting: correct"),
        ({"sql_log_bin": 0}, "(error 1227): the user may not set this session setting: correct the setting copy_sess"),
    ],
)
def test_a_session_setting_that_the_server_refuses_is_named(
    bench: Bench, spec: CopySpec, settings: dict[str, Any], message: str
) -> None:
    bench.load = SourceLoad(session_settings=settings)
    assert message in str(refused(bench, spec))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], list[int]]:
    """Do something between the first attempt to connect and the second, and count the attempts."""
    monkeypatch.setattr(mysql_source, "_FIRST_RETRY_SECONDS", 0.001)
    attempts: list[int] = []
    connect = mysql_source.connect

    def before_the_second(heal: Callable[[], None]) -> list[int]:
        def counted(info: Any) -> Any:
            attempts.append(len(attempts) + 1)
            if len(attempts) == 2:
                heal()
            return connect(info)

        monkeypatch.setattr(mysql_source, "connect", counted)
        return attempts

    return before_the_second


def test_a_server_that_comes_back_is_connected_to(
    bench: Bench, spec: CopySpec, patience: Callable[[Callable[[], None]], list[int]]
) -> None:
    attempts = patience(bench.server.start)
    bench.server.stop()
    bench.load = SourceLoad(connect_attempts=3)
    assert bench.copy(spec, "2026-11-20").rows_read == 5_001
    assert attempts == [1, 2]


def test_a_server_that_stays_away_is_given_up_after_the_last_attempt(
    bench: Bench, spec: CopySpec, patience: Callable[[Callable[[], None]], list[int]]
) -> None:
    attempts = patience(lambda: None)
    bench.load = SourceLoad(connect_attempts=3)
    bench.server.stop()
    try:
        error = refused(bench, spec)
    finally:
        bench.server.start()
    assert isinstance(error, SourceUnavailableError)
    assert "see that the server runs" in str(error)
    assert attempts == [1, 2, 3]


def test_a_refused_login_is_tried_once(
    bench: Bench, spec: CopySpec, patience: Callable[[Callable[[], None]], list[int]]
) -> None:
    attempts = patience(lambda: None)
    bench.load = SourceLoad(connect_attempts=3)
    bench.connection = {"password": "wrong"}
    assert "(error 1045)" in str(refused(bench, spec))
    assert attempts == [1]


def test_an_account_without_a_free_connection_waits_for_one(
    bench: Bench, spec: CopySpec, patience: Callable[[Callable[[], None]], list[int]]
) -> None:
    bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        held = bench.server.connect(user="lakehouse")
        error = refused(bench, spec)
        assert isinstance(error, SourceUnavailableError)
        assert "(error 1226): the user's limit is used up for now: nothing was changed" in str(error)
        patience(held.close)
        bench.load = SourceLoad(connect_attempts=3)
        # One connection is enough for a copy.
        assert bench.copy(spec, "2026-11-20").rows_read == 5_001
    finally:
        bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")


@pytest.fixture
def tls_only(bench: Bench) -> Iterator[None]:
    """The pipeline's account must use TLS."""
    bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' REQUIRE SSL")
    yield
    bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' REQUIRE NONE")


@pytest.mark.parametrize("ssl_mode", [None, "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_table_is_copied_over_tls(
    bench: Bench, spec: CopySpec, tls_only: None, certificates: Path, ssl_mode: str | None
) -> None:
    bench.connection = {"ssl": {"ca": str(certificates / "ca.pem")}, "ssl_mode": ssl_mode}
    heals(bench, spec)


def test_an_account_that_must_use_tls_says_so(bench: Bench, spec: CopySpec, tls_only: None) -> None:
    error = refused(bench, spec)
    assert not isinstance(error, SourceUnavailableError)
    assert 'where server or account ask for TLS, set the TLS options in the connection\'s extra, such as {"ssl"' in str(
        error
    )


def test_a_server_that_takes_nothing_but_tls_says_so(bench: Bench, spec: CopySpec, certificates: Path) -> None:
    administrator = bench.server.connect()
    administrator.query("SET GLOBAL require_secure_transport = ON")
    try:
        assert "ask for TLS, set the TLS options" in str(refused(bench, spec))
        bench.connection = {"ssl": {"ca": str(certificates / "ca.pem")}}
        assert bench.copy(spec, "2026-11-20").rows_read == 5_001
    finally:
        administrator.query("SET GLOBAL require_secure_transport = OFF")
        administrator.close()


@pytest.mark.parametrize("authority", ["stranger.pem", "missing.pem"])
def test_a_certificate_that_cannot_be_trusted_is_refused(
    bench: Bench, spec: CopySpec, certificates: Path, authority: str
) -> None:
    bench.connection = {"ssl": {"ca": str(certificates / authority)}}
    error = refused(bench, spec)
    assert not isinstance(error, SourceUnavailableError)
    assert "(error 2026): correct the TLS options in the connection's extra" in str(error)


def test_a_slow_disk_does_not_cost_the_connection(
    bench: Bench, wide: CopySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own patience with a reader is one second here; the disk takes longer."""
    waiting = "SELECT 1 FROM information_schema.processlist WHERE user = 'lakehouse' AND state = 'Writing to net'"
    held = []

    class SlowFile:
        def __init__(self, file: Any) -> None:
            self._file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, data: bytes) -> int:
            end = time.monotonic() + 60
            while not held and not bench.ask(f"{waiting} AND time_ms > 2000"):
                assert time.monotonic() < end
            held.append(True)
            return int(self._file.write(data))

    open_file = Path.open

    def slow_open(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = open_file(path, mode, *rest, **more)
        return SlowFile(file) if path.suffix == ".parquet" and mode == "xb" else file

    monkeypatch.setattr(Path, "open", slow_open)
    # Small batches: what waits in memory must not be the whole table.
    bench.limits = CopyLimits(batch_rows=500, files=FileLimits(row_group_rows=500))
    bench.sql("SET GLOBAL net_write_timeout = 1")
    try:
        heals(bench, wide)
    finally:
        bench.sql("SET GLOBAL net_write_timeout = 60")
    assert held
