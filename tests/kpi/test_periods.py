"""Periods, and what they are compared with."""

from __future__ import annotations

from datetime import date

import pytest
from kpi.periods import PRESETS, Comparison, Grain, Period, add_months, buckets, custom, default_grain, preset

OLDEST = date(2023, 7, 1)


def comparison(*days: str) -> Comparison:
    start, end, before, before_end, year, year_end = map(date.fromisoformat, days)
    return Comparison(Period(start, end), Period(before, before_end), Period(year, year_end))


@pytest.mark.parametrize(
    ("name", "newest", "expected"),
    [
        (
            "last_month", "2026-06-30",
            ("2026-06-01", "2026-06-30", "2026-05-01", "2026-05-31", "2025-06-01", "2025-06-30"),
        ),
        (
            "last_month", "2026-06-29",
            ("2026-05-01", "2026-05-31", "2026-04-01", "2026-04-30", "2025-05-01", "2025-05-31"),
        ),
        (
            "last_month", "2024-03-15",
            ("2024-02-01", "2024-02-29", "2024-01-01", "2024-01-31", "2023-02-01", "2023-02-28"),
        ),
        (
            "month_to_date", "2026-06-10",
            ("2026-06-01", "2026-06-10", "2026-05-01", "2026-05-10", "2025-06-01", "2025-06-10"),
        ),
        # A month that is shorter than the days so far is compared whole.
        (
            "month_to_date", "2026-03-31",
            ("2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28", "2025-03-01", "2025-03-31"),
        ),
        (
            "month_to_date", "2024-02-29",
            ("2024-02-01", "2024-02-29", "2024-01-01", "2024-01-29", "2023-02-01", "2023-02-28"),
        ),
        (
            "quarter_to_date", "2026-05-15",
            ("2026-04-01", "2026-05-15", "2026-01-01", "2026-02-14", "2025-04-01", "2025-05-15"),
        ),
        (
            "last_quarter", "2026-07-01",
            ("2026-04-01", "2026-06-30", "2026-01-01", "2026-03-31", "2025-04-01", "2025-06-30"),
        ),
        (
            "last_12_months", "2026-07-01",
            ("2025-07-01", "2026-06-30", "2024-07-01", "2025-06-30", "2024-07-01", "2025-06-30"),
        ),
        (
            "last_year", "2026-07-01",
            ("2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31", "2024-01-01", "2024-12-31"),
        ),
        (
            "year_to_date", "2026-03-01",
            ("2026-01-01", "2026-03-01", "2025-01-01", "2025-03-01", "2025-01-01", "2025-03-01"),
        ),
        (
            "last_7_days", "2026-03-03",
            ("2026-02-25", "2026-03-03", "2026-02-18", "2026-02-24", "2025-02-25", "2025-03-03"),
        ),
        # A month's worth of days is not a month, whatever day it ends on.
        (
            "last_30_days", "2026-06-30",
            ("2026-06-01", "2026-06-30", "2026-05-02", "2026-05-31", "2025-06-01", "2025-06-30"),
        ),
        (
            "all", "2026-06-30",
            ("2023-07-01", "2026-06-30", "2020-06-30", "2023-06-30", "2022-07-01", "2025-06-30"),
        ),
    ],
)  # fmt: skip
def test_a_period_has_its_days_and_those_it_is_compared_with(name: str, newest: str, expected: tuple[str, ...]) -> None:
    assert preset(name, OLDEST, date.fromisoformat(newest)) == comparison(*expected)


@pytest.mark.parametrize("name", PRESETS)
def test_a_period_and_the_one_before_it_never_share_a_day(name: str) -> None:
    day = date(2024, 1, 1)
    while day < date(2026, 1, 1):
        found = preset(name, OLDEST, day)
        assert found.previous.end < found.period.start
        assert found.period.end <= day
        day = date.fromordinal(day.toordinal() + 1)


def test_chosen_days_are_compared_with_as_many_days_and_whole_months_with_as_many_months() -> None:
    assert custom(Period(date(2026, 1, 1), date(2026, 2, 28))) == comparison(
        "2026-01-01", "2026-02-28", "2025-11-01", "2025-12-31", "2025-01-01", "2025-02-28"
    )
    assert custom(Period(date(2026, 1, 1), date(2026, 2, 27))) == comparison(
        "2026-01-01", "2026-02-27", "2025-11-04", "2025-12-31", "2025-01-01", "2025-02-27"
    )


def test_the_last_day_of_a_longer_month_becomes_that_of_the_shorter() -> None:
    assert add_months(date(2024, 2, 29), -12) == date(2023, 2, 28)
    assert add_months(date(2026, 5, 31), -3) == date(2026, 2, 28)
    assert add_months(date(2026, 1, 31), 11) == date(2026, 12, 31)


def test_points_cover_a_period_without_a_gap_and_are_cut_at_its_ends() -> None:
    period = Period(date(2026, 1, 1), date(2026, 2, 10))
    assert buckets(period, Grain.MONTH) == [
        Period(date(2026, 1, 1), date(2026, 1, 31)),
        Period(date(2026, 2, 1), date(2026, 2, 10)),
    ]
    assert buckets(period, Grain.WEEK)[:2] == [
        Period(date(2026, 1, 1), date(2026, 1, 4)),
        Period(date(2026, 1, 5), date(2026, 1, 11)),
    ]
    assert buckets(period, Grain.YEAR) == [period]
    for grain in Grain:
        assert sum(point.days for point in buckets(period, grain)) == period.days


def test_a_trend_has_few_enough_points() -> None:
    grains = [default_grain(Period(date(2020, 1, 1), date.fromordinal(date(2020, 1, 1).toordinal() + days)))
              for days in (0, 61, 62, 189, 190, 2000, 4000)]  # fmt: skip
    assert grains == ["day", "day", "week", "week", "month", "month", "year"]
