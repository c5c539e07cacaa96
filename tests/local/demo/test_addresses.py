"""Where a demo lives: its ports and secrets."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from local.demo.addresses import Ports, PortTakenError, Secrets
from local.processes import free_port


def test_a_taken_port_is_named_before_anything_starts() -> None:
    ports = Ports.from_base(free_port())
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.airflow))
        other.listen()

        with pytest.raises(PortTakenError, match=rf"port {ports.airflow} \(airflow\) .* is taken .* --port"):
            ports.require_free()


def test_two_bases_ten_apart_share_no_port() -> None:
    one, other = Ports.from_base(8080), Ports.from_base(8090)

    assert set(vars(one).values()).isdisjoint(vars(other).values())


def test_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    first = Secrets.of(tmp_path)

    assert Secrets.of(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert Secrets.of(tmp_path / "other") != first
