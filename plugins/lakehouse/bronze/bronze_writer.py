"""Decoding and writing batches as Parquet files, in a thread beside the fetch, with the figures of a manifest.

What is written is visible to no reader until a manifest names it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lake_model.bronze_manifest import BronzeFile
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import LakePath, local_path, make_parents, open_stream, remove, state
from lakehouse.lake.storage_errors import storage_errors
from lakehouse.source.wire_rows import Columns

_QUEUED_BATCHES = 8
_ROW_GROUP_BYTES = 64 * 2**20


@dataclass(frozen=True)
class FileLimits:
    """Rows of a row group and of a file; a file is a whole number of row groups."""

    row_group_rows: int = 262_144
    file_rows: int = 1_048_576


class BronzeWriter:
    """Writes batches to numbered files; a context manager that removes them all when the block fails.

    Args:
        folder: the table's folder.
        name_part: gives the name of the next file, relative to the folder, which no other file has or takes.
        schema: of every decoded batch.
        limits: when a row group and a file are full.
        decode: turns what `write` is given into rows; called in the thread that writes.
        check: called with every file that is complete, and shall raise what is wrong with it.
    """

    def __init__(
        self,
        folder: LakePath,
        name_part: Callable[[], str],
        schema: pa.Schema,
        limits: FileLimits,
        decode: Callable[[Columns], pa.RecordBatch],
        check: Callable[[str, BronzeFile], None],
    ) -> None:
        self.files: dict[str, BronzeFile] = {}
        self._folder = folder
        self._name_part = name_part
        self._schema = schema
        self._limits = limits
        self._decode = decode
        self._check = check
        self._open: _OpenFile | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._batches: queue.Queue[Columns | None] = queue.Queue(_QUEUED_BATCHES)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._encode, name="bronze-writer", daemon=True)

    def __enter__(self) -> BronzeWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._failure = self._failure or error
        self._batches.put(None)
        self._thread.join()
        if self._failure is not None:
            self._discard()
            if kind is None:
                raise self._failure

    def write(self, batch: Columns) -> None:
        """Hand a batch over; waits while the thread has enough to do.

        Raises:
            StorageError: an earlier batch could not be written.
        """
        if self._failure is not None:
            raise self._failure
        self._batches.put(batch)

    def _encode(self) -> None:
        # Every batch is taken, also after a failure: the fetch may be waiting for a place in the queue.
        while (batch := self._batches.get()) is not None:
            self._guard(self._add, batch)
        self._guard(self._flush)
        self._guard(self._close)

    def _guard(self, step: Callable[..., None], *arguments: Any) -> None:
        if self._failure is not None:
            return
        try:
            step(*arguments)
        # Whatever it is, it is raised in the thread that fetches.
        except BaseException as error:
            self._failure = error

    def _add(self, columns: Columns) -> None:
        batch = self._decode(columns)
        while batch.num_rows:
            part = batch.slice(0, self._limits.row_group_rows - self._pending_rows)
            batch = batch.slice(part.num_rows)
            self._pending.append(part)
            self._pending_rows += part.num_rows
            self._pending_bytes += part.nbytes
            if self._pending_rows >= self._limits.row_group_rows or self._pending_bytes >= _ROW_GROUP_BYTES:
                self._flush()

    def _flush(self) -> None:
        if not self._pending_rows:
            return
        rows = pa.Table.from_batches(self._pending, self._schema)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._open is None:
            self._open = _OpenFile(self._folder, self._name_part(), self._schema)
        self._open.write(rows)
        if self._open.rows >= self._limits.file_rows:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            name = self._open.name
            self.files[name] = self._open.finish()
            self._open = None
            self._check(name, self.files[name])

    def _discard(self) -> None:
        unfinished, self._open = self._open, None
        if unfinished is not None:
            unfinished.abandon()
        remove_files(self._folder, [*self.files, *([unfinished.name] if unfinished else [])])
        self.files = {}


def remove_files(folder: LakePath, names: list[str]) -> None:
    """Remove files of a run that failed; those that cannot be removed stay behind, unseen, until upkeep takes them."""
    # After the first failure no more is tried: a store that is away keeps every request waiting for a minute.
    with contextlib.suppress(StorageError):
        for name in names:
            remove(folder / name)


class _OpenFile:
    def __init__(self, folder: LakePath, name: str, schema: pa.Schema) -> None:
        self.name = name
        self.rows = 0
        self._path = folder / name
        make_parents(self._path)
        with storage_errors("write", self._path):
            self._stream = _HashingStream(open_stream(self._path, "xb"))
            self._writer = pq.ParquetWriter(
                self._stream,
                schema,
                compression="zstd",
                compression_level=1,
                store_decimal_as_integer=True,
                # Columns of many different values give their dictionary up early: less time and smaller files.
                dictionary_pagesize_limit=2**16,
            )

    def write(self, rows: pa.Table) -> None:
        with storage_errors("write", self._path):
            self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
        self.rows += rows.num_rows

    def finish(self) -> BronzeFile:
        with storage_errors("write", self._path):
            self._writer.close()
            try:
                self._stream.finish(durable=local_path(self._path) is not None)
            except FileExistsError:
                # No other file has the name: the store's client tried again, because an answer was lost.
                found = state(self._path)
                if found is None or found.bytes != self._stream.size:
                    raise
        return BronzeFile(self.rows, self._stream.size, self._stream.digest.hexdigest())

    def abandon(self) -> None:
        # Closing writes the rest of the file, which fails again on a full disk.
        with contextlib.suppress(Exception):
            self._writer.close()
        with contextlib.suppress(Exception):
            self._stream.finish(durable=False)


class _HashingStream:
    """The file that Arrow writes to: it counts and hashes what goes by."""

    def __init__(self, stream: Any) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False
        self._stream = stream

    def write(self, data: Any) -> int:
        self._stream.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._stream.flush()

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        """Arrow may call this; the file is closed by `finish`."""

    def finish(self, durable: bool) -> None:
        """Close the file; a durable one has reached the disk before a manifest names it."""
        try:
            if durable:
                self._stream.flush()
                os.fsync(self._stream.fileno())
        finally:
            self._stream.close()
            self.closed = True
