"""The checksum of rows that bronze holds, as the server would compute it: the same text of every row, hashed alike.

The server's text of a row is `hash_sql` of its columns (type_map.py). Where the stored value gives that text exactly, a
slice can be held against the source without having asked the source when it was copied: the first load of a large table
saves the server that work. Not every type can: how a server prints a FLOAT is its own affair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lake_model.bronze_manifest import ALL, UNDATED
from lakehouse.source.type_map import LONG_BYTES, LONG_TEXT, SHORT_BYTES, SHORT_TEXT, ColumnPlan

# Rows are hashed one by one in Python: few enough at a time that all of this stays small.
_ROWS_AT_A_TIME = 16_384
_TEXT_AS_STORED = {None, "utf8mb4", "utf8mb3", "utf8", "ascii"}
# With more decimal places Arrow prints small numbers with an exponent.
_MOST_PLAIN_SCALE = 6
_SECOND_DIGITS = len("2026-11-20 00:00:00")
_EPOCH = np.datetime64("1970-01-01", "D")
_NO_DATE = np.iinfo(np.int32).min
_NULL = pa.scalar(b"N")
_COMMA = pa.scalar(b",", pa.binary())

Checksums = dict[str, tuple[int, int]]


def can_be_checked(plan: ColumnPlan) -> bool:
    """Whether the server's text of the column's values follows from what bronze holds of them."""
    if plan.kind in {"float", "geometry"} or "zerofill" in plan.mysql_type.lower():
        return False
    if pa.types.is_decimal(plan.arrow_type):
        return bool(plan.arrow_type.scale <= _MOST_PLAIN_SCALE)
    return plan.character_set in _TEXT_AS_STORED


def add_checksums(checksums: Checksums, rows: pa.Table, plans: Sequence[ColumnPlan], date_column: str | None) -> None:
    """Add the rows to their slices' counts and checksums.

    Args:
        checksums: rows and checksum by slice; added to.
        rows: with every column of the plans.
        plans: the source's columns, all of which `can_be_checked`.
        date_column: the column that dates the rows; None for a table of one slice.
    """
    for start in range(0, rows.num_rows, _ROWS_AT_A_TIME):
        part = rows.slice(start, _ROWS_AT_A_TIME).combine_chunks()
        texts = [text for plan in plans for text in _texts(plan, _one_array(part[plan.name]))]
        joined = pc.binary_join_element_wise(*texts, _COMMA).to_pylist()
        sha256 = hashlib.sha256
        digests = np.frombuffer(b"".join([sha256(row).digest() for row in joined]), np.uint8)
        halves = digests.reshape(-1, 32)[:, :8].copy().view(">u4")
        names, slices = _slices(part, date_column)
        # Sums of few enough numbers of 32 bits, so that a float holds them exactly.
        high = np.bincount(slices, halves[:, 0])
        low = np.bincount(slices, halves[:, 1])
        for index, count in enumerate(np.bincount(slices)):
            before = checksums.get(names[index], (0, 0))
            checksum = (int(high[index]) << 32) + int(low[index])
            checksums[names[index]] = (before[0] + int(count), before[1] + checksum)


def _slices(rows: pa.Table, date_column: str | None) -> tuple[list[str], np.ndarray]:
    """The names of the slices that the rows belong to, and each row's place in them."""
    if date_column is None:
        return [ALL], np.zeros(rows.num_rows, np.intp)
    days = _one_array(rows[date_column]).cast(pa.date32()).cast(pa.int32()).fill_null(_NO_DATE)
    numbers = np.frombuffer(days.buffers()[1], np.int32, len(days), days.offset * 4)
    found, places = np.unique(numbers, return_inverse=True)
    return [UNDATED if day == _NO_DATE else str(_EPOCH + int(day)) for day in found], places


def _texts(plan: ColumnPlan, values: pa.Array) -> list[pa.Array]:
    """What `hash_sql` of a column gives: one value of each row, or its length and the value."""
    base = plan.base_type
    if base in SHORT_TEXT | SHORT_BYTES:
        content = values.cast(pa.binary())
        return [_or_null(pc.binary_length(content).cast(pa.string())), content.fill_null(b"")]
    if base in LONG_TEXT | LONG_BYTES:
        return [_or_null(pa.array([_hexed(value) for value in values.cast(pa.binary()).to_pylist()], pa.binary()))]
    if base == "year":
        return [_or_null(pc.utf8_lpad(values.cast(pa.string()), 4, "0"))]
    if plan.kind in {"datetime", "timestamp"}:
        digits = plan.mysql_type.partition("(")[2].partition(")")[0]
        shown = _SECOND_DIGITS + (1 + int(digits) if digits and int(digits) else 0)
        return [_or_null(pc.utf8_slice_codeunits(values.cast(pa.timestamp("us")).cast(pa.string()), 0, shown))]
    return [_or_null(values.cast(pa.string()))]


def _or_null(values: pa.Array) -> pa.Array:
    return values.cast(pa.binary()).fill_null(_NULL)


def _hexed(value: bytes | None) -> bytes | None:
    return None if value is None else hashlib.sha256(value).hexdigest().encode()


def _one_array(values: pa.ChunkedArray) -> pa.Array:
    combined = values.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)
