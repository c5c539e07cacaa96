"""What lies on disk for a task: its code's import path made of wheels, and its log."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError

LOG_LIMIT = 5 * 1024 * 1024


class LibraryError(LocalError):
    """A wheel of the task is missing or is no wheel."""


class MissingFileError(LocalError):
    """The task's script does not exist."""


@dataclass(frozen=True)
class TaskLog:
    """The end of what a task wrote to its standard streams, and whether the beginning is missing."""

    text: str
    is_truncated: bool


def unpack_wheel(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel, once per content, and return the folder to import from.

    Raises:
        LibraryError: the wheel does not exist, cannot be read, or is no wheel.
    """
    try:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError as error:
        raise LibraryError(f"Library installation failed: wheel {wheel} cannot be read ({error.strerror}).") from error
    target = folder / digest
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = Path(tempfile.mkdtemp(dir=folder))
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        # Another task may have been first.
        if not target.is_dir():
            unpacked.replace(target)
    except (zipfile.BadZipFile, OSError) as error:
        raise LibraryError(f"Library installation failed: {wheel} is no readable wheel ({error}).") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return target


def read_log(log: Path, limit: int = LOG_LIMIT) -> TaskLog:
    """The last `limit` bytes of a task's log; empty where there is none yet."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - limit))
            return TaskLog(stream.read().decode("utf-8", errors="replace"), size > limit)
    except FileNotFoundError:
        return TaskLog("", False)


def read_result(result: Path) -> tuple[str, str]:
    """Error and error trace that a failed task noted down; empty where it had no time to."""
    try:
        document = json.loads(result.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return "", ""
    return _printable(document["error"]), _printable(document["error_trace"])


def _printable(text: str) -> str:
    # An error may quote lone surrogates, which no answer could show.
    return text.encode(errors="backslashreplace").decode()
