"""The hook says of the source whether each table can be read, and names what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from lakehouse.hooks.mysql_source_hook import MySqlSourceHook

from local.mysql_server import MySqlServer
from local.processes import free_port

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]


def connect(monkeypatch: pytest.MonkeyPatch, port: int, login: str = "lakehouse", password: str = "") -> None:
    connection = {"conn_type": "mysql", "host": "127.0.0.1", "port": port, "login": login, "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", json.dumps(connection))


def run(server: MySqlServer, *statements: str) -> None:
    connection = server.connect()
    try:
        for statement in statements:
            connection.query(statement)
    finally:
        connection.close()


def test_an_account_that_may_read_every_table_is_well(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = fresh_schema()
    run(mysql_server, f"CREATE TABLE {schema}.t (n INT)", f"CREATE VIEW {schema}.v AS SELECT n FROM {schema}.t")
    connect(monkeypatch, mysql_server.port, password=mysql_server.credentials.lakehouse)

    works, message = MySqlSourceHook().test_connection(schema)

    assert (works, message) == (
        True,
        f"connection mysql_onprem (lakehouse@127.0.0.1:{mysql_server.port}) reads the 2 tables and views of {schema}",
    )


def test_each_grant_that_is_missing_is_named(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = fresh_schema()
    user = "'poor'@'127.0.0.1'"
    run(
        mysql_server,
        *(f"CREATE TABLE {schema}.{table} (n INT, m INT)" for table in ("open", "closed", "half")),
        f"CREATE USER {user} IDENTIFIED BY 'a password'",
        f"GRANT SELECT ON {schema}.open TO {user}",
        f"GRANT INSERT ON {schema}.closed TO {user}",
        f"GRANT SELECT (n) ON {schema}.half TO {user}",
    )
    try:
        connect(monkeypatch, mysql_server.port, "poor", "a password")

        works, message = MySqlSourceHook().test_connection(schema)
    finally:
        run(mysql_server, f"DROP USER {user}")

    assert not works
    closed, half = message.splitlines()
    assert re.search(r"denied to user .* for table .*closed", closed)
    assert "grant the user SELECT on" in closed
    assert re.search(r"denied to user .* for .*half", half)
    assert "grant the user SELECT on" in half
    assert "a password" not in message


def test_a_server_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, free_port())

    works, message = MySqlSourceHook().test_connection("shop")

    assert not works
    assert "see that the server runs" in message


def test_a_connection_without_a_schema_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, 3306)

    assert MySqlSourceHook().test_connection() == (
        False,
        "connection mysql_onprem (lakehouse@127.0.0.1:3306): no schema is named: add it to the connection",
    )
