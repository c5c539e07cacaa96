"""What all tables and charts of a question share: its rows in SQL, its aggregates, and their exact values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from operator import add
from typing import Any

from kpi.periods import Period
from kpi.questions import Question
from kpi.read_model import DATE, enum_type, quoted
from kpi.sight import Sight
from lake_model.contracts import kpi_views
from lake_model.contracts.kpi_contract import Aggregate, Measure

_DIGITS = 60
"""A sum of the widest decimals has more digits than Python's own 28."""

_MERGED: Mapping[str, Callable[[Any, Any], Any]] = {"sum": add, "count": add, "min": min, "max": max}
Value = Decimal | None
"""A measure's value; None where there are no rows, or none to divide by."""


class Amounts:
    """The rows and values of one question of one reader's."""

    def __init__(self, sight: Sight, question: Question) -> None:
        self.sight = sight
        self.question = question

    def where(self, periods: Iterable[Period | None], leave_out: str = "") -> tuple[str, list[Any]]:
        """The rows of some periods that the filters let through, in SQL with its values apart.

        Args:
            periods: at least one of them is not None.
            leave_out: a level whose filter does not hold.
        """
        given = [period for period in periods if period is not None]
        first, last = min(period.start for period in given), max(period.end for period in given)
        # DuckDB leaves out whole blocks by one range of dates, and not by several joined with OR.
        sql = f"{DATE} BETWEEN ? AND ?"
        values: list[Any] = [first, last]
        if (last - first).days + 1 > sum(period.days for period in given):
            sql += f" AND ({' OR '.join([f'{DATE} BETWEEN ? AND ?'] * len(given))})"
            values += [day for period in given for day in (period.start, period.end)]
        for level, chosen in self.question.filters.items():
            if level != leave_out:
                # A value that the table has not, such as a name of before, lets no row through.
                sql += f" AND {quoted(level)} IN ({', '.join([f'TRY_CAST(? AS {enum_type(level)})'] * len(chosen))})"
                values.extend(chosen)
        return sql, values

    def value(self, measure: Measure, row: Sequence[Any]) -> Value:
        """A measure's value in a row that has all aggregates of the contract."""
        places = {one: place for place, one in enumerate(self.question.contract.aggregates)}
        parts = parts_of(measure)
        return self.ratio(parts, [row[places[one]] for one in parts])

    def ratio(self, parts: Sequence[Aggregate], figures: Sequence[Any]) -> Value:
        """The value of one aggregate, or of one per another."""
        exact = [self._exact(one, figure) for one, figure in zip(parts, figures, strict=True)]
        if len(exact) == 1 or exact[0] is None or not exact[1]:
            return exact[0] if len(exact) == 1 else None
        with localcontext(prec=_DIGITS):
            return (exact[0] / exact[1]).quantize(Decimal(1).scaleb(-kpi_views.RATIO_DIGITS), ROUND_HALF_UP)

    def _exact(self, one: Aggregate, figure: Any) -> Value:
        if figure is None:
            return None
        scale = self.sight.about.scales.get(one.column, 0) if one.function in {"sum", "min", "max"} else 0
        with localcontext(prec=_DIGITS):
            return Decimal(str(figure)).scaleb(-scale)


def parts_of(measure: Measure) -> list[Aggregate]:
    """The aggregates that a measure is made of."""
    return [one for one in (measure.value, measure.per) if one]


def are_mergeable(aggregates: Iterable[Aggregate]) -> bool:
    """Whether the figures of parts give those of the whole; a count of different values does not."""
    return all(one.function != "count_distinct" for one in aggregates)


def merged_sql(one: Aggregate, column: str) -> str:
    """The aggregate of the whole, in SQL over a column of those of its parts."""
    return f"{one.function if one.function in {'min', 'max'} else 'sum'}({column})"


def merged(aggregates: Sequence[Aggregate], parts: Iterable[Sequence[Any]]) -> list[Any]:
    """The figures of the whole, of the rows of its parts; as SQL has them where there is no part."""
    found: list[Any] = [0 if one.function == "count" else None for one in aggregates]
    with localcontext(prec=_DIGITS):
        for part in parts:
            for place, (one, figure) in enumerate(zip(aggregates, part, strict=True)):
                if figure is not None:
                    before = found[place]
                    found[place] = figure if before is None else _MERGED[one.function](before, figure)
    return found


def aggregate_sql(one: Aggregate) -> str:
    """An aggregate in SQL."""
    return kpi_views.aggregate_sql(one, kpi_views.DUCKDB)


def bucket_sql(grain: str) -> str:
    """The first day of a row's day, week, month or year, in SQL; the grain is one of those four words."""
    # A day is its own bucket: date_trunc over millions of rows is not free.
    return DATE if grain == "day" else f"CAST(date_trunc('{grain}', {DATE}) AS DATE)"
