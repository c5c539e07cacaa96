"""The wait for the source: what it takes for ready, and what its failure says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSensorTimeout
from lakehouse.sensors.mysql_ready_sensor import MySqlReadySensor

from local.mysql_server import MySqlServer
from local.processes import free_port

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]


class FirstPoke:
    """The one question that a sensor asks of its task instance, as answered before any reschedule."""

    def get_first_reschedule_date(self, context: Any) -> None:
        """Nothing was rescheduled yet."""


def connect(monkeypatch: pytest.MonkeyPatch, port: int, password: str) -> None:
    """Set the Airflow connection of the source."""
    connection = {"conn_type": "mysql", "host": "127.0.0.1", "port": port, "login": "lakehouse", "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", json.dumps(connection))


def sensor(schema: str, timeout: float) -> MySqlReadySensor:
    """The task that waits for the source."""
    return MySqlReadySensor(task_id="ready", mysql_conn_id="mysql_onprem", schema=schema, timeout=timeout)


def test_a_server_that_shows_the_schema_is_ready(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = fresh_schema()
    connection = mysql_server.connect(schema)
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n INT)")
    finally:
        connection.close()
    connect(monkeypatch, mysql_server.port, mysql_server.credentials.lakehouse)
    assert sensor(schema, 60).poke({}) is True


def test_a_refused_login_fails_at_once(mysql_server: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, mysql_server.port, "wrong-secret")
    with pytest.raises(AirflowFailException, match="correct the login and password") as caught:
        sensor("any", 60).execute({"ti": FirstPoke()})  # type: ignore[typeddict-item]
    assert "wrong-secret" not in str(caught.value)


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, free_port(), "any")
    assert sensor("any", 60).poke({}) is False
    with pytest.raises(AirflowRescheduleException):
        sensor("any", 60).execute({"ti": FirstPoke()})  # type: ignore[typeddict-item]


def test_the_timeout_says_why_the_server_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    connect(monkeypatch, port, "any")
    with pytest.raises(AirflowSensorTimeout, match=rf"mysql_onprem .*:{port}.*see that the server runs.*timed out"):
        sensor("any", 0).execute({"ti": FirstPoke()})  # type: ignore[typeddict-item]
