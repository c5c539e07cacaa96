"""Sends alerts to the connections that the settings name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseNotifier

from lakehouse.alerting.alerts import Alert, build_alert, one_line, task_field
from lakehouse.alerting.channel import send
from lakehouse.errors import NotificationError
from lakehouse.settings import AlertSettings, alert_settings_at_run

if TYPE_CHECKING:
    from airflow.sdk import Context

NO_CONNECTION = "no alert is sent: the setting alert_conn_ids names no connection"
"""What is shown in place of an alert that has nowhere to go."""


class AlertNotifier(BaseNotifier):
    """Alerts on-call to a failed task, a failed run or a missed deadline.

    For `on_failure_callback` (a task's is called after its last try alone) and for a deadline's callback. A channel
    that cannot be reached is logged and the next is tried: the failure that is alerted must stay the one that is seen.

    Args:
        raise_when_undelivered: raise NotificationError when a channel could not be reached.
        timezone: the DAG's, in which its data intervals have a date; None: that of the settings.
        context: given by Airflow where it awaits the notifier.
    """

    def __init__(
        self, *, raise_when_undelivered: bool = False, timezone: str | None = None, context: Context | None = None
    ) -> None:
        super().__init__(context=context)
        self.raise_when_undelivered = raise_when_undelivered
        self.timezone = timezone

    def notify(self, context: Context) -> None:
        """Sends one alert to every channel.

        Raises:
            NotificationError: a channel could not be reached, and `raise_when_undelivered` is set.
        """
        problems = self._deliver(context)
        for problem in problems:
            self.log.error("alert not delivered: %s", problem)
        if problems and self.raise_when_undelivered:
            raise NotificationError("\n".join(problems))

    async def async_notify(self, context: Context) -> None:
        """The same inside the triggerer, whose event loop must not wait for a mail server."""
        await asyncio.to_thread(self.notify, context)

    def _deliver(self, context: Context) -> list[str]:
        if _alerted_already(context):
            self.log.info("the run has failed and its failed task was alerted: its deadline is no second problem")
            return []
        try:
            settings = alert_settings_at_run()
            alert = build_alert(
                context,
                airflow_url=settings.airflow_url or airflow_url(),
                timezone=self.timezone or settings.timezone,
                run_page=_databricks_run_page(context),
            )
        # Whatever keeps the alert from being built must not hide the failure that it is about.
        except Exception as error:
            return [f"it could not be put together: {type(error).__name__}: {one_line(error)}"]
        self.log.info("%s", alert.text())
        if not settings.alert_conn_ids:
            self.log.warning(NO_CONNECTION)
        return send_to_all(settings, alert)


def send_to_all(settings: AlertSettings, alert: Alert) -> list[str]:
    """Sends an alert to every connection of the settings, and gives a line for each that could not be reached."""
    problems = []
    for conn_id in settings.alert_conn_ids:
        try:
            send(BaseHook.get_connection(conn_id), alert)
        # Each client has errors of its own; none may keep the alert from the next channel.
        except Exception as error:
            problems.append(f"connection {conn_id}: {type(error).__name__}: {one_line(error)}")
    return problems


def _alerted_already(context: Any) -> bool:
    return "deadline" in context and context["dag_run"].get("state") == "failed"


def airflow_url() -> str:
    """Airflow's own address by its configuration, without a slash at its end."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def _databricks_run_page(context: Any) -> str | None:
    instance = context.get("ti")
    if instance is None or task_field(context, "databricks_conn_id") is None:
        return None
    try:
        page = instance.xcom_pull(task_ids=instance.task_id, key="run_page_url", map_indexes=instance.map_index)
    # An alert without the page is better than none.
    except Exception:
        return None
    return page if isinstance(page, str) else None
