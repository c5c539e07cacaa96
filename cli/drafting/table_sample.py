"""Reads rows to profile: the whole of a small table, a random sample of a large one; one bounded SELECT each.

The server is asked for nothing but rows, once; all counting is done on this side. Long values arrive shortened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
from lakehouse.errors import SourceError
from lakehouse.source.fingerprint import table_sql
from lakehouse.source.query_time import limit_time, time_is_up
from lakehouse.source.sql_text import quote_identifier
from lakehouse.source.type_map import ColumnPlan, SourceColumn, decode_column, plan_column

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource

    from cli.drafting.source_description import TableDescription

LONGEST_VALUE = 200
_BATCH_ROWS = 4_096
_BATCH_BYTES = 8 * 2**20
# An estimate of the server may well be half of the truth: below this many times the limit, reading will show.
_ESTIMATE_SLACK = 2
_LENGTH = SourceColumn("length", "bigint", True)


@dataclass(frozen=True)
class Sample:
    """Rows of a table.

    Attributes:
        rows: one Arrow column per source column, by its name.
        only_lengths: columns of bytes or geometries, which appear as their lengths in bytes.
        lengths: the true lengths in characters of text columns that arrived shortened, one value per row.
        substitutions: per column, how many values the copy would replace, by reason (`zero_date`, …).
        is_whole: whether these are all rows of the table.
        says: how the rows were chosen, for people.
    """

    rows: pa.Table
    only_lengths: frozenset[str]
    lengths: Mapping[str, pa.ChunkedArray]
    substitutions: Mapping[str, Mapping[str, int]]
    is_whole: bool
    says: str


@dataclass(frozen=True)
class _Field:
    name: str
    select_sql: str
    plan: ColumnPlan
    is_length: bool = False
    is_only_length: bool = False


def sample_table(source: MySqlSource, table: TableDescription, most_rows: int, seconds: int) -> Sample:
    """Read up to `most_rows` rows; the server itself ends a SELECT that takes longer than `seconds`.

    Raises:
        SourceError: the table cannot be read, or has a column of a type without a rule.
    """
    limit_time(source, seconds)
    fields = [field for column in table.columns for field in _fields(column.name, column.mysql_type)]
    select = f"SELECT {', '.join(field.select_sql for field in fields)} FROM {table_sql(table.schema, table.table)}"
    estimate = table.estimated_rows
    if estimate is None or estimate <= most_rows * _ESTIMATE_SLACK:
        whole, ended = _read(source, f"{select} LIMIT {most_rows + 1}", fields)
        if whole.rows.num_rows <= most_rows and ended:
            return replace(whole, says=f"all {whole.rows.num_rows:,} rows")
        if estimate is None or not ended:
            says = f"the first {whole.rows.num_rows:,} rows{_until(ended, seconds)}"
            return replace(whole, is_whole=False, says=says)
        estimate = max(estimate, most_rows + 1)
    # A little less than wanted, so that LIMIT seldom cuts off the table's end.
    fraction = 0.9 * most_rows / estimate
    found, ended = _read(source, f"{select} WHERE RAND() < {fraction:.12f} LIMIT {most_rows}", fields)
    chosen = f"{found.rows.num_rows:,} of some {estimate:,} rows, chosen at random{_until(ended, seconds)}"
    return replace(found, is_whole=False, says=chosen)


def _until(ended: bool, seconds: int) -> str:
    return "" if ended else f" from what the server read in {seconds} s"


def _fields(name: str, mysql_type: str) -> list[_Field]:
    plan = plan_column(SourceColumn(name, mysql_type, True))
    quoted = quote_identifier(name)
    if plan.kind in {"bytes", "geometry"}:
        return [_Field(name, f"LENGTH({quoted})", plan_column(_LENGTH), is_only_length=True)]
    if plan.kind == "text":
        # Collations compare by rules of their own, and types such as JSON have none: plain text serves all.
        text = f"CAST({quoted} AS CHAR)"
        return [
            _Field(name, f"LEFT({text}, {LONGEST_VALUE})", plan),
            _Field(name, f"CHAR_LENGTH({text})", plan_column(_LENGTH), is_length=True),
        ]
    return [_Field(name, plan.select_sql, plan)]


def _read(source: MySqlSource, sql: str, fields: Sequence[_Field]) -> tuple[Sample, bool]:
    """The rows of a statement, and whether they came to their end before the server's time limit."""
    chunks: list[list[pa.Array]] = [[] for _ in fields]
    substitutions: dict[str, Counter[str]] = defaultdict(Counter)
    ended = True
    try:
        for batch in source.stream(sql, _BATCH_ROWS, _BATCH_BYTES):
            for field, values, chunk in zip(fields, batch, chunks, strict=True):
                array, replaced = decode_column(field.plan, values)
                chunk.append(array)
                substitutions[field.name].update(replaced)
    except SourceError as error:
        if not time_is_up(error):
            raise
        ended = False
    arrays = [pa.chunked_array(chunk, field.plan.arrow_type) for field, chunk in zip(fields, chunks, strict=True)]
    rows = {field.name: array for field, array in zip(fields, arrays, strict=True) if not field.is_length}
    lengths = {field.name: array for field, array in zip(fields, arrays, strict=True) if field.is_length}
    only_lengths = frozenset(field.name for field in fields if field.is_only_length)
    return Sample(pa.table(rows), only_lengths, lengths, substitutions, True, ""), ended
