"""Receivers of alerts: a mail server and a web server of the tests' own, and a notifier that leads to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from local.processes import free_port
from tests.lakehouse.alerting.receivers import Received

Notifier = Callable[..., Any]


def keeper(received: Received) -> type[BaseHTTPRequestHandler]:
    """What keeps, in a web server, all that is posted."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            received.headers.append(dict(self.headers))
            received.paths.append(self.path)
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(received.answer.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the test looks at what was received."""

    return Handler


@pytest.fixture
def webhook() -> Iterator[Received]:
    """A web server that keeps what is posted to it."""
    received = Received()

    server = ThreadingHTTPServer(("127.0.0.1", 0), keeper(received))
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
