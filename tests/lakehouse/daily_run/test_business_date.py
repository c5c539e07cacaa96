"""The business date of every way to start a run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.timetables.interval import CronDataIntervalTimetable
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.daily_run.business_date import resolve_business_date
from lakehouse.errors import BusinessDateError

TODAY = date(2026, 11, 21)


def resolve(
    param: object = None,
    start: datetime | None = None,
    timezone: str = "UTC",
    today: date = TODAY,
    end: datetime | None = None,
) -> date:
    return resolve_business_date(
        param=param, data_interval_start=start, data_interval_end=end, timezone=timezone, today=today
    )


def test_a_scheduled_run_works_on_the_day_on_which_its_interval_begins() -> None:
    assert resolve(start=datetime(2026, 11, 20, tzinfo=UTC)) == date(2026, 11, 20)


def test_the_day_is_that_of_the_dags_time_zone() -> None:
    midnight_in_kolkata = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)

    assert resolve(start=midnight_in_kolkata, timezone="Asia/Kolkata") == date(2026, 11, 20)
    assert resolve(start=midnight_in_kolkata, timezone="UTC") == date(2026, 11, 19)


def test_the_parameter_wins_over_the_interval() -> None:
    assert resolve(param="2024-02-29", start=datetime(2026, 11, 20, tzinfo=UTC)) == date(2024, 2, 29)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_parameter_is_no_parameter(blank: str | None) -> None:
    assert resolve(param=blank, start=datetime(2026, 11, 20, tzinfo=UTC)) == date(2026, 11, 20)


def test_today_is_not_the_future() -> None:
    assert resolve(param="2026-11-21") == TODAY


def test_a_run_started_by_cli_or_rest_must_say_its_date() -> None:
    with pytest.raises(BusinessDateError) as caught:
        resolve()

    assert str(caught.value) == (
        "params.business_date is not set, and this run has no data interval to take a date from (a run started by the "
        'CLI or REST): trigger it again with {"business_date": "YYYY-MM-DD"}'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-02-30",
        "20.11.2026",
        "20261120",
        "2026-W47-5",
        "yesterday",
        "2026-11-20T00:00:00",
        20261120,
        "２０２６-11-20",
    ],
)
def test_what_is_no_date_is_refused_with_the_form_that_is_wanted(wrong: object) -> None:
    with pytest.raises(BusinessDateError) as caught:
        resolve(param=wrong)

    assert str(caught.value) == (
        f"params.business_date is {wrong!r}, which is no date: give one in the form YYYY-MM-DD, such as 2026-11-20"
    )


def test_a_date_in_the_future_is_refused() -> None:
    with pytest.raises(BusinessDateError) as caught:
        resolve(param="2026-11-22", timezone="Asia/Kolkata")

    assert str(caught.value) == (
        "params.business_date is 2026-11-22, which lies in the future (today is 2026-11-21 in Asia/Kolkata): "
        "give 2026-11-21 or an earlier date"
    )


def test_an_interval_in_the_future_is_refused_too() -> None:
    with pytest.raises(BusinessDateError, match=r"^data_interval_start is 2026-11-22, which lies in the future"):
        resolve(start=datetime(2026, 11, 22, tzinfo=UTC))


@given(
    day=st.dates(date(2000, 1, 1), date(2026, 11, 20)),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland", "Africa/Cairo"]),
)
def test_midnight_in_any_time_zone_gives_its_own_day(day: date, zone: str) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))

    assert resolve(start=midnight.astimezone(UTC), timezone=zone) == day


@given(day=st.dates(date(1, 1, 1), TODAY), start=st.datetimes(timezones=st.just(UTC)))
def test_any_past_date_given_is_taken_whatever_the_interval(day: date, start: datetime) -> None:
    assert resolve(param=day.isoformat(), start=start) == day


@given(days=st.integers(1, 10_000))
def test_no_later_date_is_ever_taken(days: int) -> None:
    with pytest.raises(BusinessDateError):
        resolve(param=(TODAY + timedelta(days=days)).isoformat())


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Africa/Cairo", date(2026, 4, 24)),
        ("America/Santiago", date(2026, 9, 6)),
        ("Asia/Beirut", date(2026, 3, 29)),
        ("America/Havana", date(2026, 3, 8)),
        # The clocks change at another hour, or never.
        ("America/New_York", date(2026, 3, 8)),
        ("Asia/Kolkata", date(2026, 3, 8)),
    ],
)
@pytest.mark.parametrize("schedule", ["0 0 * * *", "0 6 * * *"])
def test_a_run_from_the_form_works_on_the_last_complete_date_also_when_the_clocks_change_at_midnight(
    zone: str, day: date, schedule: str
) -> None:
    timetable = CronDataIntervalTimetable(schedule, timezone=zone)
    for hours in range(7, 60):
        now = (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours - 24)).astimezone(
            ZoneInfo(zone)
        )
        if now.hour < 7:
            continue  # before the schedule's hour the last date is not complete
        interval = timetable.infer_manual_data_interval(run_after=pendulum.instance(now))

        found = resolve(start=interval.start, end=interval.end, timezone=zone, today=now.date())

        assert found == now.date() - timedelta(days=1), now
