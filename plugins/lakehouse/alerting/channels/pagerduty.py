"""PagerDuty's Events API v2, by the hook of Airflow's PagerDuty provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.alerting.web_post import leads_to, post
from lakehouse.errors import NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert

CONNECTION = 'pagerduty_events, or http with {"format": "pagerduty"} for another service region (PagerDuty)'
_BY_HOOK = "pagerduty_events"


def takes(connection: Connection) -> bool:
    """Whether it is PagerDuty's own kind of connection, or a web address that is said to be PagerDuty's."""
    return connection.conn_type == _BY_HOOK or leads_to(connection, "pagerduty")


def send(connection: Connection, alert: Alert) -> None:
    """Triggers an event, which PagerDuty groups by its key.

    Raises:
        NotificationError: the connection has no password.
        Exception: what PagerDuty's client raises where it cannot be reached, or refuses the event.
    """
    if not connection.password:
        raise NotificationError("its password is missing: put PagerDuty's routing key (integration key) there")
    found = event(alert)
    if connection.conn_type != _BY_HOOK:
        # The hook knows the address of the service region of the United States alone.
        post(connection, {"routing_key": connection.password, **found})
        return
    from airflow.providers.pagerduty.hooks.pagerduty_events import PagerdutyEventsHook

    hook = PagerdutyEventsHook(pagerduty_events_conn_id=connection.conn_id)
    hook.send_event(
        **found["payload"], action=found["event_action"], dedup_key=found["dedup_key"], links=found["links"]
    )


def event(alert: Alert) -> dict[str, Any]:
    """The event without its routing key."""
    return {
        "event_action": "trigger",
        "dedup_key": alert.dedup_key,
        "payload": {
            "summary": alert.title,
            "source": alert.dag_id,
            "severity": "warning" if alert.kind == "deadline_missed" else "error",
            "component": alert.table or alert.task_id or alert.dag_id,
            "custom_details": dict(alert.lines()),
        },
        "links": [{"href": alert.link, "text": "Airflow"}]
        + ([{"href": alert.run_page, "text": "Databricks"}] if alert.run_page else []),
    }
