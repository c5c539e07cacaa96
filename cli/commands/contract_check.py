"""`contract check`: are all contracts valid, and are they true of the live tables?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ContractError, SourceError

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root, contract_folders
from cli.commands.numbers import positive
from cli.commands.source_arguments import add_source_arguments, source_of

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource

    from cli.commands.live_check import Finding
    from lake_model.contracts.table_contracts import ContractSet

_MOST_SECONDS = 60
_DESCRIPTION = """Validates all contracts, then holds each against its live table: missing tables and columns, other
types, NULLs in required columns, keys that rows share (errors), and columns that no contract has (warnings). One line
for each finding: file, field, value, cure."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_contracts_argument(parser)
    parser.add_argument("--schema", metavar="S", help="check the contracts of this MySQL schema alone")
    add_source_arguments(parser)
    parser.add_argument("--offline", action="store_true", help="validate the files alone, and ask no server")
    parser.add_argument("--strict", action="store_true", help="end with status 1 for warnings too")
    parser.add_argument(
        "--seconds", type=positive, default=_MOST_SECONDS, metavar="S", help=f"time for one query ({_MOST_SECONDS})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print every finding on a line of its own, and a summary."""

    valid, errors, warnings = [], 0, 0
    for folder in contract_folders(chosen_root(arguments), arguments.schema):
        problems = _invalid(folder)
        print("\n".join(f"error: {folder.name}/{line}" for line in problems), end="\n" if problems else "")
        errors += len(problems)
        if not problems:
            valid.append(folder)
    if valid and not arguments.offline:
        for finding in _live(valid, arguments):
            print(finding, flush=True)
            errors += finding.is_error
            warnings += not finding.is_error
    where = "valid" if arguments.offline else "true of their tables"
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    print(counted if errors or warnings else f"all contracts are {where}")
    return FOUND_WRONG if errors or (warnings and arguments.strict) else DONE


def _invalid(folder: Path) -> list[str]:
    """What is wrong in the contracts of a folder, one line each."""
    from lakehouse.daily_run.daily_run_file import check_one_big_table, read_daily_run
    from lakehouse.settings import settings_at_parse

    from lake_model.contracts.table_contracts import load_contracts

    choices, problems = read_daily_run(folder, settings_at_parse())
    try:
        contracts = load_contracts(folder)
    except ContractError as error:
        # The first line counts the others.
        return [*(str(error).splitlines()[1:] or [str(error)]), *problems]
    try:
        check_one_big_table(contracts, choices.one_big_table if choices else None)
    except ContractError as error:
        return [str(error)]
    return problems


def _live(folders: list[Path], arguments: argparse.Namespace) -> Iterator[Finding]:
    from lakehouse.source.mysql_source import MySqlSource
    from lakehouse.source.query_time import limit_time

    from lake_model.contracts.table_contracts import load_contracts

    with MySqlSource(source_of(arguments)) as source:
        limit_time(source, arguments.seconds)
        for folder in folders:
            yield from _check_schema(source, folder, load_contracts(folder), arguments.seconds)


def _check_schema(source: MySqlSource, folder: Path, contracts: ContractSet, seconds: int) -> Iterator[Finding]:
    from cli.commands.live_check import Finding, check_columns, check_values, missing_table
    from cli.commands.live_references import check_references
    from cli.drafting.source_description import describe_table
    from lake_model.contracts.contract_files import ContractFile, Problem, read_contract_file

    try:
        tables = {table.name for table in source.tables(contracts.schema)}
    except SourceError as error:
        yield Finding(Problem(contracts.schema, "schema", contracts.schema, f"cannot be read: {error}"))
        return
    read = [read_contract_file(folder / contract.file) for contract in contracts.tables.values()]
    files = {file.file: file for file in read if isinstance(file, ContractFile)}
    known = {file.name: file for file in files.values()}
    for contract in contracts.tables.values():
        label = f"{contracts.schema}/{contract.file}"
        if contract.excluded:
            continue
        if contract.table not in tables:
            yield missing_table(contract, label, tables)
            continue
        try:
            description = describe_table(source, contracts.schema, contract.table)
        except SourceError as error:
            yield Finding(Problem(label, "physicalName", contract.table, str(error)))
            continue
        found = list(check_columns(contract, label, description))
        yield from found
        file = files.get(contract.file)
        # Values of columns that are not there, or mean something else, say nothing.
        if file and not any(finding.is_error for finding in found):
            yield from check_values(source, file, label, description, seconds)
            yield from check_references(source, file, known, tables, label)


COMMAND = Command(
    words=("contract", "check"),
    summary="test all contracts, against the live tables too",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
