"""The answer to a question: every figure of a view, from the read model as the reader sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kpi.amounts import Amounts, Value, aggregate_sql, are_mergeable, bucket_sql, merged, merged_sql, parts_of
from kpi.combinations import number_column, table_of, value_column
from kpi.periods import Period, bucket_start, buckets
from kpi.questions import FEW_LINES, MANY_LINES, Question
from kpi.read_model import DATE, quoted
from kpi.sight import SEEN, Sight
from lake_model.contracts.kpi_contract import Aggregate, Level, Measure

_AT_ONCE = 3


@dataclass(frozen=True)
class Card:
    """A measure in the period, in the period before, and a year before; None where the table has not all of it."""

    measure: Measure
    value: Value
    previous: Value
    year_before: Value


@dataclass(frozen=True)
class Trend:
    """Points of the period and of the one before; by measure, one value for each point."""

    points: list[Period]
    current: dict[str, list[Value]]
    previous: dict[str, list[Value]]


@dataclass(frozen=True)
class Line:
    """A value of a level: its measure in the period and in the one before, and its share of all values."""

    name: str
    value: Value
    previous: Value
    share: Decimal | None
    selected: bool


@dataclass(frozen=True)
class Leaderboard:
    """The greatest (or least) values of a level under the filters of all other levels; `count` of them there are."""

    level: Level
    count: int
    lines: list[Line]


@dataclass(frozen=True)
class Unknown:
    """The share of a measure whose rows name a key that a dimension does not know."""

    level: Level
    share: Decimal


class Figures:
    """One question of one reader's."""

    def __init__(self, sight: Sight, question: Question) -> None:
        self._sight = sight
        self._question = question
        self._amounts = Amounts(sight, question)
        self._contract = question.contract
        self._days: dict[Period, Mapping[dt.date, Sequence[Any]]] = {}
        self._compared = [
            period if self._has(period) else None
            for period in (question.comparison.previous, question.comparison.year_before)
        ]

    @property
    def previous(self) -> Period | None:
        """The period before, where the table has all of it."""
        return self._compared[0]

    @property
    def year_before(self) -> Period | None:
        """The period a year before, where the table has all of it."""
        return self._compared[1]

    def _has(self, period: Period) -> bool:
        first = self._sight.about.first_date
        return first is not None and dt.date.fromisoformat(first) <= period.start

    def cards(self) -> list[Card]:
        """Every measure."""
        totals = [self._totals(period) for period in (self._question.comparison.period, *self._compared)]
        return [
            Card(measure, *(self._amounts.value(measure, row) for row in totals)) for measure in self._contract.measures
        ]

    def _totals(self, period: Period | None) -> Sequence[Any]:
        if period is None:
            return [None] * len(self._contract.aggregates)
        if are_mergeable(self._contract.aggregates):
            return merged(self._contract.aggregates, self._by_day(period).values())
        where, values = self._amounts.where([period])
        wanted = ", ".join(map(aggregate_sql, self._contract.aggregates))
        return self._sight.ask(f"SELECT {wanted} FROM {SEEN} WHERE {where}", values)[0]

    def trend(self) -> Trend:
        """Every measure by the question's grain."""
        question = self._question
        points = buckets(question.comparison.period, question.grain)
        current = self._by_bucket(question.comparison.period)
        before = self._by_bucket(self.previous) if self.previous else {name: [] for name in current}
        return Trend(points, current, {name: values[: len(points)] for name, values in before.items()})

    def _by_bucket(self, period: Period) -> dict[str, list[Value]]:
        grain, aggregates = self._question.grain, self._contract.aggregates
        if are_mergeable(aggregates):
            parts: dict[dt.date, list[Sequence[Any]]] = {}
            for day, row in self._by_day(period).items():
                parts.setdefault(bucket_start(day, grain), []).append(row)
            found: Mapping[dt.date, Sequence[Any]] = {start: merged(aggregates, rows) for start, rows in parts.items()}
        else:
            found = self._grouped(period, bucket_sql(grain))
        nothing = [0 if one.function.startswith(("sum", "count")) else None for one in aggregates]
        starts = [bucket_start(point.start, grain) for point in buckets(period, grain)]
        return {
            measure.name: [self._amounts.value(measure, found.get(start, nothing)) for start in starts]
            for measure in self._contract.measures
        }

    def _by_day(self, period: Period) -> Mapping[dt.date, Sequence[Any]]:
        """The aggregates of each day, asked once: cards and trend are made of them, whatever the grain."""
        if period not in self._days:
            self._days[period] = self._grouped(period, DATE)
        return self._days[period]

    def _grouped(self, period: Period, by: str) -> dict[dt.date, Sequence[Any]]:
        where, values = self._amounts.where([period])
        wanted = ", ".join(aggregate_sql(one) for one in self._contract.aggregates)
        sql = f"SELECT {by}, {wanted} FROM {SEEN} WHERE {where} GROUP BY 1"
        return {row[0]: row[1:] for row in self._sight.ask(sql, values)}

    def leaderboards(self) -> list[Leaderboard]:
        """The question's measure by every level."""
        filtered = set(self._question.filters)
        # All levels without a filter of their own see the same rows: one pass over them serves all.
        together = [level for level in self._contract.levels if level.column not in filtered]
        alone = [level for level in self._contract.levels if level.column in filtered]
        # The others meanwhile: one short question after another leaves the cores idle in between.
        with ThreadPoolExecutor(_AT_ONCE, "leaderboards") as pool:
            asked = [pool.submit(self.leaderboard, level) for level in alone]
            found = dict(zip(together, self._ranked(together), strict=True)) if together else {}
            found |= {level: one.result() for level, one in zip(alone, asked, strict=True)}
        return [found[level] for level in self._contract.levels]

    def leaderboard(self, level: Level, most: int | None = None) -> Leaderboard:
        """The question's measure by one level, whose own filter marks lines and leaves none out.

        Args:
            level: the level.
            most: how many lines; None: as many as the question asks for.
        """
        return self._ranked([level], most)[0]

    def _ranked(self, levels: Sequence[Level], most: int | None = None) -> list[Leaderboard]:
        """Leaderboards of levels that no filter is about, or of one alone."""
        question, measure = self._question, self._question.measure
        period, before = question.comparison.period, self.previous
        parts = parts_of(measure)
        chosen = question.filters.get(levels[0].column, ())
        groups = self._groups_of(levels, parts)
        bound: list[Any] = []

        def grouped(name: str, when: Period) -> list[str]:
            where, values = self._amounts.where([when], leave_out=levels[0].column)
            figures = [f"{name}{place}" for place in range(len(parts))]
            wanted = ", ".join(f"{aggregate_sql(one)} AS {figure}" for one, figure in zip(parts, figures, strict=True))
            if groups is None:
                bound.extend(values)
                columns = {quoted(level.column): place for place, level in enumerate(levels)}
                return [f"{name} AS ({_by_each(columns, wanted, f'{SEEN} WHERE {where}')})"]
            merged_figures = ", ".join(
                f"{merged_sql(one, figure)} AS {figure}" for one, figure in zip(parts, figures, strict=True)
            )
            made, each = [], []
            for group, columns in groups.items():
                bound.extend(values)
                made.append(
                    f"{name}_{group} AS (SELECT {number_column(group)} AS number, {wanted} FROM {SEEN} WHERE {where} "
                    "GROUP BY 1)"
                )
                each.append(_by_each(columns, merged_figures, f"{name}_{group} JOIN {table_of(group)} USING (number)"))
            return [*made, f"{name} AS ({' UNION ALL '.join(each)})"]

        # Each period for itself, joined when it is small: a third of the work of telling them apart row by row.
        tables = grouped("c", period)
        both = "c"
        if before:
            tables += grouped("p", before)
            both = "c FULL JOIN p USING (level, name)"
        answered = [f"{name}{place}" for name in ("cp" if before else "c") for place in range(len(parts))]
        order, order_before = ("c0", "p0") if measure.per is None else ("c0 / nullif(c1, 0)", "p0 / nullif(p1, 0)")
        changing = [str(place) for place, level in enumerate(levels) if before and level.column in question.by_change]
        if changing:
            # As the page shows it; what there was nothing of before has no change, and comes last.
            now, then = (
                f"coalesce({figure}, 0)" if measure.is_additive else figure for figure in (order, order_before)
            )
            change = f"({now} - {then}) / nullif(abs({then}), 0)"
            order = f"IF(level IN ({', '.join(changing)}), {change}, {order})"
        falling = [str(place) for place, level in enumerate(levels) if level.column not in question.bottom]
        sign = f"IF(level IN ({', '.join(falling)}), -1, 1)" if falling else "1"
        lines = [most or (MANY_LINES if level.column in question.more else FEW_LINES) for level in levels]
        shown = " OR ".join(f"(level = {place} AND place <= {count})" for place, count in enumerate(lines))
        marked = f"name IN ({', '.join('?' * len(chosen))})" if chosen else "false"
        tables.append(
            f"ranked AS (SELECT level, name, {', '.join(answered)}, "
            "count(*) OVER (PARTITION BY level) AS all_names, sum(c0) OVER (PARTITION BY level) AS whole, "
            f"row_number() OVER (PARTITION BY level ORDER BY {sign} * ({order}) NULLS LAST, name) AS place "
            f"FROM {both})"
        )
        sql = (
            f"SELECT level, name, all_names, whole, {', '.join(answered)} "
            f"FROM ranked WHERE {shown} OR {marked} ORDER BY level, place"
        )
        found: list[list[tuple[Any, ...]]] = [[] for _ in levels]
        for place, *row in self._sight.ask(sql, [*bound, *chosen], tables):
            found[place].append(tuple(row))
        return [
            Leaderboard(
                level,
                rows[0][1] if rows else 0,
                [self._line(measure, row, len(parts), set(chosen), before) for row in rows],
            )
            for level, rows in zip(levels, found, strict=True)
        ]

    def _groups_of(self, levels: Sequence[Level], parts: Sequence[Aggregate]) -> dict[int, dict[str, int]] | None:
        """Columns of the groups of combinations that hold some levels, each with its level's place among those.

        None where the levels have to be grouped by themselves.
        """
        if len(levels) == 1 or not are_mergeable(parts):
            return None
        groups: dict[int, dict[str, int]] = {}
        for place, level in enumerate(levels):
            found = next(
                (
                    (group, names.index(level.column))
                    for group, names in enumerate(self._sight.about.combinations)
                    if level.column in names
                ),
                None,
            )
            if found is None:
                return None
            groups.setdefault(found[0], {})[value_column(found[1])] = place
        return groups

    def _line(self, measure: Measure, row: Sequence[Any], width: int, chosen: set[str], before: Period | None) -> Line:
        name, _, whole, *figures = row
        aggregates = parts_of(measure)
        value = self._amounts.ratio(aggregates, figures[:width])
        previous = self._amounts.ratio(aggregates, figures[width:]) if before else None
        share = None
        if measure.is_additive and whole:
            share = (Decimal(figures[0] or 0) / Decimal(whole)).quantize(Decimal("0.0001"))
        if measure.is_additive:
            value = value if value is not None else Decimal(0)
            previous = previous if previous is not None or not before else Decimal(0)
        return Line(name, value, previous, share, name in chosen)

    def unknown(self) -> list[Unknown]:
        """Of the widest level of each hierarchy: the share of the first additive measure without a known key."""
        measure = next((one for one in self._contract.measures if one.is_additive), None)
        levels = [one.levels[0] for one in self._contract.hierarchies if one.levels and one.levels[0].unknown_member]
        if measure is None or not levels:
            return []
        period, amount = self._question.comparison.period, aggregate_sql(measure.value)
        where, values = self._amounts.where([period])
        wanted = [f"{amount} FILTER (WHERE {quoted(level.column)} = ?)" for level in levels]
        row = self._sight.ask(
            f"SELECT {', '.join(wanted)}, {amount} FROM {SEEN} WHERE {where}",
            [*(level.unknown_member for level in levels), *values],
        )[0]
        whole = Decimal(row[-1] or 0)
        shares = [(Decimal(part or 0) / whole).quantize(Decimal("0.0001")) if whole else Decimal(0) for part in row]
        return [Unknown(level, share) for level, share in zip(levels, shares, strict=False)]


def _by_each(columns: Mapping[str, int], wanted: str, source: str) -> str:
    """Rows grouped by each of some columns: the column's number as `level`, its value as `name`, and aggregates."""
    which = " ".join(f"WHEN grouping({column}) = 0 THEN {number}" for column, number in columns.items())
    names = " ".join(f"WHEN grouping({column}) = 0 THEN CAST({column} AS VARCHAR)" for column in columns)
    sets = ", ".join(f"({column})" for column in columns)
    return (
        f"SELECT CASE {which} END AS level, CASE {names} END AS name, {wanted} FROM {source} "
        f"GROUP BY GROUPING SETS ({sets})"
    )
