"""Folders for Unix sockets, whose paths the kernel limits to about a hundred characters."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

_LONGEST_SOCKET_PATH = 100


def socket_folder(home: Path, socket_name: str) -> Path:
    """The folder in which a server keeps its socket: `home`, or one for this home alone where that path is too long."""
    if len(str(home / socket_name)) <= _LONGEST_SOCKET_PATH:
        return home
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lakehouse-{digest}"
