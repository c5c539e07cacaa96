"""Reading bronze back: what was just written, to be held against the source, and slices that were landed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from lake_model.bronze_manifest import BronzeFile, Manifest
from lakehouse.bronze.content_checksum import Checksums, add_checksums
from lakehouse.bronze.index_check import sha256_of
from lakehouse.errors import VerificationError
from lakehouse.lake.lake_path import LakePath, local_path, open_stream
from lakehouse.lake.storage_errors import storage_errors
from lakehouse.source.type_map import ColumnPlan

_ROWS_AT_A_TIME = 65_536


def read_back(folder: LakePath, name: str, written: BronzeFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The given columns of a file that was just written, as the file holds them, by row group.

    On this machine the file's bytes are hashed again. A cloud store checks what it receives, and shall not send all of
    it back.

    Args:
        folder: the table's folder.
        name: the file, relative to it.
        written: what the file must be.
        columns: those to read; none are enough to count the rows.

    Raises:
        VerificationError: the file has other rows or other bytes than were written.
        StorageError: it cannot be read.
    """
    path = folder / name
    with storage_errors("read", path), open_stream(path, "rb") as stream:
        if local_path(path) is not None:
            _check("SHA-256", path, written.sha256, sha256_of(stream))
            stream.seek(0)
        parquet = pq.ParquetFile(stream)
        _check("rows", path, written.rows, parquet.metadata.num_rows)
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            yield parquet.read_row_group(group, list(columns)) if columns else _without_columns(rows)


def stored_checksums(
    folder: LakePath, manifest: Manifest, slices: Sequence[str], plans: Sequence[ColumnPlan]
) -> Checksums:
    """Rows and checksum (content_checksum.py) of slices as their files hold them; a slice may be missing.

    A file that lacks one of the columns, as one of before the column came, is left out: so its slices have fewer rows
    than their manifest says.

    Args:
        folder: the table's folder.
        manifest: the index to read by.
        slices: those that are asked for.
        plans: the columns of a row, all of which can be checked.

    Raises:
        StorageError: a file cannot be read.
    """
    files: dict[str, set[str]] = {}
    for item in manifest.slices:
        if item.slice in slices:
            for name in item.files:
                files.setdefault(name, set()).add(item.slice)
    total: Checksums = {}
    for name, wanted in files.items():
        for one, (rows, checksum) in _file_checksums(folder / name, plans, manifest.date_column).items():
            # The file may hold rows of other slices that are no longer theirs.
            if one in wanted:
                before = total.get(one, (0, 0))
                total[one] = (before[0] + rows, before[1] + checksum)
    return total


def _file_checksums(path: LakePath, plans: Sequence[ColumnPlan], date_column: str | None) -> Checksums:
    checksums: Checksums = {}
    with storage_errors("read", path), open_stream(path, "rb") as stream:
        parquet = pq.ParquetFile(stream)
        names = [plan.name for plan in plans]
        if set(names) <= set(parquet.schema_arrow.names):
            for batch in parquet.iter_batches(_ROWS_AT_A_TIME, columns=names):
                add_checksums(checksums, pa.Table.from_batches([batch]), plans, date_column)
    return checksums


def _without_columns(rows: int) -> pa.Table:
    return pa.table({"": pa.nulls(rows)})


def _check(what: str, path: object, written: object, found: object) -> None:
    if found != written:
        raise VerificationError(
            f"{path}: {what} is {found} as read back, but {written} as written; nothing was published. Clear the task "
            "to copy again; if it stays so, the disk or the store loses what it is given"
        )
