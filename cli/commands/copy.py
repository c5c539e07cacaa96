"""`copy TABLE --date D`: one table to bronze, outside Airflow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cli.commands.command import DONE, Command
from cli.commands.contract_folders import add_contracts_argument
from cli.commands.lake_argument import add_lake_argument, environment_with_lake
from cli.commands.progress import shown_progress
from cli.commands.source_arguments import (
    add_schema_argument,
    add_source_arguments,
    contracts_of_schema,
    schema_of,
    source_of,
)

if TYPE_CHECKING:
    from lakehouse.daily_run.planning import TablePlan
    from lakehouse.lake.lake_path import LakePath
    from lakehouse.ledger import LedgerRow
    from lakehouse.settings import Settings
    from lakehouse.source.source_connection import ConnectionInfo

_DESCRIPTION = """Copies what changed in one table to bronze, as the DAG's task does: same settings, same verification,
same manifest, and a row in the run ledger. Ctrl-C ends it with nothing half written. A table without a contract is
copied with all its columns."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="as MySQL, or its contract, names it")
    parser.add_argument("--date", metavar="D", required=True, help="business date, such as 2026-11-20")
    add_lake_argument(parser)
    parser.add_argument("--full", action="store_true", help="copy everything in scope, whether it changed or not")
    add_source_arguments(parser)
    add_schema_argument(parser)
    add_contracts_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Copy, show how it goes on stderr, and print a summary."""
    from lakehouse.bronze.copy_run import CopyRun
    from lakehouse.daily_run.business_date import check_business_date
    from lakehouse.ledger import run_slug
    from lakehouse.settings import load_settings

    now = datetime.now(UTC)
    settings = load_settings(environment_with_lake(arguments.lake_root, os.environ), for_spark=False)
    today = now.astimezone(ZoneInfo(settings.timezone)).date()
    day = check_business_date(arguments.date, "--date", settings.timezone, today)
    info = source_of(arguments)
    plan = _plan(arguments, info, arguments.contracts or Path(settings.contracts_root))
    spec = replace(plan, everything=arguments.full)
    if not plan.contracted:
        print(
            f"{spec.full_name}: no contract, so all its columns are copied, and it goes to bronze alone",
            file=sys.stderr,
        )
    with shown_progress(spec.full_name, sys.stderr) as progress:
        copy = CopyRun(
            _lake(settings),
            spec,
            day,
            run_slug(f"by_hand_{now:%Y%m%dT%H%M%S}"),
            settings,
            lambda: info,
            lambda: datetime.now(UTC),
            progress,
        )
        row = copy.execute()
    print(summary(row, day))
    return DONE


def summary(row: LedgerRow, day: date) -> str:
    """What a copy did, for a person."""
    detail: Mapping[str, Any] = row.detail
    if row.outcome == "no_snapshot":
        return (
            f"{row.schema}.{row.table} {day}: nothing was copied: a newer date has landed, and the source no longer "
            "knows what the table held on this one"
        )
    lines = [
        f"{row.schema}.{row.table} {day}: {row.outcome}",
        f"  rows     {row.rows_read:,} read, {row.rows_written:,} written; the table has {detail['rows_in_table']:,}",
        f"  files    {detail['files']:,} ({row.bytes_written or 0:,} bytes)",
        f"  slices   {detail['slices_copied']:,} of {detail['slices_checked']:,} had changed and were copied, "
        f"{detail['slices_dropped']:,} are gone",
    ]
    if detail["slices_resumed"]:
        resumed = f"{detail['slices_resumed']:,} further slices that an unfinished copy had brought"
        lines.append(f"  resumed  {resumed} were not read again")
    lines.append(f"  seconds  {row.seconds}")
    if detail["rows_not_yet_due"]:
        lines.append(f"  not due  {detail['rows_not_yet_due']:,} rows dated after {day} were left")
    lines += [f"  drift    {line}" for line in detail["drift"]]
    lines += [f"  note     {line}" for line in detail["notes"]]
    return "\n".join(lines)


def _lake(settings: Settings) -> LakePath:
    if settings.lake_root.startswith("file://"):
        return Path(settings.lake_root.removeprefix("file://"))
    from lakehouse.lake.lake_root import lake_root

    return lake_root(settings)


def _plan(arguments: argparse.Namespace, info: ConnectionInfo, contracts: Path) -> TablePlan:
    from lakehouse.daily_run.planning import plan_tables
    from lakehouse.source.mysql_source import list_tables

    schema = schema_of(arguments, info)
    known = contracts_of_schema(contracts, schema)
    return plan_tables(list_tables(info, schema), known, [arguments.table], "TABLE")[0]


COMMAND = Command(
    words=("copy",),
    summary="copy one table to bronze, outside Airflow",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
