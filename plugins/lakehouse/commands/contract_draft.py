"""`contract draft TABLE`: a contract to begin with, from the live table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.commands.command import DONE, Command
from lakehouse.commands.numbers import positive
from lakehouse.commands.source_arguments import add_schema_argument, add_source_arguments, schema_of, source_of
from lakehouse.errors import ContractError

if TYPE_CHECKING:
    from lakehouse.drafting.contract_text import Draft
    from lakehouse.drafting.source_description import TableDescription

_MOST_ROWS = 100_000
_MOST_SECONDS = 60
_DESCRIPTION = """Reads a table's columns, keys and comments and some of its rows, and writes a contract that passes the
checks, with what it doubts as comments beside each column. It asks the server for rows once, in one bounded SELECT."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="table or view, as MySQL names it")
    add_source_arguments(parser)
    add_schema_argument(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder for the file, or - for standard output (default: the schema's folder below contracts_root)",
    )
    parser.add_argument("--kind", choices=["dimension", "fact"], help="what the table is, where the guess is wrong")
    parser.add_argument(
        "--rows", type=positive, default=_MOST_ROWS, metavar="N", help=f"rows to look at, at most ({_MOST_ROWS:,})"
    )
    parser.add_argument(
        "--seconds", type=positive, default=_MOST_SECONDS, metavar="S", help=f"time to read, at most ({_MOST_SECONDS})"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Draft, check the draft as any contract is checked, and write it."""
    from lakehouse.drafting.contract_text import contract_text

    draft = _draft(arguments)
    text = contract_text(draft)
    _check(text, draft.name)
    if arguments.output == "-":
        sys.stdout.write(text)
        return DONE
    path = _folder(arguments.output, draft.table.schema) / f"{draft.name}.odcs.yaml"
    _write(path, text, arguments.force)
    print(f"{path}: drafted as a {draft.guesses.kind} from {draft.sampled}")
    print(f"{text.count('# ?')} doubts and guesses are marked with # ?: settle them, then run contract check")
    return DONE


def _draft(arguments: argparse.Namespace) -> Draft:
    from lakehouse.drafting.candidate_keys import candidate_keys
    from lakehouse.drafting.contract_text import Draft
    from lakehouse.drafting.guesses import guess
    from lakehouse.drafting.source_description import describe_table
    from lakehouse.drafting.table_profile import profile_columns, repeated_rows
    from lakehouse.drafting.table_sample import sample_table
    from lakehouse.source.mysql_source import MySqlSource

    info = source_of(arguments)
    with MySqlSource(info) as source:
        table = describe_table(source, schema_of(arguments, info), arguments.table)
        sample = sample_table(source, table, arguments.rows, arguments.seconds)
    profiles = profile_columns(sample)
    keys = candidate_keys(sample.rows, profiles)
    return Draft(
        name=_name(arguments.output, table),
        table=table,
        profiles=profiles,
        guesses=guess(table, profiles, keys, sample.is_whole, arguments.kind),
        sampled=sample.says,
        is_whole=sample.is_whole,
        repeated=repeated_rows(sample),
        today=datetime.now(UTC).date(),
    )


def _name(output: str | None, table: TableDescription) -> str:
    """The table's name in the lake; with the schema before it where another schema has a contract of that name."""
    from lake_model.contracts.lake_names import contracts_of_others, prefixed
    from lakehouse.drafting.contract_text import lake_name

    name = lake_name(table.table)
    folder = _folder(output, table.schema)
    return prefixed(lake_name(table.schema), name) if contracts_of_others(folder, name) else name


def _folder(output: str | None, schema: str) -> Path:
    from lakehouse.commands.contract_folders import contracts_root

    return contracts_root(os.environ) / schema if output in {None, "-"} else Path(output)


def _check(text: str, name: str) -> None:
    """Raises ContractError where the draft would not pass the checks: better no file than one that stops the DAG."""
    from lake_model.contracts.table_contracts import load_contracts

    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "drafted"
        folder.mkdir()
        (folder / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")
        load_contracts(folder)


def _write(path: Path, text: str, force: bool) -> None:
    from lakehouse.lake.lake_path import publish

    if path.exists() and not force:
        raise ContractError(f"{path} is there already, and was left as it is: give --force to replace it")
    publish(path, text.encode())


COMMAND = Command(
    words=("contract", "draft"),
    summary="write a contract to begin with, from a live table",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
