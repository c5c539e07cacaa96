"""What a source schema chooses for its daily run: the file `daily_run.toml` among its contracts.

Read at every parse of the DAGs, so it opens no contract and imports nothing heavy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lakehouse.errors import ContractError

if TYPE_CHECKING:
    from lake_model.contracts.table_contracts import ContractSet
    from lakehouse.settings import WiringSettings

FILE = "daily_run.toml"
CONTRACT_ENDING = ".odcs.yaml"
MIDNIGHT = "0 0 * * *"
CRON_FIELDS = 5
NOT_IN_A_DAG_ID = re.compile(r"[^\w.-]")


@dataclass(frozen=True)
class DailyRun:
    """The choices of one schema.

    Attributes:
        schema: the MySQL schema, which names the contracts' folder too.
        dag_id: the daily DAG's id.
        schedule: cron expression, in `timezone`.
        timezone: where the schedule is read and a business date begins and ends.
        start_date: the first date that the schedule starts a run for.
        one_big_table: the One Big Table that its runs refresh; None: they end with silver.
        owner: whose DAG it is, as Airflow shows it.
        runbook: Markdown of the schema's own, shown above the general runbook.
    """

    schema: str
    dag_id: str
    schedule: str
    timezone: str
    start_date: date
    one_big_table: str | None
    owner: str
    runbook: str


def daily_runs(contracts_root: Path, settings: WiringSettings) -> tuple[list[DailyRun], list[str]]:
    """The daily run of every folder of contracts, by name, and what is wrong with those that cannot have one.

    A folder without the file has what the settings say, and no One Big Table. Each problem is one line that names
    folder, file, field, value and cure.
    """
    if not contracts_root.is_dir():
        return [], [f"the contracts' folder {contracts_root} does not exist: set LAKEHOUSE_CONTRACTS_ROOT to it"]
    found: dict[str, DailyRun] = {}
    problems: list[str] = []
    for folder in sorted(contracts_root.iterdir()):
        if not folder.is_dir() or not (any(folder.glob(f"*{CONTRACT_ENDING}")) or (folder / FILE).exists()):
            continue
        run, wrong = read_daily_run(folder, settings)
        if run is None:
            problems += [f"{folder.name}/{problem}" for problem in wrong]
        elif run.dag_id in found:
            other = found[run.dag_id].schema
            problems.append(f"{folder.name}: its DAG would be {run.dag_id}, as that of {other} is: rename one folder")
        else:
            found[run.dag_id] = run
    return list(found.values()), problems


def read_daily_run(folder: Path, settings: WiringSettings) -> tuple[DailyRun | None, list[str]]:
    """The daily run of one folder of contracts, or everything that is wrong with its file."""
    if not any(folder.glob(f"*{CONTRACT_ENDING}")):
        return None, [f"{FILE}: there is no contract beside it: write one file <table>{CONTRACT_ENDING}"]
    try:
        text = (folder / FILE).read_text(encoding="utf-8") if (folder / FILE).exists() else ""
        given = tomllib.loads(text)
    except OSError as error:
        return None, [f"{FILE}: cannot be read ({error.strerror}): check that its rights allow it"]
    except UnicodeDecodeError as error:
        return None, [f"{FILE}: is not UTF-8 text (byte {error.start}): save it as UTF-8"]
    except tomllib.TOMLDecodeError as error:
        return None, [f"{FILE}: is no TOML ({error}): correct it there"]
    problems = [f"{FILE}: {problem}" for problem in _problems(folder, given)]
    if problems:
        return None, problems
    return DailyRun(
        schema=folder.name,
        dag_id=f"{NOT_IN_A_DAG_ID.sub('_', folder.name)}_daily",
        schedule=given.get("schedule", MIDNIGHT),
        timezone=given.get("timezone", settings.timezone),
        start_date=given.get("start_date", settings.schedule_start),
        one_big_table=given.get("one_big_table"),
        owner=given.get("owner", "data-platform"),
        runbook=given.get("runbook", "").strip(),
    ), []


def check_one_big_table(contracts: ContractSet, chosen: str | None) -> list[str]:
    """Notes on the One Big Tables that have a contract, and that no run refreshes.

    Raises:
        ContractError: the one that was chosen is a table of another kind.
    """
    if chosen is not None and chosen not in contracts.one_big_tables:
        raise ContractError(
            f"{FILE}: one_big_table: {chosen!r}: its contract has another tableKind than "
            "one_big_table: name a One Big Table, or remove the line"
        )
    others = [name for name in contracts.one_big_tables if name != chosen]
    return [f"{name}: no run refreshes it, since {FILE} does not name it" for name in others]


def _problems(folder: Path, given: Mapping[str, Any]) -> Iterator[str]:
    for field, value in given.items():
        if field not in _CURES:
            yield f"{field}: {value!r}: is no choice of a daily run; there are {', '.join(_CURES)}"
            continue
        is_right, cure = _CURES[field]
        if not is_right(folder, value):
            yield f"{field}: {value!r}: must be {cure}"


def _is_text(_folder: Path, value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_cron(_folder: Path, value: object) -> bool:
    from croniter import croniter  # type: ignore[import-untyped]

    return isinstance(value, str) and len(value.split()) == CRON_FIELDS and croniter.is_valid(value)


def _is_time_zone(_folder: Path, value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ZoneInfo(value))
    except (KeyError, ValueError, OSError):
        return False


def _is_date(_folder: Path, value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _has_contract(folder: Path, value: object) -> bool:
    return isinstance(value, str) and (folder / f"{value}{CONTRACT_ENDING}").is_file()


_CURES: Mapping[str, tuple[Callable[[Path, object], bool], str]] = {
    "schedule": (_is_cron, f'a cron expression of five fields in quotes, such as "{MIDNIGHT}"'),
    "timezone": (_is_time_zone, 'a time zone\'s name in quotes, such as "UTC" or "Asia/Kolkata"'),
    "start_date": (_is_date, "a date without quotes, such as 2026-11-20"),
    "one_big_table": (_has_contract, f"the name in quotes of a One Big Table, whose contract is <name>{CONTRACT_ENDING}"
                      " in the same folder"),
    "owner": (_is_text, "a name in quotes"),
    "runbook": (_is_text, 'Markdown between """ and """'),
}  # fmt: skip
