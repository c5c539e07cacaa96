"""Every setting of the platform, declared once: its name, type, default, meaning and form.

The environment variable `LAKEHOUSE_<NAME>` wins over the Airflow Variable `lakehouse_<name>`, which wins over the
default. While a DAG file is parsed only the environment is read (`settings_at_parse`), because a Variable costs a
query per parse; the settings of `WiringSettings` are read so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lakehouse import setting_forms as forms
from lakehouse.errors import SettingError
from lakehouse.setting_forms import SessionValue

PROJECT_ROOT = Path(__file__).resolve().parents[2]

Variables = Callable[[str], str | None]


@dataclass(frozen=True)
class Setting:
    """A setting as it is declared.

    `parse` turns its text into its value or raises ValueError saying what it should be; without a `default` it is
    required.
    """

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


def setting(default: str | None, meaning: str, parse: Callable[[str], Any]) -> Any:
    """Declares a setting as the field of a class of settings."""
    return field(metadata={"default": default, "meaning": meaning, "parse": parse})


def settings_of(kind: type[TimeZoneSetting]) -> tuple[Setting, ...]:
    """The settings that a class declares, with those of its bases."""
    return tuple(Setting(one.name, **one.metadata) for one in fields(kind))


@dataclass(frozen=True)
class TimeZoneSetting:
    """What both a DAG file and an alert need."""

    timezone: str = setting(
        "UTC", "time zone of the DAGs: of their schedules and of what a business date is", forms.time_zone
    )


@dataclass(frozen=True)
class WiringSettings(TimeZoneSetting):
    """What a DAG file needs while it is parsed."""

    contracts_root: str = setting(
        str(PROJECT_ROOT / "contracts"), "folder of the contracts as Airflow sees it", forms.word
    )
    mysql_conn_id: str = setting("mysql_onprem", "Airflow connection of the MySQL source", forms.word)
    lake_conn_id: str = setting("adls_gen2", "Airflow connection of the storage account", forms.word)
    databricks_conn_id: str = setting(
        "databricks_default", "Airflow connection of the Databricks workspace", forms.word
    )
    databricks_polling_seconds: int = setting("10", "polling interval for Databricks runs, in seconds", forms.positive)
    databricks_worker_wait_seconds: int = setting(
        "30",
        "seconds that a task waits for its Databricks run in the worker before it is deferred; 0: deferred at once",
        forms.count,
    )
    databricks_timeout_minutes: int = setting(
        "120",
        "minutes after which a one-time Databricks run is stopped;"
        " any run that is not over a quarter of an hour later is cancelled",
        forms.positive,
    )
    copy_pool: str = setting(
        "lakehouse_copy", "pool that bounds the copies that read MySQL at the same time", forms.word
    )
    silver_pool: str = setting("lakehouse_silver", "pool that bounds the silver runs at the same time", forms.word)
    silver_batch_tables: int = setting(
        "50", "tables that share one Databricks run of silver at most; 1: each has its own", forms.positive
    )
    silver_batch_rows: int = setting(
        "2000000",
        "landed rows that share one Databricks run of silver at most; a larger table has its own",
        forms.positive,
    )
    gold_pool: str = setting("lakehouse_gold", "pool that bounds the gold runs at the same time", forms.word)
    copy_queue: str = setting(
        "default", "queue of the tasks that ask the source, so that a worker beside it may serve them", forms.word
    )
    copy_executor: str = setting(
        "", "executor of the tasks that ask the source, if not Airflow's first one: an Edge worker's", forms.text
    )
    deadline_minutes: int = setting(
        "240", "minutes after its interval's end at which a scheduled run is late", forms.positive
    )
    schedule_start: date = setting(  # ruff: ignore[function-call-in-dataclass-default-argument] - a field
        "2020-01-01", "first date that the schedule starts runs for; backfills may be older", forms.iso_date
    )
    task_retries: int = setting(
        "2", "tries after the first before a task has failed and on-call is alerted", forms.count
    )
    retry_delay_seconds: int = setting(
        "60", "seconds before the first retry; doubled before each further one", forms.count
    )


@dataclass(frozen=True)
class AlertSettings(TimeZoneSetting):
    """What an alert needs: it must go out even where another setting is what is wrong."""

    alert_conn_ids: tuple[str, ...] = setting(
        "", "Airflow connections that alerts go to, by comma (deploying.md, Alerts)", forms.names
    )
    waiting_minutes: int = setting(
        "90",
        "minutes that a task may be queued, or up for reschedule, before `bin/lakehouse waiting` reports it;"
        " source_ready waits up to 60",
        forms.positive,
    )
    airflow_url: str = setting("", "Airflow's address for links in alerts; empty: [api] base_url", forms.web_address)


@dataclass(frozen=True)
class Settings(WiringSettings, AlertSettings):
    """All settings, parsed and checked."""

    lake_root: str = setting(
        None, "the lake as Airflow sees it: file:///folder or abfs://connection@container/folder", forms.storage_uri
    )
    spark_lake_root: str = setting(
        "",
        "the lake as Spark sees it, such as abfss://container@account.dfs.core.windows.net/folder;"
        " empty: the folder of lake_root when that is file://",
        forms.spark_root,
    )
    spark_contracts_root: str = setting(
        "", "folder of the contracts as Spark sees it; empty: contracts_root", forms.spark_root
    )
    spark_code_root: str = setting(
        str(PROJECT_ROOT / "spark_jobs"),
        "folder of silver.py and gold.py as Spark sees it, for one-time runs",
        forms.spark_root,
    )
    warehouse: str = setting(
        "",
        "id of the Databricks SQL warehouse through which the KPI page and bin/lakehouse read silver and gold;"
        " empty: they read their folders in the lake",
        forms.text,
    )
    catalog: str = setting("", "Unity Catalog's catalog; empty: tables are named without one", forms.text)
    databricks_jobs: str = setting(
        "",
        "names of the bundle's deployed jobs that Airflow starts, such as `lakehouse {stage}`;"
        " empty: it makes one-time runs of its own (deploying.md, Jobs of the bundle)",
        forms.job_names,
    )
    compute: Mapping[str, Any] = setting(
        '{"environment_key": "lakehouse", "spec": {"environment_version": "4"}}',
        "where one-time Databricks runs go, in JSON: a serverless environment"
        " (with its spec if wanted), an existing cluster or a new one",
        forms.compute,
    )
    job_wheel: str = setting(
        "",
        "wheel of the Spark side as Databricks sees it, for one-time runs; empty: the files in spark_code_root run",
        forms.text,
    )
    copy_batch_rows: int = setting(
        "4096", "rows that a copy fetches at a time over an encrypted connection", forms.positive
    )
    row_group_rows: int = setting("262144", "rows of a Parquet row group", forms.positive)
    source_connect_attempts: int = setting(
        "3",
        "times that a copy tries to connect to the source before its task fails and Airflow tries again",
        forms.positive,
    )
    copy_rows_per_second: int = setting("0", "rows that one copy reads per second at most; 0: no bound", forms.count)
    copy_bytes_per_second: int = setting("0", "bytes that one copy reads per second at most; 0: no bound", forms.count)
    copy_session_settings: Mapping[str, SessionValue] = setting(
        "{}",
        'settings of the copy\'s sessions on the source, in JSON, such as {"max_statement_time": 0}',
        forms.session_settings,
    )
    bronze_grace_days: int = setting(
        "7",
        "days that files which no visible index of bronze names are kept before upkeep removes them",
        forms.positive,
    )
    silver_version_days: int = setting(
        "30",
        "days for which upkeep keeps older versions of silver tables readable; gold goes on from one of them",
        forms.version_days,
    )
    gold_version_days: int = setting(
        "7", "days for which upkeep keeps older versions of gold tables readable", forms.version_days
    )
    kpi_folder: str = setting(
        "", "folder of the API server where the KPI page keeps its read models; empty: kpi in AIRFLOW_HOME", forms.text
    )
    kpi_memory_mb: int = setting("512", "megabytes that a read model of the KPI page may take at most", forms.positive)
    kpi_threads: int = setting("2", "threads that answer the questions to one read model", forms.positive)
    kpi_unrestricted_roles: tuple[str, ...] = setting(
        "admin", "Airflow roles that see everything on the KPI page, whatever the contracts say, by comma", forms.names
    )
    kpi_roles: Mapping[str, tuple[str, ...]] = setting(
        "",
        "which of the contracts' roles an Airflow role has on the KPI page: viewer=analysts, by comma; "
        "one that is not named has the role of its own name",
        forms.pairs,
    )


SETTINGS = settings_of(Settings)
WIRING_NAMES = frozenset(one.name for one in fields(WiringSettings))


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
    return WiringSettings(**_parsed(settings_of(WiringSettings), os.environ if environ is None else environ, None))


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

    return AlertSettings(
        **_parsed(settings_of(AlertSettings), os.environ, lambda name: Variable.get(name, default=None))
    )


def settings_table() -> str:
    """All settings as a Markdown table, for `docs/reference/settings.md`."""
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
