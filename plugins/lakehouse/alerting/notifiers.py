"""Sends alerts to the channels that the settings name: mail over an smtp connection, JSON over an http connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier

from lakehouse.alerting.alerts import Alert, build_alert, one_line, task_field
from lakehouse.errors import NotificationError
from lakehouse.settings import AlertSettings, alert_settings_at_run

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

MAIL = "smtp"
WEBHOOKS = ("http", "https", "webhook")
SECONDS_TO_WAIT = 15.0


class AlertNotifier(BaseNotifier):
    """Tells on-call of a failed task, a failed run or a missed deadline.

    For `on_failure_callback` (a task's is called after its last try alone) and for a deadline's callback. A channel
    that cannot be reached is logged and the next is tried: the failure that is told must stay the one that is seen.

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
        if _told_already(context):
            self.log.info("the run has failed and its failed task was told: its deadline is no second problem")
            return []
        try:
            settings = alert_settings_at_run()
            alert = build_alert(
                context,
                airflow_url=settings.airflow_url or _airflow_url(),
                timezone=self.timezone or settings.timezone,
                run_page=_databricks_run_page(context),
            )
        # Whatever keeps the alert from being built must not hide the failure that it is about.
        except Exception as error:
            return [f"it could not be put together: {type(error).__name__}: {one_line(error)}"]
        self.log.info("%s", alert.text())
        if not settings.alert_conn_ids:
            self.log.warning("nobody is told: the setting alert_conn_ids names no connection")
        return self._send_to_all(settings, alert)

    def _send_to_all(self, settings: AlertSettings, alert: Alert) -> list[str]:
        problems = []
        for conn_id in settings.alert_conn_ids:
            try:
                send(conn_id, alert)
            # Each client has errors of its own; none may keep the next channel from being told.
            except Exception as error:
                problems.append(f"connection {conn_id}: {type(error).__name__}: {one_line(error)}")
        return problems


def send(conn_id: str, alert: Alert) -> None:
    """Sends an alert to one channel.

    Raises:
        NotificationError: the connection is of a kind that no alert can be sent to, or lacks something.
        Exception: what the mail or HTTP client raises when the channel cannot be reached.
    """
    from airflow.sdk import BaseHook

    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type == MAIL:
        _send_mail(connection, alert)
    elif connection.conn_type in WEBHOOKS:
        _send_webhook(connection, alert)
    else:
        raise NotificationError(
            f"its type is {connection.conn_type!r}, and alerts go to {MAIL} (mail) or {', '.join(WEBHOOKS)} (webhook)"
        )


def _send_mail(connection: Connection, alert: Alert) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    recipients = [name.strip() for name in str(connection.extra_dejson.get("to", "")).split(",") if name.strip()]
    if not recipients:
        raise NotificationError('it names nobody to write to: add to its extra {"to": "oncall@example.com"}')
    with SmtpHook(smtp_conn_id=connection.conn_id) as hook:
        hook.send_email_smtp(
            to=recipients,
            subject=f"[lakehouse] {alert.title}",
            html_content=alert.html(),
            # Mail programs put messages with one subject and reference into one thread.
            custom_headers={"References": f"<{_reference(alert.dedup_key)}@lakehouse>"},
        )


def _reference(key: str) -> str:
    """The key in the few characters that a mail's reference may hold."""
    return quote(key, safe="/:+-._")


def _send_webhook(connection: Connection, alert: Alert) -> None:
    import httpx

    extra = connection.extra_dejson
    headers = {}
    if extra.get("format") == "pagerduty":
        if not connection.password:
            raise NotificationError("it has no password: put PagerDuty's routing key there")
        payload = alert.pagerduty_event(connection.password)
    else:
        payload = alert.webhook_payload()
        if connection.password:
            headers["Authorization"] = f"Bearer {connection.password}"
    transport = httpx.HTTPTransport(retries=2)
    with httpx.Client(transport=transport, timeout=SECONDS_TO_WAIT) as client:
        response = client.post(_address(connection), json=payload, headers=headers)
    if response.is_error:
        # Not response.raise_for_status: its message holds the address, which is a secret for most webhooks.
        raise NotificationError(f"the webhook answered {response.status_code} {response.text[:200]}")


def _address(connection: Connection) -> str:
    if not connection.host:
        raise NotificationError("it has no host: put the webhook's address there")
    host = connection.host
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    if connection.port:
        address += f":{connection.port}"
    path = str(connection.extra_dejson.get("path", ""))
    return f"{address.rstrip('/')}/{path.lstrip('/')}" if path else address


def _told_already(context: Any) -> bool:
    return "deadline" in context and context["dag_run"].get("state") == "failed"


def _airflow_url() -> str:
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
