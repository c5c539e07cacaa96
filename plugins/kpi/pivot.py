"""A table of one dimension by another: sorted, searched and cut into pages where the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpi.amounts import Amounts, Value, aggregate_sql, bucket_sql, parts_of
from kpi.pivot_questions import NAME, OTHERS, TOTAL, Dimension, PivotQuestion, key_of
from kpi.read_model import enum_type, quoted
from kpi.sight import SEEN, Sight
from lake_model.contracts.kpi_contract import Aggregate, Measure

PAGE_LINES = 25
MOST_COLUMNS = 12
MOST_LINES = 100_000


@dataclass(frozen=True)
class Head:
    """A column of figures.

    Attributes:
        key: what it is sorted by.
        name: of the value that it is about; empty: of all of them.
        measure: what its figures are.
    """

    key: str
    name: str
    measure: Measure


@dataclass(frozen=True)
class PivotLine:
    """A value of the dimension of the lines, and a figure for each head."""

    name: str
    values: list[Value]


@dataclass(frozen=True)
class Pivot:
    """A page of a table.

    Attributes:
        count: lines that the search lets through, on all pages.
        totals: of all lines, also of those that the search leaves out.
    """

    heads: list[Head]
    lines: list[PivotLine]
    totals: list[Value]
    count: int


def pivot_of(sight: Sight, asked: PivotQuestion, most: int = PAGE_LINES) -> Pivot:
    """The page that is asked for.

    Args:
        sight: what the reader sees.
        asked: the question.
        most: lines of a page.
    """
    return _Asking(sight, asked).pivot(most)


class _Asking:
    def __init__(self, sight: Sight, asked: PivotQuestion) -> None:
        self._asked = asked
        self._sight = sight
        self._amounts = Amounts(sight, asked.question)
        self._where, self._values = self._amounts.where([asked.question.comparison.period])
        self._rows = self._expression(asked.rows)
        self._columns = self._expression(asked.columns) if asked.columns else ""
        measure = asked.question.measure
        # Lines show one measure by the values of a dimension, or all measures.
        self._measures = [measure] if asked.columns else list(asked.question.contract.measures)
        self._aggregates = list(dict.fromkeys(part for one in self._measures for part in parts_of(one)))
        self._wanted = ", ".join(f"{aggregate_sql(one)} AS a{place}" for place, one in enumerate(self._aggregates))

    def pivot(self, most: int) -> Pivot:
        names, has_others = self._column_names()
        lines, count = self._lines(most)
        found = [
            *([Head(TOTAL, "", self._measures[0])] if self._columns else ()),
            *(Head(key_of(name), name, self._measures[0]) for name in names),
            *([Head(OTHERS, "", self._measures[0])] if has_others else ()),
            *(Head(key_of(one.name), "", one) for one in (() if self._columns else self._measures)),
        ]
        if not self._columns:
            return Pivot(found, [PivotLine(name, self._all(row)) for name, row in lines], self._totals(), count)
        order = [*names, *([None] if has_others else [])]
        cells = self._cells(names, [name for name, _ in lines], whole=most >= MOST_LINES)
        totals = self._cells(names, None)
        table = [PivotLine(name, [*self._all(row), *(cells.get((name, one)) for one in order)]) for name, row in lines]
        return Pivot(found, table, [*self._totals(), *(totals.get(("", one)) for one in order)], count)

    def _column_names(self) -> tuple[list[str], bool]:
        """The values that have a column of their own, and whether there are others."""
        if self._asked.columns is None:
            return [], False
        is_time = self._asked.columns.level is None
        # Of dates the newest, in their order; of others the greatest.
        order = "name DESC" if is_time else f"{self._order(self._measures[0])} DESC NULLS LAST, name"
        sql = (
            f"SELECT CAST(name AS VARCHAR) FROM (SELECT {self._columns} AS name, {self._wanted} FROM {SEEN} "
            f"WHERE {self._where} GROUP BY 1) ORDER BY {order} LIMIT {MOST_COLUMNS + 1}"
        )
        names = [name for (name,) in self._sight.ask(sql, self._values)]
        kept = names[:MOST_COLUMNS]
        return (kept[::-1] if is_time else kept), len(names) > MOST_COLUMNS

    def _lines(self, most: int) -> tuple[list[tuple[str, Sequence[Any]]], int]:
        asked, sorted_by = self._asked, self._asked.sort
        wanted, values = self._wanted, list[Any](self._values)
        order = self._order(self._measures[0])
        if sorted_by == NAME:
            order = "name"
        elif asked.columns and sorted_by != TOTAL:
            # Of one column: the same aggregates over its rows alone.
            only = f"FILTER (WHERE {self._columns} = {self._bound(asked.columns)})"
            parts = parts_of(self._measures[0])
            wanted += "".join(f", {aggregate_sql(one)} {only} AS s{place}" for place, one in enumerate(parts))
            values = [*[asked.sort_value] * len(parts), *values]
            order = "s0" if len(parts) == 1 else "s0 / nullif(s1, 0)"
        elif asked.sort_measure:
            order = self._order(asked.sort_measure)
        sense = "DESC" if asked.descending else "ASC"
        found = "WHERE contains(lower(CAST(name AS VARCHAR)), lower(?)) " if asked.search else ""
        answered = ", ".join(f"a{place}" for place in range(len(self._aggregates)))
        sql = (
            f"SELECT CAST(name AS VARCHAR), count(*) OVER (), {answered} FROM "
            f"(SELECT {self._rows} AS name, {wanted} FROM {SEEN} WHERE {self._where} GROUP BY 1) {found}"
            f"ORDER BY {order} {sense} NULLS LAST, name LIMIT ? OFFSET ?"
        )
        bound = [*values, *([asked.search] if asked.search else []), most, (asked.page - 1) * most]
        rows = self._sight.ask(sql, bound)
        return [(name, row) for name, _, *row in rows], rows[0][1] if rows else 0

    def _cells(
        self, names: Sequence[str], lines: Sequence[str] | None, *, whole: bool = False
    ) -> dict[tuple[str, str | None], Value]:
        """Figures by line and column; None stands for the other columns, and without lines "" for all of them."""
        asked = self._asked
        if asked.columns is None or lines == []:
            return {}
        kept = f"{self._columns} IN ({', '.join([self._bound(asked.columns)] * len(names))})" if names else "false"
        line = "''" if lines is None else f"CAST({self._rows} AS VARCHAR)"
        only, chosen = "", list[str]()
        if lines is not None and not whole:
            only = f" AND {self._rows} IN ({', '.join([self._bound(asked.rows)] * len(lines))})"
            chosen = list(lines)
        sql = (
            f"SELECT {line}, CAST(IF({kept}, {self._columns}, NULL) AS VARCHAR), {self._wanted} "
            f"FROM {SEEN} WHERE {self._where}{only} GROUP BY 1, 2"
        )
        rows = self._sight.ask(sql, [*names, *self._values, *chosen])
        return {(name, column): self._all(row)[0] for name, column, *row in rows}

    def _totals(self) -> list[Value]:
        sql = f"SELECT {self._wanted} FROM {SEEN} WHERE {self._where}"
        return self._all(self._sight.ask(sql, self._values)[0])

    def _all(self, row: Sequence[Any]) -> list[Value]:
        places: Mapping[Aggregate, int] = {one: place for place, one in enumerate(self._aggregates)}
        return [
            self._amounts.ratio(parts_of(one), [row[places[part]] for part in parts_of(one)]) for one in self._measures
        ]

    def _order(self, measure: Measure) -> str:
        names = [f"a{self._aggregates.index(part)}" for part in parts_of(measure)]
        return names[0] if len(names) == 1 else f"{names[0]} / nullif({names[1]}, 0)"

    def _expression(self, dimension: Dimension) -> str:
        return quoted(dimension.name) if dimension.level else bucket_sql(self._asked.question.grain.value)

    def _bound(self, dimension: Dimension) -> str:
        """A bound value as the dimension has it; one that it has not is NULL."""
        return f"TRY_CAST(? AS {enum_type(dimension.name) if dimension.level else 'DATE'})"
