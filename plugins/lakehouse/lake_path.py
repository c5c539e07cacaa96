"""Paths of the lake: what is asked of them, writing that is never half seen, and errors that speak.

`pathlib.Path` and Airflow's `ObjectStoragePath` both fit `LakePath`: the same code serves a folder and a cloud store.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, Self

from lakehouse.errors import LakehouseError, StorageError

_CURES = {
    errno.ENOSPC: "the disk is full: free space, then clear the task",
    errno.EDQUOT: "the quota is used up: raise it or free space, then clear the task",
    errno.EFBIG: "the file would pass the limit on a file's size: raise the limit, then clear the task",
    errno.EACCES: "access is denied: let the pipeline's account write there",
    errno.EPERM: "access is denied: let the pipeline's account write there",
    errno.EROFS: "the file system is read-only: mount it for writing",
    errno.ENAMETOOLONG: "a name in the path is too long for this file system",
}


class LakePath(Protocol):
    """A file or folder of the lake."""

    def __truediv__(self, key: str, /) -> Self: ...
    def open(self, mode: str, /) -> IO[Any]: ...
    def exists(self) -> bool: ...
    def read_bytes(self) -> bytes: ...
    def unlink(self) -> None: ...


def local_path(path: LakePath) -> Path | None:
    """The same place as a `pathlib.Path` when it lies on this machine, else None."""
    if isinstance(path, Path):
        return path
    if getattr(path, "protocol", None) in {"", "file", "local"}:
        return Path(str(path.path))  # type: ignore[attr-defined]
    return None


def make_parents(path: LakePath) -> None:
    """Make the folders above a local file; a cloud store has none.

    Raises:
        StorageError: they cannot be made.
    """
    local = local_path(path)
    if local is not None:
        with storage_errors("make the folder", local.parent):
            local.parent.mkdir(parents=True, exist_ok=True)


def publish(path: LakePath, content: bytes) -> None:
    """Write a small file so that a reader sees the old content or the new one, never a part.

    A cloud store shows an object when its upload is complete; on a local disk a file written beside it takes its place.

    Raises:
        StorageError: it cannot be written; the old content stays.
    """
    local = local_path(path)
    if local is None:
        with storage_errors("write", path), path.open("wb") as stream:
            stream.write(content)
        return
    make_parents(path)
    partial = local.with_name(f".{local.name}.{os.getpid()}.partial")
    with storage_errors("write", path):
        try:
            with partial.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(local)
        finally:
            partial.unlink(missing_ok=True)


def remove(path: LakePath) -> None:
    """Remove a file that is no longer wanted; one that is not there is no error.

    Raises:
        StorageError: it cannot be removed.
    """
    with storage_errors("remove", path):
        if path.exists():
            path.unlink()


@contextmanager
def storage_errors(action: str, path: object) -> Generator[None]:
    """Turn whatever a disk or a cloud client raises into one clear message.

    Raises:
        StorageError: anything went wrong inside the block.
    """
    try:
        yield
    except LakehouseError:
        raise
    # Every cloud client has an exception tree of its own, and the block holds calls to the store only.
    except Exception as error:
        cure = _CURES.get(getattr(error, "errno", None) or 0, "see the cause below")
        raise StorageError(f"cannot {action} {path}: {error or type(error).__name__}: {cure}") from error
