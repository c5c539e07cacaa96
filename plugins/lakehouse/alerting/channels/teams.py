"""Microsoft Teams: an Adaptive Card, as a webhook of Workflows takes nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.alerting.web_post import leads_to, post

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert

CONNECTION = 'http or https with {"format": "teams"} (Microsoft Teams)'


def takes(connection: Connection) -> bool:
    """Whether it is a web address that is said to be Teams'."""
    return leads_to(connection, "teams")


def send(connection: Connection, alert: Alert) -> None:
    """Posts the alert as a card; the address of a Workflows webhook holds its own key."""
    post(connection, payload(alert))


def payload(alert: Alert) -> dict[str, Any]:
    """The message with its one card.

    Its texts are runs, which a card shows as they are: of other texts it takes Markdown, with links under any name.
    """
    links = alert.links()
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _block({"text": alert.title, "weight": "Bolder", "size": "Medium"}),
            *(
                _block({"text": f"{label}: ", "weight": "Bolder"}, {"text": text})
                for label, text in alert.lines()
                if (label, text) not in links
            ),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": address} for label, address in links],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _block(*runs: dict[str, str]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
