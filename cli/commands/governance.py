"""`governance`: Unity Catalog SQL of what contracts say of who reads what."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ContractError

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root
from cli.commands.text_files import write_text

if TYPE_CHECKING:
    from lake_model.contracts.table_governance import GovernedTable

_DESCRIPTION = """Makes the SQL of grants, row filters, column masks, tags and comments of all contracts' tables.
With --diff it prints what leads from an earlier file to the contracts, which takes back what they no longer say; exit
status 1: there is something."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalog", metavar="C", help="the catalog (default: the setting catalog)")
    parser.add_argument(
        "--jobs-principal", metavar="ID", required=True, help="application id of the jobs' identity: it sees everything"
    )
    parser.add_argument(
        "--unrestricted", metavar="GROUP", action="append", default=[], help="a group that sees everything, too"
    )
    parser.add_argument(
        "--reads-all", metavar="GROUP", action="append", default=[], help="a group that sees all rows of each table"
    )
    parser.add_argument("--functions", metavar="SCHEMA", default="operations", help="of the functions (%(default)s)")
    parser.add_argument("--tables", metavar="T,…", help="these alone, such as gold.sales_obt: others are not there yet")
    add_contracts_argument(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the file (default: standard output)")
    parser.add_argument(
        "--dry-run", action="store_true", help="with --output: print what would change in it, and no more"
    )
    parser.add_argument("--diff", type=Path, metavar="FILE", help="print what leads from this file to the contracts")
    parser.add_argument(
        "--terraform",
        type=Path,
        metavar="FILE",
        help="leave grants, filters and masks to Terraform, which reads this file",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print or write the statements, or what has changed in them."""
    from lakehouse.settings import setting_value

    from cli.governance.predicates import Exempt
    from cli.governance.statements import Place, changes, file_text, for_terraform, read_file, statements
    from lake_model.contracts.table_governance import governed_tables

    catalog = arguments.catalog or setting_value("catalog", os.environ)
    if not catalog:
        raise ContractError("no catalog is known: give --catalog, or set LAKEHOUSE_CATALOG")
    root = chosen_root(arguments)
    tables = _chosen(governed_tables(root), arguments.tables)
    tables = [_with_readers(table, arguments.reads_all) for table in tables]
    exempt = Exempt((arguments.jobs_principal,), tuple(arguments.unrestricted))
    place = Place(catalog, exempt, arguments.functions)
    made = statements(tables, place, bound=arguments.terraform is None)
    if arguments.diff is not None or arguments.dry_run:
        earlier = arguments.diff or arguments.output
        if earlier is None:
            raise ContractError("--dry-run needs the file of --output, or --diff FILE")
        todo = changes(read_file(_content(earlier, must_be=arguments.diff is not None)), made)
        sys.stdout.write("".join(f"{one};\n" for one in todo))
        return FOUND_WRONG if todo else DONE
    if arguments.terraform is not None:
        write_text(arguments.terraform, for_terraform(tables))
    if arguments.output is None:
        sys.stdout.write(file_text(made))
    else:
        write_text(arguments.output, file_text(made))
        print(f"{arguments.output}: {len(made)} statements for {len(tables)} tables")
    return DONE


def _chosen(tables: tuple[GovernedTable, ...], names: str | None) -> list[GovernedTable]:
    wanted = {name.strip() for name in names.split(",")} if names else {table.label for table in tables}
    unknown = sorted(wanted - {table.label for table in tables})
    if unknown:
        known = ", ".join(table.label for table in tables)
        raise ContractError(f"--tables: no contract is of {unknown[0]}; there are {known}")
    return [table for table in tables if table.label in wanted]


def _with_readers(table: GovernedTable, groups: list[str]) -> GovernedTable:
    """The table with groups that see all its rows, and no classified column by that."""
    from lake_model.contracts.table_access import RoleRule

    new = [group for group in groups if group.lower() not in {role.role for role in table.roles}]
    if not table.roles or not new:
        return table
    rules = tuple(RoleRule(group.lower()) for group in new)
    return dataclasses.replace(table, roles=(*table.roles, *rules), groups=(*table.groups, *new))


def _content(file: Path, *, must_be: bool) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not must_be:
            return ""
        raise ContractError(f"{file} is not there: give the file that was run last") from None
    except (OSError, UnicodeDecodeError):
        raise ContractError(f"{file} cannot be read as text") from None


COMMAND = Command(
    words=("governance",),
    summary="Unity Catalog SQL of who may read what",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
