"""Folders of one user alone, and of Unix sockets, whose paths the kernel limits to about a hundred characters."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from local.errors import FolderError

_LONGEST_SOCKET_PATH = 100


def socket_folder(home: Path, socket_name: str) -> Path:
    """The folder in which a server keeps its socket: `home`, or one for this home alone where that path is too long."""
    if len(str(home / socket_name)) <= _LONGEST_SOCKET_PATH:
        return home
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lakehouse-{digest}"


def make_private(folder: Path) -> None:
    """Make a folder that nobody else may enter.

    One that is there already is taken only from the user's own hands: in the temporary directory anybody can have made
    it, and whoever owns a server's folder can answer in the server's place.

    Raises:
        FolderError: the folder is somebody else's, open to others, or none.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise FolderError(
                f"{folder} is not a folder of this user alone (mode 0700): remove it, or choose another folder"
            ) from None
