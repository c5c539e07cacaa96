"""`contract draft TABLE`, `contract draft --all`: contracts to begin with, from the live tables."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ContractError, SourceError

from cli.commands.command import DONE, NOT_DONE, Command
from cli.commands.numbers import positive
from cli.commands.source_arguments import add_schema_argument, add_source_arguments, schema_of, source_of
from cli.commands.text_files import write_text

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource

    from cli.drafting.contract_text import Draft
    from cli.drafting.source_description import TableDescription

_MOST_ROWS = 100_000
_MOST_SECONDS = 60
_DESCRIPTION = """Reads a table's columns, keys and comments and some of its rows, and writes a contract that passes the
checks, with what it doubts as comments beside each column. It asks the server for rows once, in one bounded SELECT.
Values are shown only where at least five rows hold each, so that none shows one row alone."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", nargs="?", help="table or view, as MySQL names it")
    parser.add_argument("--all", action="store_true", help="draft every table and view that has no contract yet")
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
    parser.add_argument("--no-values", action="store_true", help="write no value of any row into the draft's comments")
    parser.add_argument("--force", action="store_true", help="replace a file that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Draft, check each draft as any contract is checked, and write it."""
    from lakehouse.source.mysql_source import MySqlSource

    if arguments.all == bool(arguments.table):
        raise ContractError("give a TABLE, or --all for every table of the schema")
    if arguments.all and (arguments.kind or arguments.output == "-"):
        raise ContractError("--all drafts many tables: --kind and --output - are for one TABLE alone")
    info = source_of(arguments)
    schema = schema_of(arguments, info)
    with MySqlSource(info) as source:
        tables = [table.name for table in source.tables(schema)]
        if not arguments.all:
            _draft_one(source, schema, arguments.table, tables, arguments)
            return DONE
        return _draft_all(source, schema, tables, arguments)


def _draft_all(source: MySqlSource, schema: str, tables: list[str], arguments: argparse.Namespace) -> int:
    """Draft every table that has no contract yet; one that cannot be drafted keeps no other from it."""
    from cli.drafting.draft_names import contracted_table
    from lake_model.contracts.contract_files import FILE_ENDING

    folder = _folder(arguments.output, schema)
    contracted = {contracted_table(path) for path in folder.glob(f"*{FILE_ENDING}")}
    failed = 0
    for table in tables:
        if table in contracted and not arguments.force:
            print(f"{table}: has a contract in {folder}, which was left as it is", flush=True)
            continue
        try:
            _draft_one(source, schema, table, tables, arguments)
        except (ContractError, SourceError) as error:
            failed += 1
            print(f"error: {table}: {error}", file=sys.stderr, flush=True)
    return NOT_DONE if failed else DONE


def _draft_one(source: MySqlSource, schema: str, asked: str, tables: list[str], arguments: argparse.Namespace) -> None:
    from cli.drafting.contract_text import contract_text
    from cli.drafting.draft_names import draft_name
    from cli.drafting.source_description import describe_table

    table = describe_table(source, schema, asked)
    folder = _folder(arguments.output, schema)
    name = draft_name(folder, schema, table.table, tables)
    path = folder / f"{name}.odcs.yaml"
    if arguments.output != "-" and path.exists() and not arguments.force:
        raise ContractError(f"{path} is there already, and was left as it is: give --force to replace it")
    draft = _draft(source, table, name, path, arguments)
    text = contract_text(draft)
    _check(text, name)
    if arguments.output == "-":
        sys.stdout.write(text)
        return
    write_text(path, text)
    print(f"{path}: drafted as a {draft.guesses.kind} from {draft.sampled}")
    print(
        f"{text.count('# ?')} doubts and guesses are marked with # ?: settle them, then run contract check", flush=True
    )


def _draft(source: MySqlSource, table: TableDescription, name: str, path: Path, arguments: argparse.Namespace) -> Draft:
    from cli.drafting.candidate_keys import candidate_keys
    from cli.drafting.contract_text import Draft
    from cli.drafting.doubts import transform_of
    from cli.drafting.draft_names import confidential_columns
    from cli.drafting.guesses import guess
    from cli.drafting.table_profile import profile_columns, repeated_rows
    from cli.drafting.table_sample import sample_table

    sample = sample_table(source, table, arguments.rows, arguments.seconds)
    profiles = profile_columns(sample)
    keys = candidate_keys(sample.rows, profiles)
    guesses = guess(table, profiles, keys, sample.is_whole, arguments.kind)
    trimmed = [one.name for one in table.columns if transform_of(one, profiles[one.name], one.name in guesses.key)]
    hidden = (column.name for column in table.columns) if arguments.no_values else confidential_columns(path)
    return Draft(
        name=name,
        table=table,
        profiles=profiles,
        guesses=guesses,
        sampled=sample.says,
        is_whole=sample.is_whole,
        repeated=repeated_rows(sample),
        repeated_when_trimmed=repeated_rows(sample, trimmed),
        today=datetime.now(UTC).date(),
        confidential=frozenset(hidden),
    )


def _folder(output: str | None, schema: str) -> Path:
    from cli.commands.contract_folders import contracts_root

    return contracts_root(os.environ) / schema if output in {None, "-"} else Path(output)


def _check(text: str, name: str) -> None:
    """Raises ContractError where the draft would not pass the checks: better no file than one that stops the DAG."""
    from lake_model.contracts.table_contracts import load_contracts

    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "drafted"
        folder.mkdir()
        (folder / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")
        load_contracts(folder)


COMMAND = Command(
    words=("contract", "draft"),
    summary="write a contract to begin with, from a live table",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
