"""Slack, by the hook of Airflow's Slack provider and an incoming webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.alerting.masking import for_chat
from lakehouse.alerting.web_post import SECONDS_TO_WAIT
from lakehouse.errors import NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert

CONNECTION = "slackwebhook (Slack)"


def takes(connection: Connection) -> bool:
    """Whether it is Slack's own kind of connection."""
    return connection.conn_type == "slackwebhook"


def send(connection: Connection, alert: Alert) -> None:
    """Posts the alert's text to the webhook whose token, or whole address, is the connection's password.

    Raises:
        NotificationError: it has no password, or Slack refused the message.
        Exception: what Slack's client raises where it cannot be reached.
    """
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    if not connection.password:
        raise NotificationError("its password is missing: put the webhook's token or its whole address there")
    hook = SlackWebhookHook(slack_webhook_conn_id=connection.conn_id, timeout=int(SECONDS_TO_WAIT))
    # Not by the hook's own check of the answer: it shows the whole answer, whose address is a secret.
    response = hook.client.send(text=for_chat(alert.text()), unfurl_links=False)
    if response.status_code != 200:
        raise NotificationError(f"Slack answered {response.status_code} {response.body[:200]}")
