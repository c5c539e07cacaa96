"""`powerbi`: a Power BI project of a One Big Table, from its contract."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lakehouse.errors import LakehouseError

from cli.commands.command import DONE, Command
from cli.commands.contract_folders import contracts_root

MODES = ("directQuery", "import")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="the One Big Table, such as sales_obt")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the project goes; made if it is not there")
    parser.add_argument("--server", default="SERVER", help="of the SQL warehouse, such as adb-1.2.azuredatabricks.net")
    parser.add_argument("--http-path", default="HTTP_PATH", help="of the SQL warehouse: /sql/1.0/warehouses/…")
    parser.add_argument("--catalog", help="Unity Catalog's catalog (default: the setting catalog, else lakehouse)")
    parser.add_argument("--schema", default="gold", help="where the table is (default %(default)s)")
    parser.add_argument(
        "--mode", choices=MODES, default=MODES[0], help="ask Databricks each time, or keep a copy (default %(default)s)"
    )


def run_powerbi(arguments: argparse.Namespace) -> int:
    """Write the project."""
    from lakehouse.settings import setting_value

    from cli.powerbi.names import Model
    from cli.powerbi.project import project_files, write_project
    from lake_model.contracts.kpi_contract import read_kpi_contracts

    declared = {one.table: one for one in read_kpi_contracts(contracts_root(os.environ))}
    if arguments.table not in declared:
        known = ", ".join(declared) or "none"
        raise LakehouseError(f"no contract declares kpis and hierarchies of {arguments.table}; there are: {known}")
    place = {
        "Server": arguments.server,
        "HTTP path": arguments.http_path,
        "Catalog": arguments.catalog or setting_value("catalog", os.environ) or "lakehouse",
        "Schema": arguments.schema,
    }
    files = project_files(Model(declared[arguments.table], arguments.mode), place)
    changed = write_project(arguments.folder, files)
    print(f"{arguments.folder / arguments.table}.pbip: {len(files)} files, {len(changed)} changed")
    return DONE


COMMAND = Command(
    words=("powerbi",),
    summary="write a Power BI project of a One Big Table",
    description="Writes a Power BI project with the measures, hierarchies and roles of a One Big Table's contract.",
    add_arguments=_add_arguments,
    run=run_powerbi,
)
