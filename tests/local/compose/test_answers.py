"""The health check by HTTP: what it takes for health."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.compose.answers import answers

HEALTH = {"metadatabase": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": None}


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(HEALTH).encode() if self.path == "/health" else b"well"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "component", "healthy"),
    [
        ("/health", None, True),
        ("/text", None, True),
        ("/missing", None, False),
        ("/health", "metadatabase", True),
        ("/health", "triggerer", False),
        ("/health", "dag_processor", False),
        ("/health", "unknown", False),
        ("/text", "metadatabase", False),
    ],
)
def test_an_answer_of_200_is_health_and_of_a_component_what_the_answer_says(
    address: str, path: str, component: str | None, healthy: bool
) -> None:
    assert answers(f"{address}{path}", component) is healthy


def test_where_nobody_listens_nobody_is_healthy(address: str) -> None:
    assert not answers("http://127.0.0.1:1/health")
