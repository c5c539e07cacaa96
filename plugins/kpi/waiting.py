"""What waits in quarantine of the rows that a question is about, as far as one reader sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kpi.amounts import Value
from kpi.quarantine import WAITING, Quarantine
from kpi.questions import Question
from kpi.read_model import DATE, quoted
from kpi.sight import row_condition
from lake_model.contracts.table_access import Access

_HIDDEN_REASON = "something of a column that your role does not see"


@dataclass(frozen=True)
class Reason:
    """What is wrong with some rows.

    Attributes:
        known: rows whose part of the question's measure is known.
        value: what those add up to; None where it is no sum, or none is known.
    """

    reason: str
    rows: int
    known: int
    value: Value


@dataclass(frozen=True)
class Waiting:
    """The rows of a question's period under its filters that wait.

    Attributes:
        whole: all of them; a row with two faults stands under two reasons, and here once.
        reasons: the most frequent first.
        undecided: further rows of the period, that may or may not pass the filters.
        undated: further rows whose date is missing or wrong.
    """

    whole: Reason
    reasons: list[Reason]
    undecided: int
    undated: int


class QuarantineSight:
    """A quarantine as one reader sees it: a row only where a rule of theirs is known to let it through."""

    def __init__(self, quarantine: Quarantine, access: Access, hides: Callable[[str], bool]) -> None:
        """Args:
        quarantine: the whole.
        access: what the reader sees.
        hides: whether they do not see a column of the fact.
        """
        self._quarantine = quarantine
        self._hidden = sorted(filter(hides, quarantine.columns))
        self._rules, self._values = row_condition(access, lambda _: "VARCHAR")

    def waiting(self, question: Question) -> Waiting:
        """What waits of a question's rows."""
        period, filters = question.comparison.period, question.filters
        fits = " AND ".join(f"{quoted(level)} IN ({', '.join('?' * len(chosen))})" for level, chosen in filters.items())
        bound: list[Any] = [value for chosen in filters.values() for value in chosen]
        bound += [period.start, period.end, *self._values]
        rows = (
            f"rows AS (SELECT *, {fits or 'true'} AS fits, {DATE} BETWEEN ? AND ? AS is_then "
            f"FROM {WAITING} WHERE {self._rules})"
        )
        measure = question.measure
        is_summed = measure.per is None and measure.value.function == "sum"
        amount = quoted(measure.value.column) if is_summed else "NULL"
        ((*whole, undecided, undated),) = self._quarantine.ask(
            f"WITH {rows}, chosen AS (SELECT * FROM rows WHERE fits AND is_then) SELECT (SELECT count(*) FROM chosen), "
            f"(SELECT count({amount}) FROM chosen), (SELECT sum({amount}) FROM chosen), "
            "count(*) FILTER (WHERE fits IS NULL AND is_then), "
            f"count(*) FILTER (WHERE coalesce(fits, true) AND {DATE} IS NULL) FROM rows",
            bound,
        )
        hidden = ", ".join("?" * len(self._hidden))
        reason = f"CASE WHEN list_has_any(error.columns, [{hidden}]::VARCHAR[]) THEN ? ELSE error.message END"
        found = self._quarantine.ask(
            f"WITH {rows}, by_error AS (SELECT row, {amount} AS amount, unnest(errors) AS error FROM rows "
            f"WHERE fits AND is_then), each AS (SELECT DISTINCT row, amount, {reason} AS reason FROM by_error) "
            "SELECT reason, count(*), count(amount), sum(amount) FROM each GROUP BY 1 ORDER BY 2 DESC, 1",
            [*bound, *self._hidden, _HIDDEN_REASON],
        )
        counted = measure.value.function == "count" and measure.per is None
        return Waiting(
            _reason("", *whole, counted=counted),
            [_reason(*one, counted=counted) for one in found],
            undecided,
            undated,
        )


def _reason(reason: str, rows: int, known: int, value: Any, *, counted: bool) -> Reason:
    # Of a count each row is one, whatever is wrong with it.
    if counted:
        return Reason(reason, rows, rows, Decimal(rows))
    return Reason(reason, rows, known, None if value is None else Decimal(str(value)))
