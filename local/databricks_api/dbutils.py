"""The file utilities that Databricks gives to jobs (`pyspark.dbutils`), over a storage account's blob service.

Only what the jobs call is here, with the errors' text as the workspace has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class FileInfo(NamedTuple):
    """An entry of a folder; the name of a folder ends with a slash."""

    path: str
    name: str
    size: int


class ExecutionError(Exception):
    """As the workspace raises it: what happened in Java, as text."""


class FileUtils:
    """`dbutils.fs`."""

    def __init__(self, store: Any) -> None:
        """Prepare; `store` is an fsspec file system of the account."""
        self._store = store

    def head(self, path: str, max_bytes: int = 65_536) -> str:
        """The first bytes of a file, as text."""
        content: bytes = self._asked(path, lambda place: self._store.cat_file(place, end=max_bytes))
        return content.decode()

    def put(self, path: str, contents: str, overwrite: bool = False) -> bool:
        """Writes a file."""
        place = _place(path)
        if not overwrite and self._store.exists(place):
            raise ExecutionError(f"org.apache.hadoop.fs.FileAlreadyExistsException: {path}")
        self._store.pipe_file(place, contents.encode())
        return True

    def rm(self, path: str, recurse: bool = False) -> bool:
        """Removes a file."""
        self._asked(path, lambda place: self._store.rm(place, recursive=recurse))
        return True

    def ls(self, path: str) -> list[FileInfo]:
        """What is in a folder."""
        found = self._asked(path, lambda place: self._store.ls(place, detail=True, refresh=True))
        # Hadoop's driver marks a folder by an empty blob of its name, which stands beside it.
        entries = {one.name: one for one in (_info(path, one) for one in found)}
        return [entries[name] for name in sorted(entries)]

    def _asked(self, path: str, ask: Any) -> Any:
        try:
            return ask(_place(path))
        except FileNotFoundError:
            raise ExecutionError(f"java.io.FileNotFoundException: the path {path} does not exist (404)") from None


@dataclass(frozen=True)
class DBUtils:
    """What a job makes for itself: `DBUtils(spark).fs`."""

    fs: FileUtils


def _place(uri: str) -> str:
    """`container/path` of `abfss://container@account/path`."""
    parts = urlsplit(uri)
    return f"{parts.username}{parts.path.rstrip('/')}"


def _info(folder: str, entry: dict[str, Any]) -> FileInfo:
    name = entry["name"].rstrip("/").rpartition("/")[2] + ("/" if entry["type"] == "directory" else "")
    return FileInfo(f"{folder.rstrip('/')}/{name}", name, entry["size"] or 0)
