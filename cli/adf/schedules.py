"""A factory's triggers as the daily schedule of a schema: cron expression and time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cli.adf.export_files import Json

_WINDOWS_ZONES = {
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Arab Standard Time": "Asia/Riyadh",
    "Arabian Standard Time": "Asia/Dubai",
    "Bangladesh Standard Time": "Asia/Dhaka",
    "Canada Central Standard Time": "America/Regina",
    "Central America Standard Time": "America/Guatemala",
    "Central Europe Standard Time": "Europe/Budapest",
    "Central European Standard Time": "Europe/Warsaw",
    "Central Standard Time": "America/Chicago",
    "China Standard Time": "Asia/Shanghai",
    "E. Africa Standard Time": "Africa/Nairobi",
    "E. Australia Standard Time": "Australia/Brisbane",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York",
    "Egypt Standard Time": "Africa/Cairo",
    "FLE Standard Time": "Europe/Kyiv",
    "GMT Standard Time": "Europe/London",
    "GTB Standard Time": "Europe/Bucharest",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "India Standard Time": "Asia/Kolkata",
    "Israel Standard Time": "Asia/Jerusalem",
    "Korea Standard Time": "Asia/Seoul",
    "Mountain Standard Time": "America/Denver",
    "Nepal Standard Time": "Asia/Kathmandu",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Pacific Standard Time": "America/Los_Angeles",
    "Pakistan Standard Time": "Asia/Karachi",
    "Romance Standard Time": "Europe/Paris",
    "Russian Standard Time": "Europe/Moscow",
    "SE Asia Standard Time": "Asia/Bangkok",
    "Singapore Standard Time": "Asia/Singapore",
    "South Africa Standard Time": "Africa/Johannesburg",
    "Sri Lanka Standard Time": "Asia/Colombo",
    "Taipei Standard Time": "Asia/Taipei",
    "Tokyo Standard Time": "Asia/Tokyo",
    "Turkey Standard Time": "Europe/Istanbul",
    "UTC": "UTC",
    "W. Australia Standard Time": "Australia/Perth",
    "W. Central Africa Standard Time": "Africa/Lagos",
    "W. Europe Standard Time": "Europe/Berlin",
    "West Asia Standard Time": "Asia/Tashkent",
}
"""The names that the factory's editor offers, by the zone that they mean."""
_A_DAYS_HOURS = 24


@dataclass(frozen=True)
class Schedule:
    """When the daily run of a schema starts.

    Attributes:
        cron: five fields, in the time zone.
        timezone: IANA's name.
        trigger: that it comes from.
        began: the trigger's first date, for who reads the file.
        is_daily: the trigger too started once on every day.
        notes: what it could not keep of the trigger, each a sentence.
    """

    cron: str
    timezone: str
    trigger: str
    began: str
    is_daily: bool
    notes: tuple[str, ...] = ()


def schedule_of(name: str, trigger: Json) -> Schedule | str:
    """The schedule that a trigger becomes, or the reason why it becomes none."""
    kind = str(trigger.get("type"))
    if str(trigger.get("runtimeState", "Started")).lower() == "stopped":
        return "it is stopped in the factory"
    properties: dict[str, Any] = dict(trigger.get("typeProperties") or {})
    if kind == "ScheduleTrigger":
        properties = dict(properties.get("recurrence") or {})
    elif kind != "TumblingWindowTrigger":
        return f"a {kind} waits for events: have the event call Airflow's API (POST /api/v2/dags/…/dagRuns)"
    frequency, interval = str(properties.get("frequency")), properties.get("interval", 1)
    is_daily = (frequency, interval) in {("Day", 1), ("Hour", _A_DAYS_HOURS)}
    zone_name = str(properties.get("timeZone") or "UTC")
    zone = _WINDOWS_ZONES.get(zone_name) or _iana(zone_name)
    if zone is None:
        return f"its time zone {zone_name} has no known name here: set timezone and schedule in daily_run.toml yourself"
    began = str(properties.get("startTime") or "")
    try:
        start = datetime.fromisoformat(began.replace("Z", "+00:00")) if began else datetime(1970, 1, 1)
    except ValueError:
        return "its startTime is no time: set schedule in daily_run.toml yourself"
    # A time with an offset is an instant; without one it is the wall clock's of the zone.
    local = start.astimezone(ZoneInfo(zone)) if start.tzinfo else start
    detail = properties.get("schedule") or {}
    hours, minutes = sorted(detail.get("hours") or [local.hour]), sorted(detail.get("minutes") or [local.minute])
    notes = []
    if not is_daily:
        notes.append(f"every {interval} {frequency} became every day: a run works on one business date")
    elif detail.get("weekDays") or detail.get("monthDays") or detail.get("monthlyOccurrences"):
        notes.append("some days only became every day: a business date that was never run would be missing")
    if len(hours) * len(minutes) > 1:
        notes.append("of its several times a day the first one stayed: other runs of a date are started by hand or API")
    if properties.get("endTime"):
        notes.append("its end is not kept: pause the DAG when it is over")
    if properties.get("dependsOn"):
        notes.append("the triggers that it depends on are not kept: schedule by their assets instead")
    if properties.get("delay"):
        notes.append("its delay is not kept: add it to the schedule's time")
    return Schedule(f"{minutes[0]} {hours[0]} * * *", zone, name, began[:10], not notes, tuple(notes))


def _iana(name: str) -> str | None:
    try:
        return name if ZoneInfo(name) else None
    except (KeyError, ValueError, OSError):
        return None
