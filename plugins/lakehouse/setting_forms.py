"""The forms that the texts of settings may have: each turns a text into a value, or raises ValueError saying what it
should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

COMPUTE_KINDS = ("environment_key", "existing_cluster_id", "new_cluster")
SessionValue = str | int | float

_SESSION_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The copy sets these itself, or is exact only because of what they are: another value would change what rows say, or
# leave rows out in silence.
_FORBIDDEN_SESSION_SETTINGS = re.compile(
    r"sql_mode|old_mode|time_zone|timestamp|autocommit|sql_select_limit|sql_auto_is_null|sql_safe_updates"
    r"|completion_type|(tx|transaction)_(isolation|read_only)|(character_set|collation)_.*|big_tables|max_join_size"
    r"|sql_big_selects|system_versioning_.*|sql_quote_show_create|lc_.*|default_.*|pseudo_.*|gtid_.*|rand_seed.*"
)


def text(value: str) -> str:
    """Any text."""
    return value.strip()


def word(value: str) -> str:
    """A text that is not empty."""
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def positive(value: str) -> int:
    """A whole number of at least 1."""
    number = int(value) if value.strip().isdecimal() else 0
    if number < 1:
        raise ValueError("must be a whole number of at least 1")
    return number


def count(value: str) -> int:
    """A whole number of at least 0."""
    if not value.strip().isdecimal():
        raise ValueError("must be a whole number of at least 0")
    return int(value)


def version_days(value: str) -> int:
    """A whole number of days from 7, as Delta removes no younger files, to 365."""
    number = int(value) if value.strip().isdecimal() else 0
    if not 7 <= number <= 365:
        raise ValueError("must be a whole number from 7 to 365")
    return number


def iso_date(value: str) -> date:
    """A date."""
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("must be a date such as 2026-11-20") from None


def names(value: str) -> tuple[str, ...]:
    """Names, separated by commas."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def pairs(value: str) -> dict[str, tuple[str, ...]]:
    """Names that stand for others: `a=x, a=y, b=z`."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in names(value):
        name, _, meant = (part.strip() for part in pair.partition("="))
        if not name or not meant:
            raise ValueError("must be pairs such as viewer=analysts, by comma")
        found[name] = (*found.get(name, ()), meant)
    return found


def time_zone(value: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone's name, such as UTC or Asia/Kolkata") from None
    return value.strip()


def storage_uri(value: str) -> str:
    """A place in a storage that Airflow writes to."""
    # Spark's form abfss://container@account... would be read by Airflow as connection@container: a silent wrong place.
    uri = urlsplit(value.strip())
    local = uri.scheme == "file" and not uri.netloc and uri.path.startswith("/")
    if not local and not (uri.scheme == "abfs" and uri.netloc):
        raise ValueError("must be file:///folder or abfs://connection@container/folder")
    return value.strip().rstrip("/")


def spark_root(value: str) -> str:
    """A place that Spark reads."""
    return value.strip().rstrip("/")


def web_address(value: str) -> str:
    """An address on the web, or nothing."""
    if value.strip() and urlsplit(value.strip()).scheme not in {"http", "https"}:
        raise ValueError("must be an http:// or https:// address, or empty")
    return value.strip().rstrip("/")


def job_names(value: str) -> str:
    """A pattern of jobs' names, or nothing."""
    if value.strip() and "{stage}" not in value:
        raise ValueError("must have {stage} where silver, gold or upkeep stands in the jobs' names, or be empty")
    return value.strip()


def compute(value: str) -> Mapping[str, Any]:
    """Where Databricks runs go, as JSON."""
    form = f"must be a JSON object with exactly one of {', '.join(COMPUTE_KINDS)}"
    try:
        compute = json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"{form} (not JSON: {error})") from None
    kinds = [kind for kind in COMPUTE_KINDS if isinstance(compute, dict) and kind in compute]
    if len(kinds) != 1:
        raise ValueError(form)
    unknown = sorted(set(compute) - {kinds[0]} - ({"spec"} if kinds == ["environment_key"] else set()))
    if unknown:
        raise ValueError(f"{form}; {', '.join(unknown)} does not belong there")
    if kinds == ["new_cluster"] and not isinstance(compute["new_cluster"], dict):
        raise ValueError(f"{form}; new_cluster must itself be an object, as the Jobs API takes it")
    if kinds != ["new_cluster"] and not (isinstance(compute[kinds[0]], str) and compute[kinds[0]]):
        raise ValueError(f"{form}; {kinds[0]} must be a name")
    if not isinstance(compute.get("spec", {}), dict):
        raise ValueError(f"{form}; spec must be an object, as the Jobs API takes it")
    return dict(compute)


def session_settings(value: str) -> Mapping[str, SessionValue]:
    """Settings of sessions on the source, as JSON."""
    try:
        document = json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"must be a JSON object (not JSON: {error})") from None
    if not isinstance(document, dict):
        raise ValueError('must be a JSON object of session settings, such as {"max_statement_time": 0}')
    for name, value in document.items():
        if not _SESSION_NAME.fullmatch(name):
            raise ValueError(f"names {name!r}, which is no name of a session setting: use small letters, digits and _")
        if _FORBIDDEN_SESSION_SETTINGS.fullmatch(name):
            raise ValueError(f"names {name}, which the copy sets itself or is exact only because of: leave it out")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"gives {name} the value {value!r}: use a text or a number (ON and OFF are texts)")
    return document
