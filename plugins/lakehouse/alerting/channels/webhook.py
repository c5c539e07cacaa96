"""A plain webhook: the alert's text, and every field as it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lakehouse.alerting.masking import for_chat
from lakehouse.alerting.web_post import leads_to, post

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert

CONNECTION = "http, https or webhook (a plain webhook)"


def takes(connection: Connection) -> bool:
    """Whether it is a web address that no format is asked for."""
    return leads_to(connection, None)


def send(connection: Connection, alert: Alert) -> None:
    """Posts the alert; the connection's password goes along as a bearer token."""
    post(connection, payload(alert), {"Authorization": f"Bearer {connection.password}"} if connection.password else {})


def payload(alert: Alert) -> dict[str, Any]:
    """What is posted: `text` as chat programs take it, and `alert`."""
    return {"text": for_chat(alert.text()), "alert": {"title": alert.title, **asdict(alert)}}
