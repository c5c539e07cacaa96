"""What a table's indexes show at no cost: whether one begins with a column, its extremes, the rows in between.

All of it is answered from statistics or by a look at the ends of an index, whatever the table's size.
"""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.source.fingerprint import table_sql, undated_predicate
from lakehouse.source.mysql_source import MySqlSource, Row
from lakehouse.source.sql_text import quote_identifier, quote_text
from lakehouse.source.type_map import ColumnPlan

_WHOLE_NUMBERS = {"tinyint", "smallint", "mediumint", "int", "integer", "bigint"}
# Where the number of rows stands in what EXPLAIN answers, by the number of its columns: MariaDB's, MySQL's.
_EXPLAINED_ROWS = {10: 8, 12: 9}


def leads_an_index(source: MySqlSource, schema: str, table: str, column: str) -> bool:
    """Whether an index begins with the column, so that a range of its values is found without reading the table.

    Raises:
        SourceError: the server refuses the question.
    """
    return any(name == column for name, _ in _leading(source, schema, table))


def leads_the_primary_key(source: MySqlSource, schema: str, table: str, column: str) -> bool:
    """Whether rows of one range of the column's values lie together.

    Raises:
        SourceError: the server refuses the question.
    """
    return (column, "PRIMARY") in _leading(source, schema, table)


def whole_number_key(source: MySqlSource, schema: str, table: str, plans: Sequence[ColumnPlan]) -> ColumnPlan | None:
    """The column that the primary key begins with, if it is of whole numbers.

    Raises:
        SourceError: the server refuses the question.
    """
    names = {name for name, index in _leading(source, schema, table) if index == "PRIMARY"}
    return next((plan for plan in plans if plan.name in names and plan.base_type in _WHOLE_NUMBERS), None)


def extremes(
    source: MySqlSource, schema: str, table: str, key: str, predicate: str, dated: ColumnPlan | None = None
) -> Row:
    """The smallest and the largest value of a key, quoted, among the rows of a predicate; NULL where there is none.

    Without a predicate the ends of the key's index are looked up at once. One on a date column, `dated`, reads that
    one's index; where it is of dates, and not of times, only at the ends of every date.

    Raises:
        SourceError: the server refuses the question.
    """
    both = f"SELECT MIN({key}) AS low, MAX({key}) AS high FROM {table_sql(schema, table)} WHERE {predicate}"
    if dated is not None and dated.kind == "date":
        by_date = f"{both} GROUP BY {quote_identifier(dated.name)}"
        both = f"SELECT MIN(low), MAX(high) FROM ({by_date}) AS by_date"
    return source.rows(both)[0]


def has_undated(source: MySqlSource, schema: str, table: str, dated: ColumnPlan) -> bool:
    """Whether the table has rows whose date is NULL, zero, partial or impossible.

    Raises:
        SourceError: the server refuses the question.
    """
    rows = table_sql(schema, table)
    if dated.kind == "date":
        # An index of dates is skimmed for its different values, which are few beside the rows.
        rows = f"(SELECT DISTINCT {quote_identifier(dated.name)} FROM {rows}) AS dates"
    return bool(source.rows(f"SELECT 1 FROM {rows} WHERE {undated_predicate(dated)} LIMIT 1"))


def estimated_rows_of(source: MySqlSource, schema: str, table: str, column: str, predicate: str) -> int | None:
    """How many rows the server believes that a predicate on an indexed column selects; None where it does not say.

    Raises:
        SourceError: the server refuses the question.
    """
    explained = source.rows(
        # The form is named: MySQL's own choice since 9 is a tree, of one column.
        f"EXPLAIN FORMAT=TRADITIONAL SELECT {quote_identifier(column)} "
        f"FROM {table_sql(schema, table)} WHERE {predicate}"
    )
    place = _EXPLAINED_ROWS.get(len(explained[0])) if len(explained) == 1 else None
    if place is None:
        return None
    rows = explained[0][place]
    # No number: the server sees from the index that there are no such rows.
    return int(rows) if rows is not None and rows.isdigit() else 0


def _leading(source: MySqlSource, schema: str, table: str) -> list[tuple[str, str]]:
    found = source.rows(
        "SELECT column_name, index_name FROM information_schema.statistics "
        f"WHERE table_schema = {quote_text(schema)} AND table_name = {quote_text(table)} "
        "AND seq_in_index = 1 AND sub_part IS NULL AND index_type = 'BTREE'"
    )
    return [((column or b"").decode(), (index or b"").decode()) for column, index in found]
