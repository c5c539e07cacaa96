"""Mail, by the hook of Airflow's SMTP provider."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import quote

from lakehouse.errors import NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert

CONNECTION = "smtp (mail)"


def takes(connection: Connection) -> bool:
    """Whether it is a mail server."""
    return connection.conn_type == "smtp"


def send(connection: Connection, alert: Alert) -> None:
    """Writes to everyone whom the extra's `to` names.

    Raises:
        NotificationError: it has no recipient.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    recipients = [name.strip() for name in str(connection.extra_dejson.get("to", "")).split(",") if name.strip()]
    if not recipients:
        raise NotificationError('it has no recipient: add to its extra {"to": "oncall@example.com"}')
    with SmtpHook(smtp_conn_id=connection.conn_id) as hook:
        hook.send_email_smtp(
            to=recipients,
            subject=f"[lakehouse] {alert.title}",
            html_content=as_html(alert),
            # Mail programs put messages with one subject and reference into one thread; it may hold few characters.
            custom_headers={"References": f"<{quote(alert.dedup_key, safe='/:+-._')}@lakehouse>"},
        )


def as_html(alert: Alert) -> str:
    """The whole message as HTML."""
    links = alert.links()
    shown = [(html.escape(label), _shown(text, (label, text) in links)) for label, text in alert.lines()]
    rows = "".join(f"<tr><th align='left' valign='top'>{label}</th><td>{text}</td></tr>" for label, text in shown)
    return f"<p><b>{html.escape(alert.title)}</b></p><table>{rows}</table>"


def _shown(text: str, is_link: bool) -> str:
    escaped = html.escape(text)
    return f"<a href='{escaped}'>{escaped}</a>" if is_link else escaped
