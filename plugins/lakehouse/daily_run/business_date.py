"""Which date a run works on, however it was started."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lakehouse.errors import BusinessDateError

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def resolve_business_date(
    *,
    param: object,
    data_interval_start: datetime | None,
    data_interval_end: datetime | None,
    timezone: str,
    today: date,
) -> date:
    """The date that a run works on: the one asked for, else the day on which the run's data interval begins.

    Scheduled and backfill runs always have an interval, and a run started from the UI's form has the last complete one.
    A run started by the CLI or REST without a logical date has none: such a run must say its date.

    Where a day begins at 01:00, because the clocks are put forward at its midnight, Airflow gives a run from the form
    an interval without length, which only ends where the last complete day does.

    Args:
        param: the run's `business_date` parameter; None or blank where it was not given.
        data_interval_start: start of the run's data interval (with a time zone), or None.
        data_interval_end: its end, or None.
        timezone: the DAG's time zone; a day begins and ends there.
        today: the present date in that time zone.

    Raises:
        BusinessDateError: no date is known, or the one given is no date or lies in the future.
    """
    if param is not None and str(param).strip():
        return check_business_date(param, "params.business_date", timezone, today)
    if data_interval_start is None:
        raise BusinessDateError(
            "params.business_date is not set, and this run has no data interval to take a date from "
            '(a run started by the CLI or REST): trigger it again with {"business_date": "YYYY-MM-DD"}'
        )
    start = data_interval_start.astimezone(ZoneInfo(timezone)).date()
    if data_interval_start == data_interval_end:
        start -= timedelta(days=1)
    return _not_after(today, start, "data_interval_start", timezone)


def check_business_date(given: object, field: str, timezone: str, today: date) -> date:
    """The date that a person gave in `field`, which messages name.

    Raises:
        BusinessDateError: it is no date, or lies after `today`, the present date in that time zone.
    """
    return _not_after(today, _parsed(given, field), field, timezone)


def _parsed(given: object, field: str) -> date:
    text = str(given).strip()
    try:
        # fromisoformat alone would also take 20261120 and 2026-W47-5, which people read as something else.
        if not ISO_DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BusinessDateError(
            f"{field} is {given!r}, which is no date: give one in the form YYYY-MM-DD, such as 2026-11-20"
        ) from None


def _not_after(today: date, business_date: date, field: str, timezone: str) -> date:
    if business_date > today:
        raise BusinessDateError(
            f"{field} is {business_date.isoformat()}, which lies in the future (today is {today.isoformat()} in "
            f"{timezone}): give {today.isoformat()} or an earlier date"
        )
    return business_date
