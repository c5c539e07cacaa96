"""One demo per home: a claim that ends with its process, and knows whether the one before it ended well."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.errors import LocalError


class HomeInUseError(LocalError):
    """Another demo runs in this home."""


@contextmanager
def claimed(home: Path) -> Generator[bool]:
    """Claims a home, which is made if it is not there, for as long as the block runs.

    Yields:
        Whether the demo before this one was cut off: then parts of it may still be ending.

    Raises:
        HomeInUseError: another demo holds the claim, or another user the home.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # All that a source holds, and the passwords to it, are below.
        home.chmod(0o700)
    except PermissionError:
        raise HomeInUseError(f"{home} belongs to another user: give another --home") from None
    path = home / "running"
    with path.open("a+") as file:
        try:
            # The kernel gives the lock back whatever ends this process.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUseError(
                f"another demo runs in {home}: stop it, or give this one another --home and --port"
            ) from None
        file.seek(0)
        was_cut_off = bool(file.read())
        file.truncate(0)
        file.write("a demo runs here, or was cut off\n")
        file.flush()
        try:
            yield was_cut_off
        finally:
            # Whoever comes here has stopped its parts; a kill does not.
            file.truncate(0)
