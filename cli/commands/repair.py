"""`repair TABLE`: makes the pointer of a table's bronze again from its manifests."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lakehouse.errors import ManifestError

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.lake_argument import add_lake_argument, chosen_lake

if TYPE_CHECKING:
    from lakehouse.lake.lake_path import LakePath

_DESCRIPTION = """Makes a damaged or lost _latest.json of a table again from the table's manifests, and reads every file
that the index names. A file that is lost is copied again by the next copy of the newest date; one that has other bytes
than were written too, once it is removed."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="as MySQL names it")
    parser.add_argument("--schema", metavar="S", help="its MySQL schema (needed where bronze has several of the name)")
    add_lake_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Repair, and print what was done; damaged files are reported, and make the end `FOUND_WRONG`."""
    from lakehouse.bronze.index_repair import repair_index

    from lake_model.lake_layout import bronze_root, table_folder

    root = bronze_root(chosen_lake(arguments.lake_root))
    schema = arguments.schema or _only_schema(root, arguments.table)
    repair = repair_index(table_folder(root, schema, arguments.table))
    for line in repair.done:
        print(line)
    for line in repair.damaged:
        print(f"damaged: {line}")
    return FOUND_WRONG if repair.damaged else DONE


def _only_schema(root: LakePath, table: str) -> str:
    from lakehouse.lake.lake_path import folders_in

    from lake_model.lake_layout import folder_of_name, name_of_folder

    schemas = [name_of_folder(one) for one in folders_in(root) if folder_of_name(table) in folders_in(root / one)]
    if not schemas:
        raise ManifestError(f"{root}: no schema there has a table {table}: see its name and --lake-root")
    if len(schemas) > 1:
        raise ManifestError(f"{root}: {' and '.join(schemas)} have a table {table}: give --schema")
    return schemas[0]


COMMAND = Command(
    words=("repair",),
    summary="make the pointer of a table's bronze again, and check its files",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
