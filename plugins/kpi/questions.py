"""What a reader asks, checked against the contract: nothing of it reaches SQL but as a bound value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kpi.periods import PRESETS, Comparison, Grain, Period, buckets, custom, default_grain, preset
from lake_model.contracts.kpi_contract import KpiContract, Level, Measure

MOST_VALUES = 200
MOST_LETTERS = 300
MOST_POINTS = 1500
MOST_PAGES = 100_000
DEFAULT_RANGE = "last_month"
FEW_LINES, MANY_LINES = 6, 50
"""Lines of a leaderboard, and of one of which more is asked."""
_FILTER = "f."


class QuestionError(ValueError):
    """A question that makes no sense; the message says which part of it, and what may stand there."""


@dataclass(frozen=True)
class Question:
    """What a reader asks of one table.

    Attributes:
        measure: the one that the leaderboards are about.
        filters: allowed values by level; a level without an entry lets every value through.
        bottom: levels whose leaderboards begin with the least.
        more: levels whose leaderboards have many lines.
        by_change: levels whose leaderboards are ranked by the change to the period before.
    """

    contract: KpiContract
    range_name: str
    comparison: Comparison
    grain: Grain
    measure: Measure
    filters: Mapping[str, tuple[str, ...]]
    bottom: frozenset[str]
    more: frozenset[str]
    by_change: frozenset[str]


def question_of(contract: KpiContract, asked: Sequence[tuple[str, str]], first: dt.date, last: dt.date) -> Question:
    """The question of an address's parameters: range, from, to, grain, measure, bottom, more, change and f.<level>.

    Args:
        contract: as far as the reader may see it.
        asked: parameters in their order; those of filters may be there several times.
        first, last: the oldest and the newest date of the table.

    Raises:
        QuestionError: something of it makes no sense.
    """
    single = _single(asked)
    name, comparison = _comparison(single, first, last)
    grain = _grain(single.get("grain"), comparison.period)
    measures = {measure.name: measure for measure in contract.measures}
    measure = measures.get(single.get("measure") or contract.measures[0].name)
    if measure is None:
        raise QuestionError(f"measure must be one of {', '.join(measures)}")
    bottom, more, by_change = (_levels(contract, single, word) for word in ("bottom", "more", "change"))
    return Question(contract, name, comparison, grain, measure, filters_of(contract, asked), bottom, more, by_change)


def filters_of(contract: KpiContract, asked: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The filters of an address's parameters.

    Raises:
        QuestionError: one is of no level that the reader may see, or there are too many.
    """
    levels = [level.column for level in contract.levels]
    found: dict[str, list[str]] = {}
    for name, value in asked:
        if not name.startswith(_FILTER):
            continue
        level = name.removeprefix(_FILTER)
        if level not in levels:
            raise QuestionError(f"{_FILTER}… must be one of {', '.join(levels)}")
        found.setdefault(level, []).append(text_of(value, name))
        if len(found[level]) > MOST_VALUES:
            raise QuestionError(f"{name} may have {MOST_VALUES} values at most")
    return {level: tuple(dict.fromkeys(values)) for level, values in found.items()}


def text_of(text: str, name: str) -> str:
    """A value as it may stand in the table.

    Raises:
        QuestionError: it cannot.
    """
    if len(text) > MOST_LETTERS or "\0" in text:
        raise QuestionError(f"{name} must be a text of at most {MOST_LETTERS} letters")
    return text


def page_of(text: str, name: str) -> int:
    """A page's number; the first one is 1.

    Raises:
        QuestionError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MOST_PAGES):
        raise QuestionError(f"{name} must be a whole number from 1 to {MOST_PAGES}")
    return int(text)


def level_of(contract: KpiContract, name: str) -> Level:
    """A level that the reader may see.

    Raises:
        QuestionError: there is none of that name.
    """
    for level in contract.levels:
        if level.column == name:
            return level
    raise QuestionError(f"level must be one of {', '.join(level.column for level in contract.levels)}")


_KNOWN = (
    *("table", "level", "range", "from", "to", "grain", "measure", "bottom", "more", "change"),
    # Of the table (`kpi.pivot_questions`) and of downloads.
    *("rows", "columns", "sort", "search", "page", "format"),
    # Of the rows behind the figures, and of where they come from.
    *("detail", "day"),
    # Of what a value was before.
    *("value", "versions"),
)


def _single(asked: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in asked:
        if name.startswith(_FILTER):
            continue
        if name not in _KNOWN:
            raise QuestionError(f"a parameter is not known; known are {', '.join(_KNOWN)} and {_FILTER}<level>")
        if name in found:
            raise QuestionError(f"{name} may stand there once")
        found[name] = value
    return found


def _comparison(single: Mapping[str, str], first: dt.date, last: dt.date) -> tuple[str, Comparison]:
    name = single.get("range") or ("custom" if "from" in single or "to" in single else DEFAULT_RANGE)
    if name != "custom":
        if "from" in single or "to" in single:
            raise QuestionError("from and to belong to range=custom")
        if name not in PRESETS:
            raise QuestionError(f"range must be custom or one of {', '.join(PRESETS)}")
        return name, preset(name, first, last)
    start, end = date_of(single, "from"), date_of(single, "to")
    if start > end:
        raise QuestionError("from must not be after to")
    return name, custom(Period(start, end))


def date_of(single: Mapping[str, str], name: str) -> dt.date:
    """A parameter that is a date.

    Raises:
        QuestionError: it is none, or lies centuries away.
    """
    try:
        found = dt.datetime.strptime(single[name], "%Y-%m-%d").date()
    except (KeyError, ValueError):
        raise QuestionError(f"{name} must be a date such as 2026-11-20") from None
    # Comparisons reach some periods back, and a chart has to be drawn.
    if not 1900 <= found.year <= 2200:
        raise QuestionError(f"{name} must be a date of the years 1900 to 2200")
    return found


def _grain(asked: str | None, period: Period) -> Grain:
    if not asked:
        return default_grain(period)
    if asked not in list(Grain):
        raise QuestionError(f"grain must be one of {', '.join(Grain)}")
    grain = Grain(asked)
    days = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 28, Grain.YEAR: 365}[grain]
    if period.days / days > MOST_POINTS or len(buckets(period, grain)) > MOST_POINTS:
        return default_grain(period)
    return grain


def _levels(contract: KpiContract, single: Mapping[str, str], name: str) -> frozenset[str]:
    levels = [level.column for level in contract.levels]
    found = frozenset(single.get(name, "").split(",")) - {""}
    if found - set(levels):
        raise QuestionError(f"{name} must name some of {', '.join(levels)}")
    return found
