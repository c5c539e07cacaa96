"""A One Big Table's measures as SQL views: right figures for who does not know how a measure is made.

There is one view of all rows and one for each hierarchy. Each holds the measures for every day, week, month, year and
for all time; in a hierarchy for all rows, by each level alone, and by each level within those above it. A reader picks
the rows of one `period` and one `grouped_by`. So no figure is made of other figures, and no average is weighed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lake_model.contracts.kpi_contract import (
    NOTHING,
    VIEW_COLUMNS,
    Aggregate,
    Hierarchy,
    KpiContract,
    Level,
    Measure,
)

PERIODS = ("day", "week", "month", "year", "all")
PERIOD, PERIOD_START, GROUPED_BY = VIEW_COLUMNS
RATIO_DIGITS = 4
"""Digits behind the point of a measure that is one aggregate per another."""
_ALL = "all"


@dataclass(frozen=True)
class Dialect:
    """How SQL is written for one engine.

    Attributes:
        quote: stands around names, and twice for itself.
        text: the type of texts.
        ratio: `{value}` per `{per}`, rounded half up; NULL where `{per}` is nothing.
    """

    quote: str
    text: str
    ratio: str

    def quoted(self, name: str) -> str:
        """A column's name."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote


DATABRICKS = Dialect("`", "STRING", f"CAST(round({{value}} / nullif({{per}}, 0), {RATIO_DIGITS}) AS DECIMAL(38, 4))")
# DuckDB divides as doubles, which hold a half exactly and a twentieth not: so the digits come in front of the point.
DUCKDB = Dialect(
    '"', "VARCHAR", "CAST(round(CAST({value} * 10000 AS DOUBLE) / nullif({per}, 0)) / 10000 AS DECIMAL(38, 4))"
)


@dataclass(frozen=True)
class KpiView:
    """A view beside its One Big Table; without a hierarchy it is that of all rows."""

    contract: KpiContract
    hierarchy: Hierarchy | None

    @property
    def name(self) -> str:
        """In the schema of the One Big Table."""
        whole = f"{self.contract.table}_kpis"
        return f"{whole}_by_{self.hierarchy.name}" if self.hierarchy else whole

    @property
    def comment(self) -> str:
        """What it holds, for people."""
        by = f" by {self.hierarchy.title.lower()}" if self.hierarchy else ""
        grouped = f" and one {GROUPED_BY}" if self.hierarchy else ""
        return f"{self.contract.title}{by}: the measures of its contract. Choose one {PERIOD}{grouped}."

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names, each with what it holds, for people."""
        levels = self.hierarchy.levels if self.hierarchy else ()
        grouped = f"which of the next columns are filled: {', '.join(name for name, _ in _groupings(levels))}"
        return (
            (PERIOD, f"how long the period is: {', '.join(PERIODS)}"),
            (PERIOD_START, f"its first day, a week's is Monday; none where {PERIOD} is {_ALL}"),
            *([(GROUPED_BY, grouped)] if levels else []),
            *((level.column, level.title) for level in levels),
            *((one.name, f"{one.title}, {one.unit}" if one.unit else one.title) for one in self.contract.measures),
        )

    def select(self, table: str, dialect: Dialect) -> str:
        """The view's query.

        Args:
            table: the One Big Table as the engine names it.
        """
        # Not GROUPING SETS: of these an engine reads only the parts that a reader chose.
        return "\nUNION ALL\n".join(self._parts(table, dialect))

    def _parts(self, table: str, dialect: Dialect) -> Iterator[str]:
        levels = self.hierarchy.levels if self.hierarchy else ()
        for period in PERIODS:
            for name, filled in _groupings(levels):
                yield self._part(table, dialect, period, name, filled)

    def _part(self, table: str, dialect: Dialect, period: str, grouping: str, filled: Collection[str]) -> str:
        levels = self.hierarchy.levels if self.hierarchy else ()
        start = _start(period, dialect.quoted(self.contract.date_column))
        texts = {
            one.column: f"coalesce(CAST({dialect.quoted(one.column)} AS {dialect.text}), '{NOTHING}')"
            for one in levels
            if one.column in filled
        }
        shown = [
            (f"'{period}'", PERIOD),
            (start, PERIOD_START),
            *([(f"'{grouping}'", GROUPED_BY)] if levels else []),
            *((texts.get(one.column, f"CAST(NULL AS {dialect.text})"), one.column) for one in levels),
            *((_measure(one, dialect), one.name) for one in self.contract.measures),
        ]
        chosen = ", ".join(f"{sql} AS {dialect.quoted(name)}" for sql, name in shown)
        groups = [*([] if period == _ALL else [start]), *texts.values()]
        return f"SELECT {chosen} FROM {table}" + (f" GROUP BY {', '.join(groups)}" if groups else "")


def kpi_views(contract: KpiContract) -> tuple[KpiView, ...]:
    """The views of a One Big Table, that of all rows first."""
    return (KpiView(contract, None), *(KpiView(contract, one) for one in contract.hierarchies))


def aggregate_sql(one: Aggregate, dialect: Dialect) -> str:
    """An aggregate in SQL."""
    column = dialect.quoted(one.column)
    known = {
        "sum": f"sum({column})",
        "min": f"min({column})",
        "max": f"max({column})",
        "count": "count(*)",
        "count_distinct": f"count(DISTINCT {column})",
    }
    return known[one.function]


def _groupings(levels: Sequence[Level]) -> list[tuple[str, tuple[str, ...]]]:
    """The ways to group by some levels: their names, each with the columns that it fills."""
    names = [level.column for level in levels]
    ways = [(), *((name,) for name in names), *(tuple(names[: place + 1]) for place in range(1, len(names)))]
    return [("/".join(way) or _ALL, way) for way in ways]


def _measure(measure: Measure, dialect: Dialect) -> str:
    value = aggregate_sql(measure.value, dialect)
    return dialect.ratio.format(value=value, per=aggregate_sql(measure.per, dialect)) if measure.per else value


def _start(period: str, day: str) -> str:
    if period == _ALL:
        return "CAST(NULL AS DATE)"
    return day if period == "day" else f"CAST(date_trunc('{period}', {day}) AS DATE)"
