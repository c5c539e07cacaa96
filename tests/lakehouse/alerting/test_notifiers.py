"""Alerts sent for real, to a mail server and a web server of the test's own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from lakehouse.errors import NotificationError

from local.processes import free_port

from .test_alerts import deadline_context, task_context

pytestmark = pytest.mark.airflow

Notifier = Callable[..., Any]


@dataclass
class Received:
    """What a receiver was sent, and how it answers."""

    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200
    port: int = 0


@pytest.fixture
def webhook() -> Iterator[Received]:
    """A web server that keeps what is posted to it."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            received.headers.append(dict(self.headers))
            received.paths.append(self.path)
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b"the answer")

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the test looks at what was received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Received]:
    """A mail server that keeps what is sent to it."""
    received = Received()

    class Keeper:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # ruff: ignore[invalid-function-name] - aiosmtpd's name
            received.bodies.append(envelope)
            return "250 OK"

    received.port = free_port()
    controller = Controller(Keeper(), hostname="127.0.0.1", port=received.port)
    controller.start()
    yield received
    controller.stop()


@pytest.fixture
def notifier(monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """Makes a notifier that alerts these connections: `notifier(oncall={...})`."""
    from lakehouse.alerting.notifiers import AlertNotifier

    monkeypatch.setenv("LAKEHOUSE_AIRFLOW_URL", "https://airflow.example.com")
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)

    def make(raise_when_undelivered: bool = True, **connections: dict[str, Any]) -> AlertNotifier:
        for conn_id, connection in connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        monkeypatch.setenv("LAKEHOUSE_ALERT_CONN_IDS", ",".join(connections))
        return AlertNotifier(raise_when_undelivered=raise_when_undelivered)

    return make


def failed(message: str = "the disk is full") -> Any:
    """A failed copy's context."""
    return task_context(OSError(message), plan={"table": "transactions"}, business_date="2026-11-20")


def hook(receiver: Received, **more: Any) -> dict[str, Any]:
    """A webhook's connection."""
    return {"conn_type": "http", "host": "127.0.0.1", "schema": "http", "port": receiver.port, **more}


def mail(receiver: Received, **extra: Any) -> dict[str, Any]:
    """A mail server's connection."""
    plain = {"disable_tls": True, "disable_ssl": True, "from_email": "lakehouse@example.com", "retry_limit": 0}
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": receiver.port, "extra": {**plain, **extra}}


def text_of(message: Message) -> str:
    """The decoded body of a mail."""
    part = next(part for part in message.walk() if not part.is_multipart())
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_mail_reaches_everyone_on_call(notifier: Notifier, mailbox: Received) -> None:
    notifier(oncall=mail(mailbox, to="anna@example.com, ben@example.com"))(failed())

    (envelope,) = mailbox.bodies
    message = message_from_bytes(envelope.content)
    assert envelope.rcpt_tos == ["anna@example.com", "ben@example.com"]
    assert envelope.mail_from == "lakehouse@example.com"
    assert " ".join(message["Subject"].split()) == (
        "[lakehouse] atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20"
    )
    assert "the disk is full" in text_of(message)
    assert "https://airflow.example.com/dags/atliqsale_daily/runs/" in text_of(message)


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


def test_a_webhook_gets_the_alert_as_json(notifier: Notifier, webhook: Received) -> None:
    notifier(oncall=hook(webhook, password="token-of-the-hook", extra={"path": "/services/T0/B0"}))(failed())

    (body,) = webhook.bodies
    assert body["text"].startswith("atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20\n")
    assert body["alert"]["cause"] == "the disk is full"
    assert webhook.paths == ["/services/T0/B0"]
    assert webhook.headers[0]["Authorization"] == "Bearer token-of-the-hook"


def test_pagerduty_gets_an_event_with_its_routing_key(notifier: Notifier, webhook: Received) -> None:
    notifier(pager=hook(webhook, password="routing-key", extra={"format": "pagerduty", "path": "v2/enqueue"}))(failed())

    (event,) = webhook.bodies
    assert (event["routing_key"], event["event_action"]) == ("routing-key", "trigger")
    assert "Authorization" not in webhook.headers[0]
    assert webhook.paths == ["/v2/enqueue"]


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
        "connection nobody: NotificationError: it names nobody to write to: add to its extra "
        '{"to": "oncall@example.com"}',
        "connection files: NotificationError: its type is 'fs', and alerts go to smtp (mail) or http, https, webhook "
        "(webhook)",
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
