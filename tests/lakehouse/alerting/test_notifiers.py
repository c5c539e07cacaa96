"""Alerts sent for real, to a mail server and a web server of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from lakehouse.alerting.channel import channels
from lakehouse.errors import NotificationError

from tests.lakehouse.alerting.receivers import Received, failed, hook, mail
from tests.lakehouse.alerting.test_alerts import deadline_context

pytestmark = pytest.mark.airflow

Notifier = Callable[..., Any]


def test_a_missed_deadline_is_sent_from_an_event_loop_as_in_the_triggerer(
    notifier: Notifier, webhook: Received
) -> None:
    notifier(oncall=hook(webhook))
    from lakehouse.alerting.notifiers import AlertNotifier

    async def callback() -> None:
        await AlertNotifier(raise_when_undelivered=True, context=deadline_context())

    asyncio.run(callback())

    assert webhook.bodies[0]["text"].startswith("atliqsale_daily: not ready in time: ")


def test_a_run_that_has_failed_is_not_told_again_by_its_deadline(notifier: Notifier, webhook: Received) -> None:
    notifier(oncall=hook(webhook)).notify(deadline_context(state="failed"))

    assert webhook.bodies == []


def test_one_channel_that_is_down_does_not_keep_the_next_from_being_told(
    notifier: Notifier, webhook: Received, mailbox: Received
) -> None:
    webhook.status = 503
    nobody = mail(mailbox)
    alert = notifier(
        down=hook(webhook), nobody=nobody, files={"conn_type": "fs"}, oncall=mail(mailbox, to="a@b.example")
    )

    with pytest.raises(NotificationError) as caught:
        alert(failed())

    assert len(mailbox.bodies) == 1
    assert str(caught.value).splitlines() == [
        "connection down: NotificationError: the webhook answered 503 the answer",
        'connection nobody: NotificationError: it has no recipient: add to its extra {"to": "oncall@example.com"}',
        "connection files: NotificationError: its type is 'fs', and alerts go to: "
        + "; ".join(one.CONNECTION for one in channels()),
    ]


def test_by_default_nothing_that_goes_wrong_hides_the_failure(notifier: Notifier, webhook: Received) -> None:
    webhook.status = 500
    alert = notifier(raise_when_undelivered=False, down=hook(webhook), gone=hook(Received(port=1)))

    alert(failed())
    alert({"neither": "of the contexts that Airflow gives"})

    assert len(webhook.bodies) == 1


def test_an_unreachable_webhook_is_told_without_its_secret_address(notifier: Notifier) -> None:
    dead = {"conn_type": "http", "host": "http://127.0.0.1:1/services/SECRET"}

    with pytest.raises(NotificationError) as caught:
        notifier(oncall=dead)(failed())

    assert str(caught.value).startswith("connection oncall: ConnectError: ")
    assert "SECRET" not in str(caught.value)


def test_without_connections_nobody_is_told_and_nothing_fails(notifier: Notifier) -> None:
    notifier()(failed())


def test_an_alert_goes_out_even_where_the_lake_is_not_set(notifier: Notifier, webhook: Received) -> None:
    notifier(oncall=hook(webhook))(failed("setting lake_root is not set"))

    assert webhook.bodies[0]["alert"]["cause"] == "setting lake_root is not set"
