"""Slack: the whole payload, by the provider's hook."""

from __future__ import annotations

import pytest
from lakehouse.errors import NotificationError

from tests.lakehouse.alerting.conftest import Notifier
from tests.lakehouse.alerting.receivers import Received, failed
from tests.lakehouse.alerting.test_alerts import RUN_ID, RUN_LINK

pytestmark = pytest.mark.airflow


def test_slack_gets_the_text_with_nothing_in_it_that_it_would_act_upon(notifier: Notifier, webhook: Received) -> None:
    connection = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{webhook.port}", "password": "T0/B0/key"}

    notifier(oncall=connection)(failed("<!channel> full"))

    assert webhook.bodies == [
        {
            "text": "atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20\nTable: transactions\n"
            "Business date: 2026-11-20\nCause: &lt;!channel&gt; full\n"
            f"Log: {RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3\n"
            "What to do: mend what the cause names, then clear this table's copy_to_bronze with downstream; see "
            f"docs/guides/operations.md#what-to-do-by-what-failed\nAirflow run: {RUN_ID}",
            "unfurl_links": False,
        }
    ]
    assert webhook.paths == ["/T0/B0/key"]


@pytest.mark.parametrize(
    ("password", "status", "said"),
    [
        (None, 200, "its password is missing: put the webhook's token or its whole address there"),
        ("T0/B0/key", 404, "Slack answered 404 the answer"),
    ],
)
def test_what_slack_lacks_or_refuses_is_told_without_its_key(
    notifier: Notifier, webhook: Received, password: str | None, status: int, said: str
) -> None:
    webhook.status = status
    connection = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{webhook.port}", "password": password}

    with pytest.raises(NotificationError) as caught:
        notifier(oncall=connection)(failed())

    assert str(caught.value) == f"connection oncall: NotificationError: {said}"
