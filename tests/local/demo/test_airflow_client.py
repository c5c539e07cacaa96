"""The demo's way to Airflow, against a server that answers as Airflow was seen to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.demo.airflow_client import AirflowApiError, AirflowClient

Serve = Callable[[list[int]], tuple[AirflowClient, list[str]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers the next PATCH requests with these statuses, and notes what was asked."""
    servers: list[ThreadingHTTPServer] = []

    def start(statuses: list[int]) -> tuple[AirflowClient, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.answer(201, {"access_token": "token"})

            def do_PATCH(self) -> None:
                asked.append(self.path)
                self.answer(statuses.pop(0), {})

            def answer(self, status: int, content: dict[str, str]) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return AirflowClient(f"http://127.0.0.1:{server.server_port}", "admin", "password"), asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_run_is_ended_though_the_database_refuses_at_first(serve: Serve) -> None:
    client, asked = serve([500, 500, 200])

    client.fail("daily", "manual__1")

    assert asked == ["/api/v2/dags/daily/dagRuns/manual__1"] * 3


def test_a_run_that_is_not_there_is_not_asked_for_twice(serve: Serve) -> None:
    client, asked = serve([404])

    with pytest.raises(AirflowApiError, match="answered 404"):
        client.fail("daily", "manual__1")
    assert len(asked) == 1
