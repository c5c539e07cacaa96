"""Mail: the whole message, and what names and errors cannot do in it."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from lakehouse.alerting.channels.mail import as_html

from tests.lakehouse.alerting.conftest import Notifier
from tests.lakehouse.alerting.receivers import Received, failed, mail, text_of
from tests.lakehouse.alerting.test_alerts import RUN_ID, RUN_LINK, alert_of, task_context

pytestmark = pytest.mark.airflow
LOG = f"{RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3"


def test_a_mail_reaches_everyone_on_call(notifier: Notifier, mailbox: Received) -> None:
    notifier(oncall=mail(mailbox, to="anna@example.com, ben@example.com"))(failed())

    (envelope,) = mailbox.bodies
    message = message_from_bytes(envelope.content)
    assert envelope.rcpt_tos == ["anna@example.com", "ben@example.com"]
    assert envelope.mail_from == "lakehouse@example.com"
    assert " ".join(message["Subject"].split()) == (
        "[lakehouse] atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20"
    )
    assert "".join(message["References"].split()) == (
        "<atliqsale_daily/scheduled__2026-11-21T00:00:00+00:00/table.copy_to_bronze/4/task_failed@lakehouse>"
    )
    rows = {
        "Table": "transactions",
        "Business date": "2026-11-20",
        "Cause": "the disk is full",
        "Log": f"<a href='{LOG}'>{LOG}</a>",
        "What to do": "mend what the cause names, then clear this table&#x27;s copy_to_bronze with downstream; see "
        "docs/guides/operations.md#what-to-do-by-what-failed",
        "Airflow run": RUN_ID,
    }
    cells = "".join(
        f"<tr><th align='left' valign='top'>{label}</th><td>{text}</td></tr>" for label, text in rows.items()
    )
    assert text_of(message).strip() == (
        f"<p><b>atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20</b></p><table>{cells}</table>"
    )


def test_a_mail_goes_out_whatever_the_names_and_the_error_hold(notifier: Notifier, mailbox: Received) -> None:
    context = task_context(
        OSError("disk \ud800\x00 full, client_secret=hunter2"), plan={"table": "a\r\nBcc: eve@example.com"}
    )
    context["ti"].run_id = "manual \r\n<\u202e>株"
    notifier(oncall=mail(mailbox, to="anna@example.com"))(context)

    (envelope,) = mailbox.bodies
    message = message_from_bytes(envelope.content)
    assert envelope.rcpt_tos == ["anna@example.com"]
    assert r"copy_to_bronze failed: a\r\nBcc: eve@example.com" in " ".join(message["Subject"].split())
    assert message["Bcc"] is None
    assert r"disk \ud800\x00 full, client_secret=***" in text_of(message)


def test_only_our_own_places_are_links_and_markup_is_text() -> None:
    html = as_html(alert_of(task_context(ValueError("https://evil.example/<script>"), plan={"table": "a&b"})))

    assert "evil.example" in html
    assert "href='https://evil" not in html
    assert "<script>" not in html
    assert "a&amp;b" in html
    assert f"<a href='{LOG}'>" in html
