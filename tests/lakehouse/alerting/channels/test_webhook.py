"""A plain webhook: the whole payload, and what an error cannot do in a chat."""

from __future__ import annotations

import pytest
from lakehouse.alerting.channels.webhook import payload

from tests.lakehouse.alerting.conftest import Notifier
from tests.lakehouse.alerting.receivers import Received, failed, hook
from tests.lakehouse.alerting.test_alerts import RUN_ID, RUN_LINK, alert_of, task_context

pytestmark = pytest.mark.airflow
LOG = f"{RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3"
CURE = (
    "mend what the cause names, then clear this table's copy_to_bronze with downstream; "
    "see docs/guides/operations.md#what-to-do-by-what-failed"
)


def test_a_webhook_gets_the_text_and_every_field(notifier: Notifier, webhook: Received) -> None:
    notifier(oncall=hook(webhook, password="token-of-the-hook", extra={"path": "/services/T0/B0"}))(failed())

    title = "atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20"
    assert webhook.bodies == [
        {
            "text": f"{title}\nTable: transactions\nBusiness date: 2026-11-20\nCause: the disk is full\nLog: {LOG}\n"
            f"What to do: {CURE}\nAirflow run: {RUN_ID}",
            "alert": {
                "title": title,
                "kind": "task_failed",
                "what": "atliqsale_daily: copy_to_bronze failed",
                "dag_id": "atliqsale_daily",
                "run_id": RUN_ID,
                "task_id": "table.copy_to_bronze",
                "map_index": 4,
                "table": "transactions",
                "business_date": "2026-11-20",
                "cause": "the disk is full",
                "link": LOG,
                "run_page": None,
                "cure": CURE,
                "dedup_key": f"atliqsale_daily/{RUN_ID}/table.copy_to_bronze/4/task_failed",
            },
        }
    ]
    assert webhook.paths == ["/services/T0/B0"]
    assert webhook.headers[0]["Authorization"] == "Bearer token-of-the-hook"


def test_a_chat_acts_upon_nothing_that_an_error_says() -> None:
    context = task_context(ValueError("<!channel> <@U1> <https://evil.example|ok> [ok](https://evil.example) a & b"))

    assert (
        "Cause: &lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|ok&gt; [ok] (https://evil.example) a &amp; b\n"
        in payload(alert_of(context))["text"]
    )
