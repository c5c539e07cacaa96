"""What a comparison found, as values, as JSON and as text. It holds no value of any row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ColumnTypes:
    """A column that the sides store in different types; its values are compared after conversion."""

    column: str
    here: str
    there: str


@dataclass(frozen=True)
class ColumnFigures:
    """A column's figures on both sides.

    Attributes:
        column: its name at the source.
        nulls_here: missing values in bronze.
        nulls_there: missing values on the other side, those included that do not fit bronze's type.
        unfit: values of the other side that do not fit bronze's type.
        sum_here: exact, as a text; None where the column is no number, or its values are confidential.
        sum_there: the same of the other side.
        sums_differ: also known of a confidential column.
        rows: rows of the same key whose values differ; None where rows were compared without a key.
    """

    column: str
    nulls_here: int
    nulls_there: int
    unfit: int = 0
    sum_here: str | None = None
    sum_there: str | None = None
    sums_differ: bool = False
    rows: int | None = None

    @property
    def differs(self) -> bool:
        """Whether the column shows a difference."""
        return bool(self.unfit or self.rows or self.sums_differ or self.nulls_here != self.nulls_there)


@dataclass(frozen=True)
class RowDifference:
    """One row that differs.

    Attributes:
        key: a digest of the row's key, or of the row where there is no key; the key itself where it was asked for.
        side: `here` or `there` for a row of one side only, `both` where values differ.
        columns: whose values differ.
    """

    key: str
    side: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All that was found.

    Attributes:
        table: schema and table at the source.
        business_date: of bronze's index.
        rows_here: in bronze.
        rows_there: on the other side, without those that are not due yet.
        rows_not_due: of the other side, dated later than the business date.
        columns_here: only in bronze.
        columns_there: only on the other side.
        types: columns of different types.
        key: the columns that rows are told apart by; empty: by all their values.
        repeated_here: rows in bronze whose key is there more than once.
        repeated_there: the same of the other side.
        only_here: rows (or keys) that only bronze has.
        only_there: rows (or keys) that only the other side has.
        columns: figures of the columns of both sides.
        first: some of the rows that differ.
        notes: what a reader must know to judge it.
    """

    table: str
    business_date: str
    rows_here: int
    rows_there: int
    rows_not_due: int
    columns_here: tuple[str, ...]
    columns_there: tuple[str, ...]
    types: tuple[ColumnTypes, ...]
    key: tuple[str, ...]
    repeated_here: int
    repeated_there: int
    only_here: int
    only_there: int
    columns: tuple[ColumnFigures, ...]
    first: tuple[RowDifference, ...]
    notes: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same; columns of different types with the same values do."""
        counted = self.only_here or self.only_there or self.rows_here != self.rows_there
        return not (counted or self.columns_here or self.columns_there or any(one.differs for one in self.columns))

    def to_json(self) -> str:
        """All of it, for a program."""
        return json.dumps({"equal": self.is_equal, **asdict(self)}, ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """All of it, for a person."""
        return "\n".join(_lines(self)) + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    yield f"{found.table}, business date {found.business_date}: {'equal' if found.is_equal else 'DIFFERENT'}"
    later = f" ({found.rows_not_due:,} more are dated later)" if found.rows_not_due else ""
    yield f"rows: {found.rows_here:,} here, {found.rows_there:,} there{later}"
    for name in found.columns_here:
        yield f"column {name}: only here"
    for name in found.columns_there:
        yield f"column {name}: only there"
    for one in found.types:
        yield f"column {one.column}: {one.here} here, {one.there} there; values were compared as {one.here}"
    what = f"keys ({', '.join(found.key)})" if found.key else "rows"
    yield f"{what}: {found.only_here:,} only here, {found.only_there:,} only there"
    for column in found.columns:
        yield from _column(column)
    for row in found.first:
        where = f"differs in {', '.join(row.columns)}" if row.columns else f"only {row.side}"
        yield f"{row.key}: {where}"
    yield from (f"note: {note}" for note in found.notes)


def _column(one: ColumnFigures) -> Iterator[str]:
    said = []
    if one.rows:
        said.append(f"{one.rows:,} rows differ")
    if one.unfit:
        said.append(f"{one.unfit:,} values there do not fit its type here")
    if one.nulls_here != one.nulls_there:
        said.append(f"NULL in {one.nulls_here:,} rows here, {one.nulls_there:,} there")
    if one.sum_here is not None:
        same = one.sum_here == one.sum_there
        said.append(f"sum {one.sum_here}" if same else f"sum {one.sum_here} here, {one.sum_there} there")
    elif one.sums_differ:
        said.append("its sums differ (confidential)")
    if said:
        yield f"column {one.column}: {'; '.join(said)}"
