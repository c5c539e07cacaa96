"""`compare`: a table's bronze of a date against the Parquet files that another tool copied."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root, contract_folders
from cli.commands.lake_argument import add_lake_argument, chosen_lake
from cli.commands.numbers import positive

_DESCRIPTION = """Holds the Parquet files that Data Factory copied of a table against what the run of a business date
left in bronze: columns, types, rows, keys, sums and values. It shows no value of any row. Exit status 1: it differs."""
_FIRST = 10


@dataclass(frozen=True)
class _Table:
    """A table at the source, with what its contract says of it."""

    schema: str
    name: str
    key: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="as MySQL names it")
    parser.add_argument("day", metavar="DATE", help="business date of the run, such as 2026-11-20")
    parser.add_argument("files", metavar="PARQUET", nargs="+", help="file or folder of the other tool, or its URI")
    parser.add_argument("--schema", metavar="S", help="MySQL schema (default: that of the table's contract)")
    parser.add_argument("--key", metavar="COLUMNS", help="key at the source, with commas (default: the contract's)")
    parser.add_argument("--only-date", action="store_true", help="of a fact: the rows of DATE alone, on both sides")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--rows", type=positive, default=_FIRST, metavar="N", help=f"rows that differ to name, at most ({_FIRST})"
    )
    parser.add_argument(
        "--show-keys", action="store_true", help="name rows by their key, unless the contract says it is confidential"
    )
    parser.add_argument("--memory", default="1GB", metavar="SIZE", help="to use before disk is used (%(default)s)")
    add_contracts_argument(parser)
    add_lake_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print what was found."""
    from lakehouse.settings import setting_value

    from cli.comparison.comparison import How, compare
    from cli.comparison.sides import CompareError, bronze_side, other_side

    try:
        day = dt.date.fromisoformat(arguments.day)
    except ValueError:
        raise CompareError(f"{arguments.day!r} is no date: give one such as 2026-11-20") from None
    conn_id = setting_value("lake_conn_id", os.environ)
    table = _table(chosen_root(arguments), arguments.table, arguments.schema)
    only = day.isoformat() if arguments.only_date else None
    key = tuple(arguments.key.split(",")) if arguments.key else table.key
    with tempfile.TemporaryDirectory(prefix="lakehouse-compare-") as scratch:
        place = Path(scratch)
        here = bronze_side(chosen_lake(arguments.lake_root), table.schema, table.name, day, place, only)
        if only and here.manifest.date_column is None:
            raise CompareError(f"{table.schema}.{table.name} has no date column: leave out --only-date")
        there = other_side(arguments.files, conn_id, place)
        how = How(key, table.hidden, only, arguments.rows, arguments.show_keys, arguments.memory, place)
        found = compare(here, there, how)
    sys.stdout.write(found.to_json() if arguments.json else found.to_text())
    return DONE if found.is_equal else FOUND_WRONG


def _table(root: Path, name: str, schema: str | None) -> _Table:
    """What contracts say of a table; one without a contract needs its schema named."""
    from cli.comparison.sides import CompareError
    from cli.drafting.draft_names import contracted_table
    from lake_model.contracts.contract_files import FILE_ENDING
    from lake_model.contracts.silver_contract import TableKind
    from lake_model.contracts.table_access import OPEN_CLASSIFICATIONS
    from lake_model.contracts.table_contracts import load_contracts, read_silver_contract

    folders = contract_folders(root, schema) if root.is_dir() and any(root.glob(f"*/*{FILE_ENDING}")) else []
    for folder in folders:
        for file in sorted(folder.glob(f"*{FILE_ENDING}")):
            lake_name = file.name.removesuffix(FILE_ENDING)
            if name not in {lake_name, contracted_table(file)} or lake_name not in load_contracts(folder).tables:
                continue
            contract = read_silver_contract(folder, lake_name)
            sources = {column.name: column.source for column in contract.columns}
            key = [sources.get(column) for column in contract.key]
            closed = [one for one in contract.columns if one.classification.lower() not in OPEN_CLASSIFICATIONS]
            # What an expression alone makes confidential may come from any column.
            whole = closed if all(column.source for column in closed) else contract.columns
            hidden = {column.source for column in whole if column.source}
            is_keyed = contract.kind is TableKind.DIMENSION or bool(key)
            known = tuple(one for one in key if one) if is_keyed and all(key) else ()
            return _Table(contract.schema, contract.source_table, known, frozenset(hidden))
    if schema is None:
        raise CompareError(f"{root} has no contract of a table {name}: give its --schema")
    return _Table(schema, name)


COMMAND = Command(
    words=("compare",),
    summary="a table's bronze against the Parquet that Data Factory copied",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
