"""Paths of the lake: reading and writing that is never half seen, writing that overwrites no other writer, and listing.

`pathlib.Path` and Airflow's `ObjectStoragePath` both fit `LakePath`: the same code serves a folder and a cloud store.
The store's client caches listings and asks several questions where one would do, so it is called here and nowhere else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, Protocol, Self

from lakehouse.errors import OvertakenError, StorageError
from lakehouse.lake.storage_errors import storage_errors

PARTIAL_SUFFIX = ".partial"
TIME_PREFIX = "_time-"
# In each local folder that was ever published to; it is never removed, for who waits for it would then hold nothing.
LOCK_NAME = ".lock"
_PARTIAL_LETTERS = 100
_PRECONDITION_FAILED = 412


class LakePath(Protocol):
    """A file or folder of the lake."""

    def __truediv__(self, key: str, /) -> Self: ...


@dataclass(frozen=True)
class FileState:
    """What a file held when it was read (None: there was no file), and the store's mark of that state if it has one."""

    content: bytes | None
    mark: str | None = None


@dataclass(frozen=True)
class LakeFile:
    """A file found below a folder: its name relative to the folder, its size in bytes, and when it was last written."""

    name: str
    bytes: int
    modified: datetime


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


def open_stream(path: LakePath, mode: Literal["rb", "xb"]) -> IO[bytes]:
    """Open a file for reading or, where there is none yet, for writing bytes.

    What goes wrong then is to be put into words by `storage_errors`; a store reports only on closing that there is one.

    Airflow's own `open` notes each single read and write as lineage, which costs more than the reads and writes.
    """
    local = local_path(path)
    if local is not None:
        return local.open(mode)
    store, name = _store(path)
    stream: IO[bytes] = store.open(name, mode)
    return stream


def read(path: LakePath) -> bytes | None:
    """The content of a small file, or None where there is none.

    Raises:
        StorageError: it cannot be read.
    """
    local = local_path(path)
    with storage_errors("read", path), contextlib.suppress(FileNotFoundError):
        if local is not None:
            return local.read_bytes()
        store, name = _store(path)
        return bytes(store.cat_file(name))
    return None


def read_state(path: LakePath) -> FileState:
    """The content of a small file, to be handed to `publish` when its replacement must overwrite no other writer.

    Raises:
        StorageError: it cannot be read.
    """
    if local_path(path) is not None:
        return FileState(read(path))
    with storage_errors("read", path), contextlib.suppress(FileNotFoundError):
        store, name = _store(path)
        # The mark first: content that is newer than its mark makes a later write fail, which does no harm.
        mark = store.info(name, refresh=True).get("etag")
        return FileState(bytes(store.cat_file(name)), mark)
    return FileState(None)


def publish(path: LakePath, content: bytes, seen: FileState | None = None) -> None:
    """Write a small file so that a reader sees the old content or the new one, never a part.

    A cloud store shows an object when its upload is complete; on a local disk a file written beside it takes its place.

    Args:
        path: the file.
        content: all of it.
        seen: what it must still hold, as `read_state` gave it; None: whatever it holds is replaced.

    Raises:
        OvertakenError: it does not hold any more what was seen; the other writer's content stays.
        StorageError: it cannot be written; the old content stays.
    """
    local = local_path(path)
    if local is None:
        _put(path, content, seen)
        return
    make_parents(path)
    with storage_errors("write", path):
        if seen is None:
            _replace(local, content)
            return
        with _alone_in(local.parent):
            if read(local) != seen.content:
                raise _overtaken(path)
            _replace(local, content)


def remove(path: LakePath) -> None:
    """Remove a file that is no longer wanted; one that is not there is no error.

    Raises:
        StorageError: it cannot be removed.
    """
    local = local_path(path)
    with storage_errors("remove", path), contextlib.suppress(FileNotFoundError):
        if local is not None:
            local.unlink()
        else:
            store, name = _store(path)
            store.rm_file(name)


def state(path: LakePath) -> LakeFile | None:
    """The size and age of a file, under the name that it was asked for; None where there is none.

    Raises:
        StorageError: the lake does not answer.
    """
    local = local_path(path)
    with storage_errors("look for", path), contextlib.suppress(FileNotFoundError):
        if local is not None:
            found = local.stat()
            return LakeFile(str(path), found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
        store, name = _store(path)
        entry = store.info(name, refresh=True)
        return LakeFile(str(path), entry["size"], entry["last_modified"])
    return None


def store_time(folder: LakePath) -> datetime:
    """The present instant by the clock that gives the files of a folder their times.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / f"{TIME_PREFIX}{secrets.token_hex(6)}"
    publish(path, b"now")
    try:
        written = state(path)
    finally:
        remove(path)
    if written is None:
        raise StorageError(f"cannot look for {path}: it was removed as soon as it was written")
    return written.modified


def files_below(folder: LakePath) -> list[LakeFile]:
    """All files below a folder at any depth, by name; none where there is no such folder.

    Raises:
        StorageError: the folder cannot be listed.
    """
    local = local_path(folder)
    with storage_errors("list", folder):
        found = _local_files(local) if local is not None else _store_files(*_store(folder))
    return sorted(found, key=lambda file: file.name)


def folders_in(folder: LakePath) -> list[str]:
    """The names of the folders directly in a folder; none where there is no such folder. Nothing below is listed.

    Raises:
        StorageError: the folder cannot be listed.
    """
    local = local_path(folder)
    with storage_errors("list", folder), contextlib.suppress(FileNotFoundError):
        if local is not None:
            return sorted(path.name for path in local.iterdir() if path.is_dir())
        store, name = _store(folder)
        store.invalidate_cache(name)
        found = [entry for entry in store.ls(name, detail=True) if entry["type"] == "directory"]
        return sorted(entry["name"].rstrip("/").rpartition("/")[2] for entry in found)
    return []


def _local_files(folder: Path) -> list[LakeFile]:
    files = []
    for path in folder.rglob("*"):
        # A copy that runs at the same time removes and replaces files.
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            if path.is_file() and path.name != LOCK_NAME:
                modified = datetime.fromtimestamp(state.st_mtime, UTC)
                files.append(LakeFile(path.relative_to(folder).as_posix(), state.st_size, modified))
    return files


def _store_files(store: Any, folder: str) -> list[LakeFile]:
    start = folder.strip("/") + "/"
    return [
        LakeFile(name.removeprefix(start), state["size"], state["last_modified"])
        for name, state in store.find(folder, detail=True).items()
        if name.startswith(start)
    ]


def _replace(path: Path, content: bytes) -> None:
    # The end of a long name makes it unlike others, and leaves room for what is added to it.
    partial = path.with_name(f".{path.name[-_PARTIAL_LETTERS:]}.{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _put(path: LakePath, content: bytes, seen: FileState | None) -> None:
    from azure.core import MatchConditions

    options: dict[str, Any] = {}
    if seen is not None and seen.content is None:
        options = {"mode": "create"}
    elif seen is not None:
        options = {"etag": seen.mark, "match_condition": MatchConditions.IfNotModified}
    with storage_errors("write", path):
        try:
            store, name = _store(path)
            store.pipe_file(name, content, **options)
        except Exception as error:
            refused = isinstance(error, FileExistsError) or getattr(error, "status_code", None) == _PRECONDITION_FAILED
            if not refused:
                raise
            # The client tries again by itself when an answer was lost, and is then refused for its own first write.
            if read(path) != content:
                raise _overtaken(path) from error


def _store(path: LakePath) -> tuple[Any, str]:
    """The cloud store's client, and the path as it takes it."""
    where: Any = path
    return where.fs, where.path


def _overtaken(path: LakePath) -> OvertakenError:
    return OvertakenError(f"cannot write {path}: another run wrote it meanwhile: the task tries again")


@contextlib.contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    """Let one process at a time publish over what it saw in a local folder; the lock ends with the process.

    A network file system gives an exclusive lock only on a file that is open for writing, and so on no folder.
    """
    handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
