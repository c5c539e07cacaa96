"""What a user may get wrong about the source gives one clear message, and never the password."""

from __future__ import annotations

import json
import os
import socket
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.source.mysql_source import MySqlSource, SourceTable, list_tables
from lakehouse.source.source_connection import ConnectionInfo, connection_info
from lakehouse.source.type_map import SourceColumn

from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from local.processes import free_port
from tests.lakehouse.copying import Bench, info_of
from tests.waiting import wait_until

pytestmark = pytest.mark.mysql


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze")


def test_tables_and_views_are_listed_by_name(bench: Bench) -> None:
    bench.sql("CREATE TABLE b (n INT)", "CREATE TABLE `a b` (n INT)", "CREATE VIEW v AS SELECT n FROM b")
    assert list_tables(info_of(bench.server), bench.schema) == (
        SourceTable("a b", False),
        SourceTable("b", False),
        SourceTable("v", True),
    )


@pytest.mark.mariadb_only
def test_a_table_with_versions_is_a_table_and_a_sequence_is_none(bench: Bench) -> None:
    bench.sql("CREATE SEQUENCE counter", "CREATE TABLE versioned (n INT) WITH SYSTEM VERSIONING")
    assert list_tables(info_of(bench.server), bench.schema) == (SourceTable("versioned", False),)


@pytest.mark.mysql_only
def test_keys_that_the_server_made_and_generated_columns_are_columns(bench: Bench) -> None:
    bench.sql(
        "SET SESSION sql_generate_invisible_primary_key = ON",
        "CREATE TABLE t (a INT, double_a INT AS (a * 2) VIRTUAL, kept INT AS (a + 1) STORED, h INT INVISIBLE)",
        "INSERT INTO t (a, h) VALUES (21, 9)",
    )
    with MySqlSource(info_of(bench.server)) as source:
        assert source.columns(bench.schema, "t") == (
            SourceColumn("my_row_id", "bigint unsigned", False, True),
            SourceColumn("a", "int", True),
            SourceColumn("double_a", "int", True),
            SourceColumn("kept", "int", True),
            SourceColumn("h", "int", True),
        )
    bench.copy(bench.spec("t"), "2026-11-20")
    assert bench.rows("t") == [(1, 21, 42, 22, 9)]


@pytest.mark.mysql_only
def test_the_servers_estimate_of_rows_is_never_of_yesterday(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", "ANALYZE TABLE t")
    with MySqlSource(info_of(bench.server)) as source:
        assert source.estimated_rows(bench.schema, "t") == 1
        bench.sql(f"INSERT INTO t SELECT seq FROM {number_rows(2, 5000)}", "ANALYZE TABLE t")
        assert source.estimated_rows(bench.schema, "t") == 5000


def test_columns_are_described_in_their_order(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (z INT PRIMARY KEY, a VARCHAR(9) NULL, `u` INT UNIQUE, h DATE INVISIBLE)")
    with MySqlSource(info_of(bench.server)) as source:
        assert source.columns(bench.schema, "t") == (
            SourceColumn("z", "int", False, True),
            SourceColumn("a", "varchar(9)", True, False, "utf8mb4"),
            SourceColumn("u", "int", True, True),
            SourceColumn("h", "date", True, False),
        )


def problem_of(info: ConnectionInfo, schema: str) -> SourceError:
    """The error of looking a schema up."""
    with pytest.raises(SourceError) as caught:
        list_tables(info, schema)
    assert info.password not in str(caught.value)
    assert info.password not in repr(info)
    return caught.value


def test_a_wrong_password_is_named_and_not_told(bench: Bench) -> None:
    error = problem_of(info_of(bench.server, password="wrong-secret"), bench.schema)
    assert str(error).startswith(f"connection mysql_onprem (lakehouse@127.0.0.1:{bench.server.port}): cannot connect: ")
    assert "(error 1045): correct the login and password of the connection; where" in str(error)
    assert not isinstance(error, SourceUnavailableError)


def test_a_server_that_is_down_may_be_tried_again(mysql_server: MySqlServer) -> None:
    port = free_port()
    error = problem_of(info_of(mysql_server, port=port), "any")
    assert f"127.0.0.1:{port}" in str(error)
    assert "see that the server runs" in str(error)
    assert isinstance(error, SourceUnavailableError)


def test_an_unknown_host_is_named(mysql_server: MySqlServer) -> None:
    assert "lakehouse@no-such-host.invalid:" in str(
        problem_of(info_of(mysql_server, host="no-such-host.invalid"), "any")
    )


def test_an_unknown_schema_is_named(mysql_server: MySqlServer) -> None:
    assert "there is no schema no_such_schema that the user may see: correct its name" in str(
        problem_of(info_of(mysql_server), "no_such_schema")
    )
    assert "(error 1044)" in str(problem_of(info_of(mysql_server, database="no_such_schema"), "no_such_schema"))


def test_an_empty_schema_is_an_error(bench: Bench) -> None:
    assert f"schema {bench.schema} has no tables that the user may see: create them, or grant" in str(
        problem_of(info_of(bench.server), bench.schema)
    )


def test_a_table_without_a_grant_names_the_cure(bench: Bench) -> None:
    with (
        MySqlSource(info_of(bench.server)) as source,
        pytest.raises(SourceError, match=r"1142\): grant the user SELECT on the table"),
    ):
        source.begin_snapshot("mysql", "global_priv")


def test_a_broken_view_names_the_cure(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (n INT)", "CREATE VIEW v AS SELECT n FROM t", "DROP TABLE t")
    with MySqlSource(info_of(bench.server)) as source, pytest.raises(SourceError, match="mend the view on the server"):
        source.begin_snapshot(bench.schema, "v")


WIDE = f"INSERT INTO wide SELECT REPEAT('x', 100000) FROM {number_rows(1, 500)}"


_SIGNAL = (
    "CREATE FUNCTION checked(code VARCHAR(20)) RETURNS INT DETERMINISTIC BEGIN DECLARE told VARCHAR(50); "
    "SET told = CONCAT('no code: ', code); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = told; RETURN 1; END"
)


@pytest.mark.parametrize(
    ("function", "call", "number"),
    [
        pytest.param((_SIGNAL,), "checked(code)", 1644, marks=pytest.mark.mariadb_only),
        pytest.param((), "UUID_TO_BIN(code)", 1411, marks=pytest.mark.mysql_only),
    ],
)
def test_what_a_view_says_of_a_row_is_told_nobody(
    bench: Bench, function: tuple[str, ...], call: str, number: int
) -> None:
    bench.sql(
        "CREATE TABLE base (code VARCHAR(20))",
        "INSERT INTO base VALUES ('4111-SECRET')",
        *function,
        f"CREATE VIEW v AS SELECT {call} AS code FROM base",
    )
    read = f"SELECT code FROM `{bench.schema}`.v"
    for all_of in (MySqlSource.rows, lambda source, sql: list(source.stream(sql, 100, 10_000))):
        with MySqlSource(info_of(bench.server)) as source, pytest.raises(SourceError) as caught:
            all_of(source, read)
        assert f"(error {number}): read the table or view on the server" in str(caught.value)
        # A task's log shows the causes too.
        assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_wide_rows_come_in_small_batches(bench: Bench) -> None:
    bench.sql("CREATE TABLE wide (b LONGBLOB)", WIDE)
    with MySqlSource(info_of(bench.server)) as source:
        batches = [len(columns[0]) for columns in source.stream(f"SELECT b FROM `{bench.schema}`.wide", 4096, 10**6)]
        assert source.rows("SELECT 1") == [(b"1",)]
    assert sum(batches) == 500
    assert max(batches) <= 11


class EncryptedSource(MySqlSource):
    """A session whose answers the driver must read; the private server has no certificate for a real one."""

    def _is_plain(self) -> bool:
        assert super()._is_plain()
        return False


SOURCES = pytest.mark.parametrize("kind", [MySqlSource, EncryptedSource])


def test_socket_and_driver_stream_the_same(bench: Bench) -> None:
    bench.sql("CREATE TABLE wide (b LONGBLOB)", WIDE, "INSERT INTO wide VALUES (NULL), ('')")
    seen = []
    for kind in (MySqlSource, EncryptedSource):
        with kind(info_of(bench.server)) as source:
            batches = list(source.stream(f"SELECT b, LENGTH(b), 'é' FROM `{bench.schema}`.wide", 4096, 10**6))
        assert max(len(columns[0]) for columns in batches[1:]) <= 11
        seen.append([row for columns in batches for row in zip(*(c.to_pylist() for c in columns), strict=True)])
    assert seen[0] == seen[1]
    assert seen[0][-2:] == [(None, None, "é".encode()), (b"", b"0", "é".encode())]


@SOURCES
def test_an_answer_of_no_rows_is_no_batch(bench: Bench, kind: type[MySqlSource]) -> None:
    with kind(info_of(bench.server)) as source:
        assert list(source.stream("SELECT 1 FROM DUAL WHERE FALSE", 4096, 10**6)) == []
        assert source.rows("SELECT 1") == [(b"1",)]


@SOURCES
def test_a_session_whose_stream_was_left_is_closed(bench: Bench, kind: type[MySqlSource]) -> None:
    with kind(info_of(bench.server)) as source:
        stream = source.stream(f"SELECT seq FROM {number_rows(1, 1000000)}", 4096, 10**6)
        next(stream)
        stream.close()
        with pytest.raises(SourceUnavailableError, match="the connection was closed"):
            source.rows("SELECT 1")


@SOURCES
def test_a_refused_stream_names_the_cure(bench: Bench, kind: type[MySqlSource]) -> None:
    with (
        kind(info_of(bench.server)) as source,
        pytest.raises(SourceError, match=r"error 1142\): grant the user SELECT on the table"),
    ):
        list(source.stream("SELECT * FROM mysql.global_priv", 4096, 10**6))


def test_cancel_ends_a_query_that_is_under_way(bench: Bench) -> None:
    with MySqlSource(info_of(bench.server)) as source:
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                source.rows("SELECT SLEEP(600)")
            except SourceError as error:
                failures.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        running = "SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT SLEEP(600)'"
        wait_until(lambda: bench.ask(running), "the query began")
        source.cancel()
        thread.join(30)
        assert not thread.is_alive()
    assert [type(error) for error in failures] in ([SourceUnavailableError], [])


def test_a_server_that_vanished_is_noticed_within_two_minutes(bench: Bench) -> None:
    with MySqlSource(info_of(bench.server)) as source:
        handle = socket.socket(fileno=os.dup(source._connection.fileno()))
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, count = (
            handle.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        handle.close()
    assert idle + interval * count == 120


def test_a_closed_session_says_so(bench: Bench) -> None:
    source = MySqlSource(info_of(bench.server))
    with source:
        pass
    with pytest.raises(SourceUnavailableError, match="the connection was closed"):
        source.rows("SELECT 1")


def test_the_servers_version_is_known_without_privileges(bench: Bench) -> None:
    with MySqlSource(info_of(bench.server)) as source:
        server = source.server()
    assert ("MariaDB" in server.version) == (bench.server.NAME == "MariaDB")
    assert (server.binlog_file, server.binlog_position, server.gtid) == (None, None, None)


def test_an_airflow_connection_gives_all_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    document: dict[str, Any] = {
        "conn_type": "mysql",
        "host": "db.example",
        "port": 3307,
        "login": "reader",
        "password": "secret",
        "schema": "atliqsale",
        "extra": {"ssl": '{"ca": "/ca.pem"}', "ssl_mode": "VERIFY_CA", "unix_socket": "/s.sock"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_TEST", json.dumps(document))
    assert connection_info("mysql_test") == ConnectionInfo(
        "mysql_test", "db.example", 3307, "reader", "secret", "atliqsale", "/s.sock", {"ca": "/ca.pem"}, "VERIFY_CA"
    )


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"ssl": "yes"}, "ssl in its extra must be a JSON object, not 'yes'"),
        ({"ssl": [1]}, r"ssl in its extra must be a JSON object, not \[1\]"),
        ({"ssl": {"CA": "/ca.pem"}}, "ssl in its extra has CA: '/ca.pem': use ca, capath, cert, key, cipher"),
        ({"ssl": {"ca": True}}, "ssl in its extra has ca: True: use ca, capath, cert, key, cipher, each with a text"),
        ({"ssl_mode": "verify_ca"}, "ssl_mode in its extra is 'verify_ca': use DISABLED, PREFERRED, REQUIRED, VERIFY_"),
    ],
)
def test_an_extra_that_cannot_be_used_is_named(
    extra: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_TEST", json.dumps({"conn_type": "mysql", "extra": extra}))
    with pytest.raises(SourceError, match=f"connection mysql_test: {message}"):
        connection_info("mysql_test")


def test_a_missing_airflow_connection_is_named() -> None:
    with pytest.raises(SourceError, match="there is no Airflow connection no_such_conn: add it with type mysql"):
        connection_info("no_such_conn")


def test_cancel_ends_a_query_where_the_server_takes_no_second_session(bench: Bench) -> None:
    failures: list[BaseException] = []

    def sleep(source: MySqlSource) -> None:
        try:
            source.rows("SELECT SLEEP(600) AS no_second_session")
        except SourceError as error:
            failures.append(error)

    running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%no_second_session'"
    bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        with MySqlSource(info_of(bench.server)) as source:
            thread = threading.Thread(target=sleep, args=[source])
            thread.start()
            wait_until(lambda: bench.ask(running), "the query began")
            source.cancel()
            thread.join(20)
            assert not thread.is_alive()
    finally:
        bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")
        # The server does not notice who has hung up before it has slept.
        bench.sql(*(f"KILL {row[0]}" for row in bench.ask(running)))
    assert [type(error) for error in failures] == [SourceUnavailableError]
