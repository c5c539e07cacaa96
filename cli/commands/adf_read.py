"""`adf read`: what takes the place of an exported factory of Azure Data Factory."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ContractError

from cli.commands import contract_draft
from cli.commands.command import DONE, NOT_DONE, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root
from cli.commands.source_arguments import add_source_arguments
from cli.commands.text_files import write_text

if TYPE_CHECKING:
    from cli.adf.translation import SchemaPlan

_DESCRIPTION = """Reads a factory's export (the folder of its Git, or an ARM template) and writes, for each MySQL
schema that it copies, the schedule of its DAG beside its contracts; with a connection it drafts the contracts too. It
prints a page in Markdown: commands, connections to make, and all that it found no place for. No secret is copied."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", metavar="EXPORT", type=Path, help="folder of the factory, or an ARM template's file")
    add_contracts_argument(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the page goes (default: standard output)")
    parser.add_argument("--force", action="store_true", help="replace a daily_run.toml, and contracts that are there")
    parser.add_argument("--dry-run", action="store_true", help="print the page, and write no other file")
    add_source_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the export, write each schema's file, draft where a connection is given, and show the page."""
    from cli.adf.export_files import read_export
    from cli.adf.report import report_text
    from cli.adf.translation import translated

    translation = translated(read_export(arguments.export))
    root = chosen_root(arguments)
    page = report_text(translation)
    if arguments.report is None:
        sys.stdout.write(page)
    else:
        write_text(arguments.report, page)
        print(f"{arguments.report}: written", file=sys.stderr)
    if arguments.dry_run:
        return DONE
    status = DONE
    for plan in translation.schemas:
        _write_choices(root / _folder_name(plan.schema), plan, force=arguments.force)
        if arguments.mysql or arguments.connection:
            status = max(status, _draft(root / plan.schema, plan, arguments))
    return status


def _folder_name(schema: str) -> str:
    if schema in {".", ".."} or "/" in schema or "\\" in schema or "\0" in schema:
        raise ContractError(f"the export names a schema {schema!r}, which can be no folder: nothing was written for it")
    return schema


def _write_choices(folder: Path, plan: SchemaPlan, *, force: bool) -> None:
    from lakehouse.daily_run.daily_run_file import FILE

    from cli.adf.report import daily_run_text

    file = folder / FILE
    if file.exists() and not force:
        print(f"{file}: is there already, and was left as it is: give --force to replace it", file=sys.stderr)
        return
    write_text(file, daily_run_text(plan))
    print(f"{file}: written", file=sys.stderr)


def _draft(folder: Path, plan: SchemaPlan, arguments: argparse.Namespace) -> int:
    """Draft by `contract draft`, as its commands on the page would."""
    from lakehouse.errors import SourceError

    from cli.adf.report import draft_commands

    parser = argparse.ArgumentParser()
    contract_draft.COMMAND.add_arguments(parser)
    given = ["--output", str(folder)]
    given += ["--mysql", arguments.mysql] if arguments.mysql else ["--connection", arguments.connection]
    given += ["--force"] if arguments.force else []
    status = DONE
    for command in draft_commands(plan):
        try:
            status = max(status, contract_draft.run(parser.parse_args([*shlex.split(command)[2:], *given])))
        except (ContractError, SourceError) as error:
            status = NOT_DONE
            print(f"error: {error}", file=sys.stderr)
    return status


COMMAND = Command(
    words=("adf", "read"),
    summary="what takes the place of an exported data factory",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
