"""Reads, writes and removes small files and lists folders of the lake, wherever the lake is."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from medallion.errors import BronzeError

_MAX_BYTES = 256 * 1024 * 1024


def read_text(spark: SparkSession, uri: str) -> str | None:
    """The text of a file, or None when there is no such file.

    Spark's own readers skip every name that begins with an underscore, so a manifest cannot be read with them: a local
    path (a Unity Catalog volume is one) is opened as a file, a cloud URI is read with the Databricks utilities.

    Raises:
        BronzeError: the file is there but cannot be read.
    """
    path = local_path(uri)
    if path is None:
        return _read_cloud_text(spark, uri)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BronzeError(f"{path} cannot be read: {error}") from error


def write_text(spark: SparkSession, uri: str, text: str) -> None:
    """Puts a small file in the place of the one that was there, if any; a local reader sees all of it or none.

    In a cloud store a reader may find it empty for a moment.

    Raises:
        BronzeError: it cannot be written.
    """
    path = local_path(uri)
    if path is None:
        _ask_cloud(spark, uri, "written", lambda files: files.put(uri, text, True))
        return
    beside = path.with_name(f".{secrets.token_hex(6)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise BronzeError(f"{path} cannot be written: {error}") from error


def remove_file(spark: SparkSession, uri: str) -> None:
    """Removes a file; one that is not there is no error.

    Raises:
        BronzeError: it cannot be removed.
    """
    path = local_path(uri)
    if path is None:
        _ask_cloud(spark, uri, "removed", lambda files: files.rm(uri))
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BronzeError(f"{path} cannot be removed: {error}") from error


def list_folder(spark: SparkSession, uri: str) -> list[str]:
    """The names in a folder, sorted; none when there is no such folder.

    Raises:
        BronzeError: the folder cannot be listed.
    """
    path = local_path(uri)
    if path is None:
        return sorted(name.rstrip("/") for name, _ in _sizes_in(spark, uri))
    try:
        return sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BronzeError(f"{path} cannot be listed: {error}") from error


def file_sizes(spark: SparkSession, folder: str, names: Iterable[str]) -> dict[str, int]:
    """The sizes in bytes of those of some files that are there, by their names relative to a folder.

    Raises:
        BronzeError: the lake cannot be looked at.
    """
    path = local_path(folder)
    if path is not None:
        found = {}
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found[name] = (path / name).stat().st_size
        return found
    # One listing of each folder: to ask for each file would take as many requests.
    parents = sorted({name.rpartition("/")[0] for name in names})
    return {f"{parent}/{name}": size for parent in parents for name, size in _sizes_in(spark, f"{folder}/{parent}")}


def remove_empty_file(spark: SparkSession, folder: str, name: str) -> bool:
    """Removes a file that has no byte; says whether there was one.

    Raises:
        BronzeError: the lake cannot be looked at.
    """
    if file_sizes(spark, folder, [name]).get(name) != 0:
        return False
    path = local_path(folder)
    if path is not None:
        (path / name).unlink(missing_ok=True)
    else:
        _dbutils(spark, folder).fs.rm(f"{folder}/{name}")
    return True


def _sizes_in(spark: SparkSession, uri: str) -> list[tuple[str, int]]:
    entries = _ask_cloud(spark, uri, "listed", lambda files: files.ls(uri))
    return [(entry.name, entry.size) for entry in entries or ()]


def local_path(uri: str) -> Path | None:
    """The path of a local file URI or plain path; None for a cloud URI.

    Nothing is decoded: Spark's file names are Hadoop's, which take ``%20``, ``#`` and ``?`` as they stand.
    """
    if uri.startswith("file:"):
        rest = uri.removeprefix("file:")
        # What stands between // and the next / is a host, which a local file has not.
        return Path("/" + rest[2:].partition("/")[2] if rest.startswith("//") else rest)
    return None if "://" in uri else Path(uri)


def _read_cloud_text(spark: SparkSession, uri: str) -> str | None:
    found = _ask_cloud(spark, uri, "read", lambda files: files.head(uri, _MAX_BYTES))
    return None if found is None else str(found)


def _ask_cloud(spark: SparkSession, uri: str, what: str, ask: Callable[[Any], Any]) -> Any:
    """What the Databricks utilities answer; None where there is no such file."""
    files = _dbutils(spark, uri).fs
    try:
        return ask(files)
    except Exception as error:
        if "FileNotFound" in str(error):
            return None
        raise BronzeError(f"{uri} cannot be {what}: {error}") from error


def _dbutils(spark: SparkSession, uri: str) -> Any:
    try:
        from pyspark.dbutils import DBUtils  # type: ignore[import-not-found]  # only Databricks has it
    except ImportError:
        raise BronzeError(
            f"{uri} can only be reached on Databricks; elsewhere give --lake-root as a local folder or a mounted volume"
        ) from None
    return DBUtils(spark)
