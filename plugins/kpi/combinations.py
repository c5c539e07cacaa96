"""Combinations of levels' values that stand together in rows, numbered.

To group millions of rows by one small number takes a third of the time of grouping them by each level. The levels of a
hierarchy have few combinations, and small hierarchies are put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lake_model.contracts.kpi_contract import KpiContract

if TYPE_CHECKING:
    import duckdb

_MOST = 4_000
"""DuckDB groups by a number of twelve bits without a hash table."""

Groups = Sequence[Sequence[str]]
"""Levels whose combinations are numbered, by the place of their number."""


def number_column(place: int) -> str:
    """The rows' column with the number of a group's combination."""
    return f"_combination_{place}"


def value_column(place: int) -> str:
    """The column of a group's table with the texts of its level at a place."""
    return f"value_{place}"


def table_of(place: int) -> str:
    """The table of a group's combinations: `number`, and a column for each level."""
    return f"combinations_{place}"


def make_tables(
    session: duckdb.DuckDBPyConnection, rows: str, contract: KpiContract, texts: Mapping[str, str]
) -> Groups:
    """Numbers the combinations of some rows.

    Args:
        session: where the tables are made.
        rows: a table.
        contract: that of the rows.
        texts: by level its text in SQL.

    Returns:
        The groups. A hierarchy of too many combinations is in none.
    """
    groups = _groups(session, rows, contract, texts)
    for place, levels in enumerate(groups):
        session.execute(
            f"CREATE TABLE {table_of(place)} AS SELECT CAST(row_number() OVER () - 1 AS USMALLINT) AS number, * "
            f"FROM ({_distinct(rows, levels, texts)})"
        )
    return groups


def widen_tables(session: duckdb.DuckDBPyConnection, rows: str, groups: Groups, texts: Mapping[str, str]) -> bool:
    """Numbers the combinations that are new; FALSE where there are too many of them."""
    for place, levels in enumerate(groups):
        table, known = table_of(place), ", ".join(value_column(level) for level in range(len(levels)))
        session.execute(
            f"INSERT INTO {table} SELECT (SELECT count(*) FROM {table}) + row_number() OVER () - 1, * "
            f"FROM ({_distinct(rows, levels, texts)} EXCEPT SELECT {known} FROM {table})"
        )
        ((count,),) = session.execute(f"SELECT count(*) FROM {table}").fetchall()
        if count > _MOST:
            return False
    return True


def numbered(rows: str, groups: Groups, texts: Mapping[str, str]) -> str:
    """What follows FROM so that rows have the tables' numbers beside them."""
    joins = [
        f"JOIN {table_of(place)} ON "
        + " AND ".join(f"{texts[name]} = {table_of(place)}.{value_column(at)}" for at, name in enumerate(levels))
        for place, levels in enumerate(groups)
    ]
    return " ".join([rows, *joins])


def numbers(groups: Groups) -> list[str]:
    """The columns of numbers, for what follows SELECT."""
    return [f"{table_of(place)}.number AS {number_column(place)}" for place in range(len(groups))]


def _groups(
    session: duckdb.DuckDBPyConnection, rows: str, contract: KpiContract, texts: Mapping[str, str]
) -> list[list[str]]:
    groups: list[list[str]] = []
    sizes: list[int] = []
    for hierarchy in contract.hierarchies:
        levels = [level.column for level in hierarchy.levels]
        if not levels:
            continue
        ((count,),) = session.execute(f"SELECT count(*) FROM ({_distinct(rows, levels, texts)})").fetchall()
        place = next((place for place, size in enumerate(sizes) if size * count <= _MOST), None)
        if place is not None:
            groups[place] += levels
            sizes[place] *= max(count, 1)
        elif count <= _MOST:
            groups.append(levels)
            sizes.append(max(count, 1))
    return groups


def _distinct(rows: str, levels: Sequence[str], texts: Mapping[str, str]) -> str:
    wanted = ", ".join(f"{texts[name]} AS {value_column(place)}" for place, name in enumerate(levels))
    return f"SELECT DISTINCT {wanted} FROM {rows}"
