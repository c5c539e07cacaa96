"""Channels are known by their files, and each connection leads to one of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lakehouse.alerting import channels as package
from lakehouse.alerting.channel import channels, send

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("kind", "form", "leads_to"),
    [
        ("smtp", None, "mail"),
        ("slackwebhook", None, "slack"),
        ("pagerduty_events", None, "pagerduty"),
        *((kind, None, "webhook") for kind in ("http", "https", "webhook")),
        ("https", "teams", "teams"),
        ("http", "pagerduty", "pagerduty"),
        ("http", "telex", None),
        ("fs", None, None),
    ],
)
def test_a_connection_leads_to_one_channel_at_most(kind: str, form: str | None, leads_to: str | None) -> None:
    connection: Any = SimpleNamespace(conn_type=kind, extra_dejson={"format": form} if form else {})

    taking = [name for name, one in _by_name().items() if one.takes(connection)]

    assert taking == ([leads_to] if leads_to else [])


def test_a_channel_is_added_by_its_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "telex.py").write_text(
        "CONNECTION = 'telex'\nsent = []\n"
        "def takes(connection): return connection.conn_type == 'telex'\n"
        "def send(connection, alert): sent.append(alert)\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    connection: Any = SimpleNamespace(conn_type="telex", extra_dejson={})
    alert: Any = object()

    send(connection, alert)

    assert _by_name()["telex"].sent == [alert]


def _by_name() -> dict[str, Any]:
    """The channels by the names of their files."""
    return {vars(one)["__name__"].rpartition(".")[2]: one for one in channels()}
