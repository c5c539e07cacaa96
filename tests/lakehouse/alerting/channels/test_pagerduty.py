"""PagerDuty: the whole event, by the provider's hook and to another service region."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lakehouse.alerting.channels.pagerduty import event
from lakehouse.errors import NotificationError

from tests.lakehouse.alerting.conftest import Notifier, keeper
from tests.lakehouse.alerting.receivers import Received, failed, hook
from tests.lakehouse.alerting.test_alerts import RUN_ID, RUN_LINK, alert_of, deadline_context, task_context
from tests.lakehouse.certificates import make_certificates

pytestmark = pytest.mark.airflow
LOG = f"{RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3"
EVENT = {
    "routing_key": "routing-key",
    "event_action": "trigger",
    "dedup_key": f"atliqsale_daily/{RUN_ID}/table.copy_to_bronze/4/task_failed",
    "payload": {
        "summary": "atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20",
        "source": "atliqsale_daily",
        "severity": "error",
        "component": "transactions",
        "custom_details": {
            "Table": "transactions",
            "Business date": "2026-11-20",
            "Cause": "the disk is full",
            "Log": LOG,
            "What to do": "mend what the cause names, then clear this table's copy_to_bronze with downstream; see "
            "docs/guides/operations.md#what-to-do-by-what-failed",
            "Airflow run": RUN_ID,
        },
    },
    "links": [{"href": LOG, "text": "Airflow"}],
}


@pytest.fixture
def events_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """A server with a certificate in the place of PagerDuty's: its client takes no other address than https."""
    import pagerduty

    make_certificates(tmp_path)
    received = Received(answer='{"status": "success", "dedup_key": "k"}', status=202)
    server = ThreadingHTTPServer(("127.0.0.1", 0), keeper(received))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    address = f"https://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(pagerduty.EventsApiV2Client, "default_base_url", address)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def test_pagerduty_gets_an_event_that_it_groups_by_its_key(notifier: Notifier, events_api: Received) -> None:
    notifier(pager={"conn_type": "pagerduty_events", "password": "routing-key"})(failed())

    assert events_api.bodies == [EVENT]
    assert events_api.paths == ["/v2/enqueue"]


def test_another_service_region_gets_the_same_event_at_its_own_address(notifier: Notifier, webhook: Received) -> None:
    notifier(pager=hook(webhook, password="routing-key", extra={"format": "pagerduty", "path": "v2/enqueue"}))(failed())

    assert webhook.bodies == [EVENT]
    assert webhook.paths == ["/v2/enqueue"]
    assert "Authorization" not in webhook.headers[0]


def test_without_a_routing_key_nothing_is_sent(notifier: Notifier) -> None:
    with pytest.raises(NotificationError) as caught:
        notifier(pager={"conn_type": "pagerduty_events"})(failed())

    assert str(caught.value) == (
        "connection pager: NotificationError: its password is missing: put PagerDuty's routing key (integration key) "
        "there"
    )


def test_a_databricks_run_is_linked_and_a_missed_deadline_is_a_warning() -> None:
    context: Any = task_context(ValueError("x"), "table.silver", plan={"table": "customer"})
    alert = alert_of(context, run_page="https://db/7")

    assert event(alert)["links"] == [
        {"href": alert.link, "text": "Airflow"},
        {"href": "https://db/7", "text": "Databricks"},
    ]
    assert event(alert_of(deadline_context()))["payload"]["severity"] == "warning"
