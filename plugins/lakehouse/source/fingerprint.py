"""Fingerprints: the SQL that computes them in the server, and the comparison that decides what to copy. No I/O.

The server gives for every slice its row count and an order-free checksum: the exact sum, over all rows, of the first
64 bits of SHA-256 of the row. A sum, unlike an exclusive or, is not blind to duplicates. The row is hashed from the
`hash_sql` of its columns, in which lengths and NULL marks keep different rows from becoming the same text. SHA-256 is
what MariaDB and MySQL both have: MySQL 9 has no SHA1() and no MD5() any more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from lake_model.bronze_manifest import ALL, UNDATED, Slice
from lakehouse.source.sql_text import digest_sql, quote_identifier, quote_text

if TYPE_CHECKING:
    from lakehouse.source.type_map import ColumnPlan

# Sums of 38 digits over any number of rows; Python's default of 28 would round them.
SUM_CONTEXT = Context(prec=120)
# In every fingerprint, so that one that was made otherwise is known: earlier_checksum.py.
_ALGORITHM = "sha256"
_MOST_RANGES = 64


@dataclass(frozen=True)
class SourceSlice:
    """A slice as the server sees it inside the snapshot; `checksum` is None when none was asked for."""

    slice: str
    rows: int
    checksum: int | None
    sums: Mapping[str, str]


@dataclass(frozen=True)
class SlicePlan:
    """What a run does: slices to copy (of the source), slices to carry over and to drop (of the old index)."""

    copy: tuple[SourceSlice, ...]
    carry: tuple[Slice, ...]
    drop: tuple[str, ...]
    rows_not_yet_due: int


def table_sql(schema: str, table: str) -> str:
    """The quoted full name of a table."""
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"


def select_sql(schema: str, table: str, plans: Sequence[ColumnPlan]) -> str:
    """The statement that reads a table's rows, with no predicate; every column by name, so invisible ones too."""
    return f"SELECT {', '.join(plan.select_sql for plan in plans)} FROM {table_sql(schema, table)}"


def fingerprint_sql(
    schema: str,
    table: str,
    plans: Sequence[ColumnPlan],
    date_column: ColumnPlan | None,
    with_checksum: bool,
    predicate: str | None = None,
    quick_sums: bool = False,
) -> str:
    """The statement that gives one row per date: the date, the count, the checksum, and the sums of summed columns.

    Quick sums cost the server less, and are the sums only where `quick_sums_hold` says so.
    """
    key = "NULL" if date_column is None else date_key_sql(date_column)
    hashed = digest_sql(f"CONCAT_WS(',',{','.join(plan.hash_sql for plan in plans)})")
    checksum = f"SUM(CAST(CONV(LEFT({hashed},16),16,10) AS UNSIGNED))" if with_checksum else "NULL"
    sums = [(quick_sums and plan.quick_sum_sql) or plan.sum_sql for plan in plans if plan.sum_sql]
    fields = ", ".join([key, "COUNT(*)", checksum, *sums])
    grouping = "" if date_column is None else f" GROUP BY {key}"
    restriction = f" WHERE {predicate}" if predicate else ""
    return f"SELECT {fields} FROM {table_sql(schema, table)}{restriction}{grouping}"


def quick_sums_hold(found: Iterable[SourceSlice], plans: Sequence[ColumnPlan]) -> bool:
    """Whether no slice has so many rows that its quick sums may have been rounded."""
    most = min((plan.quick_sum_rows for plan in plans if plan.quick_sum_rows is not None), default=None)
    return most is None or all(item.rows <= most for item in found)


def date_key_sql(date_column: ColumnPlan) -> str:
    """A row's date as `slice_name` reads it.

    As a number: grouped by the plain column, the server would go through its index, and fetch every row one by one.
    """
    return f"{_date_sql(date_column)} + 0"


def slices_of(
    rows: Iterable[Sequence[bytes | None]], plans: Sequence[ColumnPlan], dated: bool
) -> dict[str, SourceSlice]:
    """Read the answer to `fingerprint_sql`; NULL, zero, partial and impossible dates become one slice, `undated`.

    Without a date column there is exactly the slice `all`, also for an empty table.
    """
    names = [plan.name for plan in plans if plan.sum_sql]
    slices: dict[str, SourceSlice] = {}
    for key, count, checksum, *sums in rows:
        name = slice_name(key) if dated else ALL
        found = SourceSlice(
            name,
            int(count or 0),
            None if checksum is None else int(checksum),
            {column: "0" if value is None else value.decode() for column, value in zip(names, sums, strict=True)},
        )
        slices[name] = _together(slices[name], found) if name in slices else found
    return slices


def fingerprint_of(found: SourceSlice, plans: Sequence[ColumnPlan]) -> str:
    """The version of a slice's content: its count, and a digest of checksum, column names and stored types.

    A column that comes, goes, or changes its stored type changes the content that bronze must hold.
    """
    content = [found.rows, str(found.checksum or 0), [[plan.name, str(plan.arrow_type)] for plan in plans]]
    return f"{found.rows}:{_ALGORITHM}:{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]}"


def plan_slices(
    old: Mapping[str, Slice],
    found: Mapping[str, SourceSlice],
    fingerprints: Mapping[str, str],
    business_date: date,
    newest: date | None,
    always: bool = False,
    scanned: Container[str] | None = None,
) -> SlicePlan:
    """Compare the visible index with the source.

    A run of the newest business date or later refreshes all dates up to its own, and `undated`; an older one (a
    backfill) refreshes its own date alone. Rows dated later are counted, never copied.

    Args:
        old: the visible index, by slice.
        found: the source, by slice.
        fingerprints: the source's fingerprints, by slice.
        business_date: the run's.
        newest: the newest business date ever landed.
        always: copy every slice in scope, changed or not.
        scanned: the slices that the source was asked about; the others are carried over. None: all of them.
    """
    backfill = newest is not None and business_date < newest

    def in_scope(name: str) -> bool:
        if scanned is not None and name not in scanned:
            return False
        if backfill:
            return name == business_date.isoformat()
        return name in {UNDATED, ALL} or date.fromisoformat(name) <= business_date

    def changed(name: str) -> bool:
        return always or name not in old or old[name].source_fingerprint != fingerprints[name]

    copied = {name for name in found if in_scope(name) and changed(name)}
    dropped = {name for name in old if in_scope(name) and name not in found}
    return SlicePlan(
        copy=tuple(found[name] for name in sorted(copied)),
        carry=tuple(old[name] for name in sorted(old) if name not in copied | dropped),
        drop=tuple(sorted(dropped)),
        rows_not_yet_due=sum(
            item.rows
            for name, item in found.items()
            if name not in {UNDATED, ALL} and date.fromisoformat(name) > business_date
        ),
    )


def dated_predicate(date_column: ColumnPlan, dates: Sequence[date], source_has_undated: bool) -> str:
    """The predicate of rows of the given dates (sorted, not empty): half-open ranges, which an index serves.

    Partial and impossible dates lie inside such ranges, so they are kept out where the source has any.
    """
    column = quote_identifier(date_column.name)
    ranges = _ranges(dates)
    if len(ranges) > _MOST_RANGES:
        listed = ",".join(quote_text(day.isoformat()) for day in dates)
        predicate = f"{_range_sql(column, dates[0], dates[-1])} AND {_date_sql(date_column)} IN ({listed})"
    else:
        predicate = " OR ".join(_range_sql(column, first, last) for first, last in ranges)
    return f"({predicate}) AND {_whole_date_sql(column)}" if source_has_undated else f"({predicate})"


def spans_predicate(
    date_column: ColumnPlan, spans: Sequence[tuple[date, date]], source_has_undated: bool = True
) -> str:
    """The predicate of rows of whole dates inside any of the spans, each of them from a first to a last date."""
    column = quote_identifier(date_column.name)
    inside = " OR ".join(_range_sql(column, first, last) for first, last in spans)
    return f"({inside}) AND {_whole_date_sql(column)}" if source_has_undated else f"({inside})"


def copy_predicates(
    date_column: ColumnPlan | None, wanted: Sequence[SourceSlice], may_be_undated: bool
) -> Iterator[tuple[str | None, list[SourceSlice]]]:
    """The predicates of the statements that read slices (None: no predicate), and the slices of each.

    One statement for all dates, so that the server scans the table once at most; another for the undated.

    Args:
        date_column: the column that dates the rows; None for a table of one slice.
        wanted: the slices, in order of their dates.
        may_be_undated: whether the source may have rows of no date.
    """
    if date_column is None:
        yield from ((None, [item]) for item in wanted if item.rows or item.slice == ALL)
        return
    dated = [item for item in wanted if item.slice != UNDATED]
    if dated:
        yield dated_predicate(date_column, [date.fromisoformat(item.slice) for item in dated], may_be_undated), dated
    for item in wanted:
        if item.slice == UNDATED:
            yield undated_predicate(date_column), [item]


def since_predicate(date_column: ColumnPlan, first: date) -> str:
    """The predicate of rows of a date or any later one."""
    column = quote_identifier(date_column.name)
    return f"{column} >= {quote_text(first.isoformat())} AND {_whole_date_sql(column)}"


def due_predicate(date_column: ColumnPlan, business_date: date) -> str | None:
    """The predicate of all rows of a date up to the business date, and of those of no date; None where that is all."""
    if business_date == date.max:
        return None
    column = quote_identifier(date_column.name)
    after = quote_text((business_date + timedelta(days=1)).isoformat())
    return f"({column} < {after} OR {undated_predicate(date_column)})"


def undated_predicate(date_column: ColumnPlan) -> str:
    """The predicate of rows whose date is NULL, zero, partial or impossible."""
    return f"NOT {_whole_date_sql(quote_identifier(date_column.name))}"


def add_sums(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Add exact decimal texts, column by column."""
    total: dict[str, Decimal] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = SUM_CONTEXT.add(total.get(name, Decimal(0)), SUM_CONTEXT.create_decimal(value))
    return {name: format(value, "f") for name, value in total.items()}


def _together(one: SourceSlice, other: SourceSlice) -> SourceSlice:
    checksum = None if one.checksum is None and other.checksum is None else (one.checksum or 0) + (other.checksum or 0)
    return SourceSlice(one.slice, one.rows + other.rows, checksum, add_sums([one.sums, other.sums]))


def slice_name(key: bytes | None) -> str:
    """The slice of a date that the server gives as a number, such as 20261120."""
    year, rest = divmod(int(key or 0), 10_000)
    try:
        return date(year, rest // 100, rest % 100).isoformat()
    except ValueError:
        return UNDATED


def _date_sql(date_column: ColumnPlan) -> str:
    column = quote_identifier(date_column.name)
    return column if date_column.kind == "date" else f"DATE({column})"


def _whole_date_sql(column: str) -> str:
    # TO_DAYS gives NULL for a zero or partial date, and FROM_DAYS turns an impossible one into another date. The year 0
    # is a part that is missing, though MySQL takes it for one like any other.
    return f"COALESCE(FROM_DAYS(TO_DAYS({column})) = DATE({column}) AND YEAR({column}) > 0, FALSE)"


def _ranges(dates: Sequence[date]) -> list[tuple[date, date]]:
    ranges: list[tuple[date, date]] = []
    for day in dates:
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def _range_sql(column: str, first: date, last: date) -> str:
    from_first = f"{column} >= {quote_text(first.isoformat())}"
    if last == date.max:
        return f"({from_first})"
    return f"({from_first} AND {column} < {quote_text((last + timedelta(days=1)).isoformat())})"
