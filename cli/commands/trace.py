"""`trace`: where the rows of a date of a One Big Table come from."""

from __future__ import annotations

import argparse
import datetime as dt

from lakehouse.errors import LakehouseError

from cli.commands.command import DONE, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root, contract_folders
from cli.commands.lake_argument import add_lake_argument, chosen_tables


class TraceError(LakehouseError):
    """What is to be traced is no table or no date."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_lake_argument(parser)
    add_contracts_argument(parser)
    parser.add_argument("table", metavar="TABLE", help="a One Big Table, such as sales_obt or gold.sales_obt")
    parser.add_argument("day", metavar="DATE", help="the date of the rows, such as 2026-11-20")


def run(arguments: argparse.Namespace) -> int:
    """Print the way of a date's rows."""
    from lakehouse.trace import trace_date

    from lake_model.contracts.contract_files import FILE_ENDING

    try:
        day = dt.date.fromisoformat(arguments.day)
    except ValueError:
        raise TraceError(f"{arguments.day!r} is no date: give one such as 2026-11-20") from None
    table = arguments.table.removeprefix("gold.")
    root = chosen_root(arguments)
    folders = [folder for folder in contract_folders(root) if (folder / f"{table}{FILE_ENDING}").is_file()]
    if not folders:
        raise TraceError(f"{root} has no contract of a table {table}: name a One Big Table, such as sales_obt")
    found = trace_date(chosen_tables(arguments.lake_root), folders[0], table, day)
    for step in found.steps:
        print(step.layer)
        for fact in step.facts:
            print(f"  {fact.name:<30} {fact.text}")
    for note in found.notes:
        print(f"note: {note}")
    return DONE


COMMAND = Command(
    words=("trace",),
    summary="where the rows of a date of gold come from",
    description="Shows the way of a date's rows back: gold, silver, bronze files, runs, contract, source.",
    add_arguments=_add_arguments,
    run=run,
)
