"""Periods of time that people ask for, and the ones that they are compared with; pure.

Everything is counted from the newest date that the table has: a page that is looked at on a Monday shows Friday's
figures as the newest ones, and not an empty weekend.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

_DAY = dt.timedelta(days=1)


class Grain(StrEnum):
    """What a point of a trend stands for; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both of them in it."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True)
class Comparison:
    """A period, and those that it is compared with: as many days or months before it, and a year before it."""

    period: Period
    previous: Period
    year_before: Period


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of another month, or that month's last day where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return dt.date(year, month + 1, min(day.day, _month_length(year, month + 1)))


def _month_length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _is_month_end(day: dt.date) -> bool:
    return day.day == _month_length(day.year, day.month)


def _month_end(day: dt.date) -> dt.date:
    return day.replace(day=_month_length(day.year, day.month))


def _months_before(period: Period, months: int) -> Period:
    """A period of whole months, moved; it stays one of whole months."""
    return Period(add_months(period.start, -months), _month_end(add_months(period.end.replace(day=1), -months)))


def _to_date(newest: dt.date, months: int) -> Comparison:
    """From the first day of the calendar period (of 1, 3 or 12 months) to the newest date, against as many days."""
    start = dt.date(newest.year, (newest.month - 1) // months * months + 1, 1)
    before = add_months(start, -months)
    # A shorter month has no 31st: it is then compared whole.
    end = min(before + (newest - start), start - _DAY)
    return Comparison(
        Period(start, newest), Period(before, end), Period(add_months(start, -12), add_months(newest, -12))
    )


def _complete(newest: dt.date, months: int) -> Comparison:
    """The last calendar period of 1, 3 or 12 months whose every day has passed."""
    start = dt.date(newest.year, (newest.month - 1) // months * months + 1, 1)
    following = add_months(start, months)
    if newest != following - _DAY:
        start, following = add_months(start, -months), start
    return custom(Period(start, following - _DAY))


def _last_months(newest: dt.date, months: int) -> Comparison:
    end = _complete(newest, 1).period.end
    return custom(Period(add_months(end.replace(day=1), 1 - months), end))


def _last_days(newest: dt.date, days: int) -> Comparison:
    return custom(Period(newest - dt.timedelta(days=days - 1), newest), whole_months=False)


_PRESETS: Mapping[str, tuple[str, Callable[[dt.date], Comparison] | None]] = {
    "last_month": ("Last complete month", partial(_complete, months=1)),
    "month_to_date": ("Month to date", partial(_to_date, months=1)),
    "last_7_days": ("Last 7 days", partial(_last_days, days=7)),
    "last_30_days": ("Last 30 days", partial(_last_days, days=30)),
    "last_quarter": ("Last complete quarter", partial(_complete, months=3)),
    "quarter_to_date": ("Quarter to date", partial(_to_date, months=3)),
    "last_12_months": ("Last 12 complete months", partial(_last_months, months=12)),
    "last_year": ("Last complete year", partial(_complete, months=12)),
    "year_to_date": ("Year to date", partial(_to_date, months=12)),
    "all": ("All time", None),
}
PRESETS: Mapping[str, str] = {name: title for name, (title, _) in _PRESETS.items()}
"""Titles of the periods that have a name."""


def preset(name: str, oldest: dt.date, newest: dt.date) -> Comparison:
    """A period by its name, counted from the newest date of a table; `all` begins with the oldest."""
    _, made = _PRESETS[name]
    return made(newest) if made else custom(Period(oldest, newest), whole_months=False)


def custom(period: Period, *, whole_months: bool = True) -> Comparison:
    """A period of one's own.

    Args:
        period: the days.
        whole_months: compare a period of whole months with as many months before it, and not with as many days.
    """
    if whole_months and period.start.day == 1 and _is_month_end(period.end):
        months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month + 1
        return Comparison(period, _months_before(period, months), _months_before(period, 12))
    previous = Period(period.start - dt.timedelta(days=period.days), period.start - _DAY)
    return Comparison(period, previous, Period(add_months(period.start, -12), add_months(period.end, -12)))


def default_grain(period: Period) -> Grain:
    """The grain that gives a trend enough points to see its shape, and few enough to tell them apart."""
    for days, grain in ((62, Grain.DAY), (190, Grain.WEEK), (6 * 366, Grain.MONTH)):
        if period.days <= days:
            return grain
    return Grain.YEAR


def bucket_start(day: dt.date, grain: Grain) -> dt.date:
    """The first day of the day's week, month or year."""
    if grain is Grain.WEEK:
        return day - dt.timedelta(days=day.weekday())
    if grain is Grain.MONTH:
        return day.replace(day=1)
    return day.replace(month=1, day=1) if grain is Grain.YEAR else day


def buckets(period: Period, grain: Grain) -> list[Period]:
    """The points of a trend: weeks, months or years, of which the first and the last may be cut by the period."""
    found = []
    start = period.start
    while start <= period.end:
        following = _following(bucket_start(start, grain), grain)
        found.append(Period(start, min(following - _DAY, period.end)))
        start = following
    return found


def _following(start: dt.date, grain: Grain) -> dt.date:
    if grain in {Grain.DAY, Grain.WEEK}:
        return start + (_DAY if grain is Grain.DAY else 7 * _DAY)
    return add_months(start, 1 if grain is Grain.MONTH else 12)
