"""Connections of commands outside Airflow."""

from __future__ import annotations

import json

import pytest
from lakehouse.errors import SourceError
from lakehouse.source.source_connection import ConnectionInfo

from cli.commands.mysql_address import connection_from_text, find_connection

SHOP = ConnectionInfo("c", "db.example", 3307, "jo", "p@ss:/word", "shop")


def test_a_url_holds_all_parts_percent_encoded() -> None:
    assert connection_from_text("mysql://jo:p%40ss%3A%2Fword@db.example:3307/shop", "c") == SHOP


def test_a_url_may_leave_out_all_but_the_host() -> None:
    assert connection_from_text("mysql://db.example", "c") == ConnectionInfo("c", "db.example", 3306, "", "", None)


def test_a_urls_query_is_the_extra() -> None:
    url = "mysql://jo@localhost/?unix_socket=%2Frun%2Fmysql.sock&ssl_mode=REQUIRED&ssl=%7B%22ca%22%3A%22a.pem%22%7D"

    assert connection_from_text(url, "c") == ConnectionInfo(
        "c", "localhost", 3306, "jo", "", None, "/run/mysql.sock", {"ca": "a.pem"}, "REQUIRED"
    )


def test_airflows_json_form_is_read_too() -> None:
    parts = {"conn_type": "mysql", "host": "db.example", "port": 3307, "login": "jo", "password": "p@ss:/word"}

    assert connection_from_text(json.dumps({**parts, "schema": "shop"}), "c") == SHOP
    assert connection_from_text(json.dumps({**parts, "extra": '{"ssl_mode": "REQUIRED"}'}), "c").ssl_mode == "REQUIRED"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgres://jo:secret@h/s", "must be written as mysql://user:password@host:3306/schema"),
        ("jo:secret@h/s", "must be written as mysql://"),
        ("mysql://jo:secret@h:port/s", "its address is no URL: write it as mysql://"),
        ("mysql://jo:sec#ret@h/s", "its address is no URL"),
        ('{"host": "h", "password": "secret"', "the connection must be a JSON object"),
        ('{"host": "h", "password": "secret", "port": "x"}', "port must be a number, not 'x'"),
        ("mysql://jo:secret@h/s?ssl=yes", "ssl in its extra must be a JSON object, not 'yes'"),
        ("mysql://jo:secret@h/s?__extra__=yes", "__extra__ must be a JSON object"),
    ],
)
def test_what_cannot_be_read_is_told_without_the_password(text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        connection_from_text(text, "c")

    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_url_wins_over_the_environment() -> None:
    environ = {"AIRFLOW_CONN_MYSQL_ONPREM": "mysql://jo@elsewhere"}

    assert find_connection("mysql://jo@here", "mysql_onprem", environ).host == "here"
    assert find_connection(None, "mysql_onprem", environ).host == "elsewhere"
