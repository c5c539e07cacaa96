"""Every setting of the platform, in one table: its name, default, meaning and form.

The environment variable `LAKEHOUSE_<NAME>` wins over the Airflow Variable `lakehouse_<name>`, which wins over the
default. While a DAG file is parsed only the environment is read (`settings_at_parse`), because a Variable costs a
query per parse; those settings are marked so in the table.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from lakehouse.errors import SettingError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
COMPUTE_KINDS = ("environment_key", "existing_cluster_id", "new_cluster")

Variables = Callable[[str], str | None]
SessionValue = str | int | float

_SESSION_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The copy sets these itself, or is exact only because of what they are: another value would change what rows say, or
# leave rows out in silence.
_FORBIDDEN_SESSION_SETTINGS = re.compile(
    r"sql_mode|old_mode|time_zone|timestamp|autocommit|sql_select_limit|sql_auto_is_null|sql_safe_updates"
    r"|completion_type|(tx|transaction)_(isolation|read_only)|(character_set|collation)_.*|big_tables|max_join_size"
    r"|sql_big_selects|system_versioning_.*|sql_quote_show_create|lc_.*|default_.*|pseudo_.*|gtid_.*|rand_seed.*"
)


@dataclass(frozen=True)
class WiringSettings:
    """What a DAG file needs while it is parsed; each is explained in `SETTINGS`."""

    contracts_root: str
    timezone: str
    mysql_conn_id: str
    lake_conn_id: str
    databricks_conn_id: str
    databricks_polling_seconds: int
    databricks_worker_wait_seconds: int
    databricks_timeout_minutes: int
    copy_pool: str
    silver_pool: str
    gold_pool: str
    copy_queue: str
    deadline_minutes: int
    schedule_start: date
    task_retries: int
    retry_delay_seconds: int


@dataclass(frozen=True)
class AlertSettings:
    """What an alert needs: it must go out even where another setting is what is wrong."""

    timezone: str
    alert_conn_ids: tuple[str, ...]
    airflow_url: str


WIRING_NAMES = frozenset(field.name for field in fields(WiringSettings))


@dataclass(frozen=True)
class Settings(WiringSettings):
    """All settings, parsed and checked; each is explained in `SETTINGS`."""

    lake_root: str
    spark_lake_root: str
    spark_contracts_root: str
    spark_code_root: str
    catalog: str
    compute: Mapping[str, Any]
    job_wheel: str
    copy_batch_rows: int
    row_group_rows: int
    source_connect_attempts: int
    copy_rows_per_second: int
    copy_bytes_per_second: int
    copy_session_settings: Mapping[str, SessionValue]
    bronze_grace_days: int
    alert_conn_ids: tuple[str, ...]
    airflow_url: str


@dataclass(frozen=True)
class Setting:
    """One line of the table: `parse` turns its text into its value or raises ValueError saying what it should be."""

    name: str
    default: str | None
    meaning: str
    parse: Callable[[str], Any]

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it."""
        return f"LAKEHOUSE_{self.name.upper()}"

    @property
    def variable_name(self) -> str:
        """The Airflow Variable that sets it."""
        return f"lakehouse_{self.name}"


def _text(value: str) -> str:
    return value.strip()


def _word(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def _positive(value: str) -> int:
    number = int(value) if value.strip().isdecimal() else 0
    if number < 1:
        raise ValueError("must be a whole number of at least 1")
    return number


def _count(value: str) -> int:
    if not value.strip().isdecimal():
        raise ValueError("must be a whole number of at least 0")
    return int(value)


def _date(value: str) -> date:
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("must be a date such as 2026-11-20") from None


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone's name, such as UTC or Asia/Kolkata") from None
    return value.strip()


def _storage_uri(value: str) -> str:
    # Spark's form abfss://container@account... would be read by Airflow as connection@container: a silent wrong place.
    uri = urlsplit(value.strip())
    local = uri.scheme == "file" and not uri.netloc and uri.path.startswith("/")
    if not local and not (uri.scheme == "abfs" and uri.netloc):
        raise ValueError("must be file:///folder or abfs://connection@container/folder")
    return value.strip().rstrip("/")


def _spark_root(value: str) -> str:
    return value.strip().rstrip("/")


def _web_address(value: str) -> str:
    if value.strip() and urlsplit(value.strip()).scheme not in {"http", "https"}:
        raise ValueError("must be an http:// or https:// address, or empty")
    return value.strip().rstrip("/")


def _compute(value: str) -> Mapping[str, Any]:
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


def _session_settings(value: str) -> Mapping[str, SessionValue]:
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


SETTINGS: tuple[Setting, ...] = (
    Setting("timezone", "UTC", "time zone of the DAGs: of their schedules and of what a business date is", _time_zone),
    Setting("mysql_conn_id", "mysql_onprem", "Airflow connection of the MySQL source", _word),
    Setting("lake_conn_id", "adls_gen2", "Airflow connection of the storage account", _word),
    Setting("databricks_conn_id", "databricks_default", "Airflow connection of the Databricks workspace", _word),
    Setting("databricks_polling_seconds", "10", "seconds between two looks at a Databricks run", _positive),
    Setting(
        "databricks_worker_wait_seconds",
        "30",
        "seconds that a task waits for its Databricks run in the worker before it is deferred; 0: deferred at once",
        _count,
    ),
    Setting("databricks_timeout_minutes", "120", "minutes after which a Databricks run is stopped", _positive),
    Setting("copy_pool", "lakehouse_copy", "pool that bounds the copies that read MySQL at the same time", _word),
    Setting("silver_pool", "lakehouse_silver", "pool that bounds the silver runs at the same time", _word),
    Setting("gold_pool", "lakehouse_gold", "pool that bounds the gold runs at the same time", _word),
    Setting("copy_queue", "default", "queue of the copies, so that a worker beside the database may serve it", _word),
    Setting("deadline_minutes", "240", "minutes after its interval's end at which a scheduled run is late", _positive),
    Setting(
        "schedule_start", "2020-01-01", "first date that the schedule starts runs for; backfills may be older", _date
    ),
    Setting("task_retries", "2", "tries after the first before a task has failed and on-call is alerted", _count),
    Setting("retry_delay_seconds", "60", "seconds before the first retry; doubled before each further one", _count),
    Setting(
        "lake_root",
        None,
        "the lake as Airflow sees it: file:///folder or abfs://connection@container/folder",
        _storage_uri,
    ),
    Setting(
        "spark_lake_root",
        "",
        "the lake as Spark sees it, such as abfss://container@account.dfs.core.windows.net/folder;"
        " empty: the folder of lake_root when that is file://",
        _spark_root,
    ),
    Setting("contracts_root", str(PROJECT_ROOT / "contracts"), "folder of the contracts as Airflow sees it", _word),
    Setting("spark_contracts_root", "", "folder of the contracts as Spark sees it; empty: contracts_root", _spark_root),
    Setting(
        "spark_code_root",
        str(PROJECT_ROOT / "spark_jobs"),
        "folder of silver.py and gold.py as Spark sees it",
        _spark_root,
    ),
    Setting("catalog", "", "Unity Catalog's catalog; empty: tables are named without one", _text),
    Setting(
        "compute",
        '{"environment_key": "lakehouse", "spec": {"environment_version": "4"}}',
        "where Databricks runs go, in JSON: a serverless environment"
        " (with its spec if wanted), an existing cluster or a new one",
        _compute,
    ),
    Setting(
        "job_wheel", "", "wheel of the Spark side as Databricks sees it; empty: the files in spark_code_root run", _text
    ),
    Setting("copy_batch_rows", "4096", "rows that a copy fetches at a time over an encrypted connection", _positive),
    Setting("row_group_rows", "262144", "rows of a Parquet row group", _positive),
    Setting(
        "source_connect_attempts",
        "3",
        "times that a copy tries to connect to the source before its task fails and Airflow tries again",
        _positive,
    ),
    Setting("copy_rows_per_second", "0", "rows that one copy reads per second at most; 0: no bound", _count),
    Setting("copy_bytes_per_second", "0", "bytes that one copy reads per second at most; 0: no bound", _count),
    Setting(
        "copy_session_settings",
        "{}",
        'settings of the copy\'s sessions on the source, in JSON, such as {"max_statement_time": 0}',
        _session_settings,
    ),
    Setting(
        "bronze_grace_days",
        "7",
        "days that files which no visible index of bronze names are kept before upkeep removes them",
        _positive,
    ),
    Setting(
        "alert_conn_ids", "", "Airflow connections that alerts go to, by comma (smtp: mail, http: webhook)", _names
    ),
    Setting("airflow_url", "", "Airflow's address for links in alerts; empty: [api] base_url", _web_address),
)


def load_settings(
    environ: Mapping[str, str], variables: Variables | None = None, *, for_spark: bool = True
) -> Settings:
    """All settings from the environment, then Airflow Variables, then the defaults.

    Args:
        environ: environment variables.
        variables: gives an Airflow Variable's text, or None where it is not set.
        for_spark: whether Spark will be started; where not, `spark_lake_root` may stay empty.

    Raises:
        SettingError: settings are missing or unusable; the message lists every one with its cure.
    """
    values = _parsed(SETTINGS, environ, variables)
    lake_root = urlsplit(values["lake_root"])
    if not values["spark_lake_root"]:
        if lake_root.scheme != "file" and for_spark:
            raise SettingError(
                f"setting spark_lake_root is not set, and Spark cannot read lake_root {values['lake_root']!r} itself: "
                "set LAKEHOUSE_SPARK_LAKE_ROOT to abfss://container@account.dfs.core.windows.net/folder"
            )
        values["spark_lake_root"] = lake_root.path if lake_root.scheme == "file" else ""
    values["spark_contracts_root"] = values["spark_contracts_root"] or values["contracts_root"]
    return Settings(**values)


def settings_at_parse(environ: Mapping[str, str] | None = None) -> WiringSettings:
    """The settings that a DAG's wiring needs, from the environment and the defaults alone.

    Raises:
        SettingError: settings are unusable; the message lists every one with its cure.
    """
    wiring = tuple(setting for setting in SETTINGS if setting.name in WIRING_NAMES)
    return WiringSettings(**_parsed(wiring, os.environ if environ is None else environ, None))


def setting_value(name: str, environ: Mapping[str, str]) -> Any:
    """One setting outside Airflow, from the environment or its default.

    Raises:
        SettingError: it is missing or unusable; the message has its cure.
    """
    return _parsed(tuple(setting for setting in SETTINGS if setting.name == name), environ, None)[name]


def settings_at_run() -> Settings:
    """All settings inside a task: the environment, then Airflow Variables, then the defaults.

    Raises:
        SettingError: settings are missing or unusable; the message lists every one with its cure.
    """
    from airflow.sdk import Variable

    return load_settings(os.environ, lambda name: Variable.get(name, default=None))


def alert_settings_at_run() -> AlertSettings:
    """The settings that an alert needs, whatever the others are.

    Raises:
        SettingError: one of them is unusable; the message has its cure.
    """
    from airflow.sdk import Variable

    names = {field.name for field in fields(AlertSettings)}
    settings = tuple(setting for setting in SETTINGS if setting.name in names)
    return AlertSettings(**_parsed(settings, os.environ, lambda name: Variable.get(name, default=None)))


def settings_table() -> str:
    """All settings as a Markdown table, for `docs/settings.md`."""
    lines = [
        "| setting | environment variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for setting in SETTINGS:
        where = " (environment only: it is read while the DAG is parsed)" if setting.name in WIRING_NAMES else ""
        lines.append(
            f"| `{setting.name}` | `{setting.environment_name}` | {_shown_default(setting)} "
            f"| {setting.meaning}{where} |"
        )
    return "\n".join(lines) + "\n"


def _shown_default(setting: Setting) -> str:
    if setting.default is None:
        return "required"
    return f"`{setting.default.replace(str(PROJECT_ROOT), '<project>')}`" if setting.default else ""


def _parsed(settings: tuple[Setting, ...], environ: Mapping[str, str], variables: Variables | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in settings:
        text, origin = _found(setting, environ, variables)
        if text is None:
            problems.append(
                f"setting {setting.name} is not set ({setting.meaning}): set the environment variable "
                f"{setting.environment_name} or the Airflow Variable {setting.variable_name}"
            )
            continue
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            problems.append(f"setting {setting.name} has the value {text!r}, but {error}; correct {origin}")
    if problems:
        raise SettingError("\n".join(problems))
    return values


def _found(setting: Setting, environ: Mapping[str, str], variables: Variables | None) -> tuple[str | None, str]:
    if setting.environment_name in environ:
        return environ[setting.environment_name], f"the environment variable {setting.environment_name}"
    # A DAG is wired before any Variable can be read: a task must not go by another value than its DAG did.
    stored = variables(setting.variable_name) if variables and setting.name not in WIRING_NAMES else None
    if stored is not None:
        return stored, f"the Airflow Variable {setting.variable_name}"
    return setting.default, f"the default of {setting.name}"
