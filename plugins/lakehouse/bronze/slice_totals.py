"""Counting and summing by slice what was written, exactly, and comparing it with what the server counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lake_model.bronze_manifest import ALL, UNDATED
from lakehouse.errors import VerificationError
from lakehouse.source.fingerprint import SUM_CONTEXT, SourceSlice
from lakehouse.source.type_map import ColumnPlan

_KEY = "slice"
_EPOCH = date(1970, 1, 1)
_MOST_INT64 = 2**63 - 1
# decimal128 holds 38 digits; a sum over one row group may need six more than its addends.
_SAFE_DIGITS = 32
# The order of additions is the server's secret, and floating-point sums depend on it.
_FLOAT_TOLERANCE = 1e-9


@dataclass
class Totals:
    """Rows, exact sums and files of one slice; `magnitudes` are sums of absolute values, of floating-point columns."""

    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    floats: dict[str, float] = field(default_factory=dict)
    magnitudes: dict[str, float] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class SliceTotals:
    """Adds up what files hold, row group by row group."""

    def __init__(self, plans: Sequence[ColumnPlan], date_column: str | None) -> None:
        self._exact = [plan.name for plan in plans if plan.sum_sql and plan.kind == "number"]
        self._floats = [plan.name for plan in plans if plan.sum_sql and plan.kind == "float"]
        self._date_column = date_column
        self.slices: dict[str, Totals] = {}

    @property
    def columns(self) -> list[str]:
        """The columns that `add` looks at."""
        return [*([self._date_column] if self._date_column is not None else []), *self._exact, *self._floats]

    def add(self, file: str, rows: pa.Table) -> None:
        """Add rows of a file, with at least `columns`."""
        columns: list[Any] = []
        names: list[str] = []
        for name in self._exact:
            columns.append(_summable(rows[name]))
        for name in self._floats:
            values = rows[name].cast(pa.float64())
            columns += [values, pc.abs(values)]
        names = [str(index) for index in range(len(columns))]
        keys: list[str] = []
        if self._date_column is not None:
            columns.append(rows[self._date_column].cast(pa.date32()).cast(pa.int32()))
            keys = [_KEY]
        grouped = (
            pa.table([*columns, pa.nulls(rows.num_rows, pa.null())], [*names, *keys, "rows"])
            .group_by(keys, use_threads=False)
            .aggregate([([], "count_all"), *((name, "sum") for name in names)])
        )
        for row in grouped.to_pylist():
            self._add_group(file, self._name_of(row), row)

    def _name_of(self, row: Mapping[str, Any]) -> str:
        if self._date_column is None:
            return ALL
        days = row[_KEY]
        return UNDATED if days is None else (_EPOCH + timedelta(days=days)).isoformat()

    def _add_group(self, file: str, name: str, row: Mapping[str, Any]) -> None:
        total = self.slices.setdefault(name, Totals())
        total.rows += row["count_all"]
        if file not in total.files:
            total.files.append(file)
        for index, column in enumerate(self._exact):
            value = SUM_CONTEXT.create_decimal(row[f"{index}_sum"] or 0)
            total.sums[column] = SUM_CONTEXT.add(total.sums.get(column, Decimal(0)), value)
        for index, column in enumerate(self._floats):
            place = len(self._exact) + 2 * index
            total.floats[column] = total.floats.get(column, 0.0) + (row[f"{place}_sum"] or 0.0)
            total.magnitudes[column] = total.magnitudes.get(column, 0.0) + (row[f"{place + 1}_sum"] or 0.0)


def added_up(parts: Sequence[Mapping[str, Totals]]) -> dict[str, Totals]:
    """The totals of rows that were written in parts."""
    if len(parts) == 1:
        return dict(parts[0])
    total: dict[str, Totals] = {}
    for part in parts:
        for name, one in part.items():
            sum_ = total.setdefault(name, Totals())
            sum_.rows += one.rows
            sum_.files += [file for file in one.files if file not in sum_.files]
            for column, value in one.sums.items():
                sum_.sums[column] = SUM_CONTEXT.add(sum_.sums.get(column, Decimal(0)), value)
            for mine, others in ((sum_.floats, one.floats), (sum_.magnitudes, one.magnitudes)):
                for column, number in others.items():
                    mine[column] = mine.get(column, 0.0) + number
    return total


def verify(table: str, date_column: str | None, expected: Sequence[SourceSlice], written: Mapping[str, Totals]) -> None:
    """Compare what was written with what the server counted and summed in the same snapshot.

    Raises:
        VerificationError: a slice has other rows or sums, or is there unasked; names table, date and column.
    """
    wanted = {item.slice: item for item in expected}
    for name in sorted(wanted.keys() | written.keys()):
        source = wanted.get(name) or SourceSlice(name, 0, None, {})
        copied = written.get(name, Totals())
        place = table if date_column is None else f"{table}, {date_column} {name}"
        if source.rows != copied.rows:
            raise _difference(place, "rows", source.rows, copied.rows)
        for column, total in copied.sums.items():
            if SUM_CONTEXT.compare(SUM_CONTEXT.create_decimal(source.sums[column]), total) != 0:
                raise _difference(place, f"the sum of {column}", source.sums[column], format(total, "f"))
        for column, number in copied.floats.items():
            magnitude = copied.magnitudes[column]
            # Past the largest number the server's sum is of no use: MariaDB then says 0.
            if math.isfinite(magnitude) and abs(float(source.sums[column]) - number) > _FLOAT_TOLERANCE * magnitude:
                raise _difference(place, f"the sum of {column}", source.sums[column], number)


def agrees(table: str, date_column: str | None, expected: Sequence[SourceSlice], written: Mapping[str, Totals]) -> bool:
    """Whether `verify` would let this pass."""
    try:
        verify(table, date_column, expected, written)
    except VerificationError:
        return False
    return True


def _difference(place: str, what: str, source: object, copied: object) -> VerificationError:
    return VerificationError(
        f"{place}: {what} is {source} at the source, but {copied} as copied; nothing was published. Clear the task to "
        "copy again; if it stays so, see whether the table's engine keeps snapshots (InnoDB does, MyISAM does not)"
    )


def _summable(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same numbers in a type in which the sum of one row group cannot overflow: Arrow would wrap in silence."""
    kind = values.type
    if pa.types.is_decimal(kind):
        return values if kind.precision <= _SAFE_DIGITS else values.cast(pa.decimal256(76, kind.scale))
    if kind == pa.int64() and len(values):
        extremes = pc.min_max(values).as_py()
        largest = max(abs(extremes["min"] or 0), abs(extremes["max"] or 0))
        if largest * len(values) > _MOST_INT64:
            return values.cast(pa.decimal128(19, 0))
    return values.cast(pa.int64())
