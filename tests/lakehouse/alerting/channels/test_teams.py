"""Teams: the whole payload, an Adaptive Card."""

from __future__ import annotations

import pytest

from tests.lakehouse.alerting.conftest import Notifier
from tests.lakehouse.alerting.receivers import Received, failed, hook
from tests.lakehouse.alerting.test_alerts import RUN_ID, RUN_LINK

pytestmark = pytest.mark.airflow


def test_teams_gets_a_card_whose_texts_are_shown_as_they_are(notifier: Notifier, webhook: Received) -> None:
    extra = {"format": "teams", "path": "/workflows/7/triggers/manual/paths/invoke?sig=key"}

    notifier(oncall=hook(webhook, extra=extra))(failed("[full](https://evil.example) **disk**"))

    lines = {
        "Table": "transactions",
        "Business date": "2026-11-20",
        "Cause": "[full](https://evil.example) **disk**",
        "What to do": "mend what the cause names, then clear this table's copy_to_bronze with downstream; see "
        "docs/guides/operations.md#what-to-do-by-what-failed",
        "Airflow run": RUN_ID,
    }
    title = {
        "type": "TextRun",
        "text": "atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20",
        "weight": "Bolder",
        "size": "Medium",
    }
    log = f"{RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3"
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            {"type": "RichTextBlock", "inlines": [title]},
            *(
                {
                    "type": "RichTextBlock",
                    "inlines": [
                        {"type": "TextRun", "text": f"{label}: ", "weight": "Bolder"},
                        {"type": "TextRun", "text": text},
                    ],
                }
                for label, text in lines.items()
            ),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Log", "url": log}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    assert webhook.bodies == [{"type": "message", "attachments": [attachment]}]
    assert webhook.paths == ["/workflows/7/triggers/manual/paths/invoke?sig=key"]
    assert "Authorization" not in webhook.headers[0]
