"""What a reader asks of the table of one dimension by another, checked as `kpi.questions` checks the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kpi.questions import MOST_LETTERS, Question, QuestionError, page_of, question_of
from lake_model.contracts.kpi_contract import KpiContract, Level, Measure

NAME, TOTAL, OTHERS = "name", "total", "others"
TIME, MEASURES = "time", "measures"
_KEY = "of:"


@dataclass(frozen=True)
class Dimension:
    """What lines or columns stand for: a level, or without one the points of the trend."""

    name: str
    title: str
    level: Level | None = None


@dataclass(frozen=True)
class PivotQuestion:
    """A page of a table.

    Attributes:
        question: period, filters and measure.
        columns: None: each measure has a column.
        sort: `name`, `total`, or the key of a column.
        sort_value: of the column that lines are sorted by.
        sort_measure: that lines are sorted by, where measures have the columns.
        search: what the lines' names must contain; empty: anything.
        page: the first one is 1.
    """

    question: Question
    rows: Dimension
    columns: Dimension | None
    sort: str
    sort_value: str
    sort_measure: Measure | None
    descending: bool
    search: str
    page: int


def key_of(name: str) -> str:
    """The key of a column that is about a value or a measure."""
    return f"{_KEY}{name}"


def dimensions_of(contract: KpiContract) -> tuple[Dimension, ...]:
    """What a table may show, as far as the reader sees it."""
    levels = tuple(Dimension(level.column, level.title, level) for level in contract.levels)
    # A level may have that name too; then time has no table.
    return levels if any(one.name in {TIME, MEASURES} for one in levels) else (*levels, Dimension(TIME, "Time"))


def pivot_question_of(
    contract: KpiContract, asked: Sequence[tuple[str, str]], first: dt.date, last: dt.date
) -> PivotQuestion:
    """The question of an address: beside what `question_of` reads, `rows`, `columns`, `sort`, `search` and `page`.

    Raises:
        QuestionError: something of it makes no sense.
    """
    question = question_of(contract, asked, first, last)
    single = dict(asked)
    known = {one.name: one for one in dimensions_of(contract)}
    first_levels = [hierarchy.levels[0].column for hierarchy in contract.hierarchies]
    rows = _dimension(known, "rows", single.get("rows") or first_levels[0])
    # Without a choice: by the widest level of the next hierarchy.
    other = next((name for name in first_levels if name != rows.name), MEASURES)
    name = single.get("columns") or other
    columns = None if name == MEASURES else _dimension(known, "columns", name, MEASURES)
    if columns == rows:
        raise QuestionError("columns must not be what rows are")
    greatest = f"-{TOTAL}" if columns else f"-{key_of(question.measure.name)}"
    given = single.get("sort") or (NAME if rows.level is None else greatest)
    sort, descending = given.removeprefix("-"), given.startswith("-")
    value = sort.removeprefix(_KEY)
    measure = next((one for one in contract.measures if one.name == value), None) if columns is None else None
    is_column = sort.startswith(_KEY) and (columns is not None or measure is not None)
    if len(sort) > MOST_LETTERS or "\0" in sort or not (sort in {NAME, TOTAL} or is_column):
        raise QuestionError(f"sort must be {NAME}, {TOTAL} or {_KEY} with a column's name; - before it turns it round")
    search = single.get("search", "")
    if len(search) > MOST_LETTERS or "\0" in search:
        raise QuestionError(f"search must be a text of at most {MOST_LETTERS} letters")
    page = page_of(single.get("page") or "1", "page")
    return PivotQuestion(question, rows, columns, sort, value, measure, descending, search.strip(), page)


def _dimension(known: dict[str, Dimension], field: str, name: str, *more: str) -> Dimension:
    if name not in known:
        raise QuestionError(f"{field} must be one of {', '.join([*known, *more])}")
    return known[name]
