"""What the demo listens on."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import pytest

from local.demo.stack import Stack
from tests.local.databricks_api.conftest import descendants

pytestmark = pytest.mark.end_to_end


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    ours = {inode for process in (os.getpid(), *descendants(os.getpid())) for inode in _sockets(process)}
    addresses = {address for table in ("tcp", "tcp6") for address, inode in _listening(table) if inode in ours}
    assert addresses
    assert {str(address) for address in addresses if not address.is_loopback} == set()


def _sockets(process: int) -> list[str]:
    found = []
    try:
        for handle in Path(f"/proc/{process}/fd").iterdir():
            target = str(handle.readlink())
            if target.startswith("socket:["):
                found.append(target[8:-1])
    except OSError:
        pass
    return found


def _listening(table: str) -> list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]]:
    rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return [(_address(row[1].split(":")[0]), row[9]) for row in rows if row[3] == "0A"]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # Words of four bytes, each in this machine's own order.
    words = [bytes.fromhex(text[start : start + 8]) for start in range(0, len(text), 8)]
    packed = b"".join(socket.htonl(int.from_bytes(word, "big")).to_bytes(4, "big") for word in words)
    address = ipaddress.ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address
