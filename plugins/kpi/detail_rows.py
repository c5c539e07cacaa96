"""The rows behind a figure, as far as the reader sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kpi.amounts import Amounts, Value
from kpi.questions import Question
from kpi.read_model import DATE, quoted
from kpi.sight import SEEN, Sight
from lake_model.contracts.kpi_contract import Aggregate

PAGE_ROWS = 25
DEEPEST_ROW = 100_000
"""Who wants rows further down narrows the question: to find them, all rows before them are sorted."""


@dataclass(frozen=True)
class DetailRows:
    """A page of rows.

    Attributes:
        columns: the levels and measured columns that the reader sees.
        rows: the date, ISO, and the values of the columns.
        count: rows on all pages.
    """

    columns: list[str]
    rows: list[tuple[str, list[str | Value]]]
    count: int


def detail_rows(sight: Sight, question: Question, page: int) -> DetailRows:
    """The rows of a question's period under its filters, the newest first; the first page is 1."""
    amounts = Amounts(sight, question)
    where, values = amounts.where([question.comparison.period])
    levels = [level.column for level in question.contract.levels]
    kinds = {"sum", "min", "max"}
    measured = list(dict.fromkeys(one.column for one in question.contract.aggregates if one.function in kinds))
    wanted = ", ".join([*(f"CAST({quoted(name)} AS VARCHAR)" for name in levels), *map(quoted, measured)])
    order = ", ".join([f"{DATE} DESC", *map(quoted, [*levels, *measured])])
    found = sight.ask(
        f"SELECT {DATE}, {wanted} FROM {SEEN} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        [*values, PAGE_ROWS, (page - 1) * PAGE_ROWS],
    )
    ((count,),) = sight.ask(f"SELECT count(*) FROM {SEEN} WHERE {where}", values)
    rows = [(day.isoformat(), _cells(amounts, row, len(levels), measured)) for day, *row in found]
    return DetailRows([*levels, *measured], rows, count)


def _cells(amounts: Amounts, row: list[Any], texts: int, measured: list[str]) -> list[str | Value]:
    exact = [
        amounts.ratio([Aggregate("max", name)], [value]) for name, value in zip(measured, row[texts:], strict=True)
    ]
    return [*row[:texts], *exact]
