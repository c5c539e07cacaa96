"""Which MySQL server and schema a command reads."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import SourceError

from cli.commands.mysql_address import find_connection

if TYPE_CHECKING:
    from lakehouse.source.source_connection import ConnectionInfo

    from lake_model.contracts.table_contracts import ContractSet


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--mysql` and `--connection`."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--mysql",
        metavar="URL",
        help="the server: mysql://user:password@host:3306/schema; other users of the machine can see it in the list of"
        " processes, so rather set AIRFLOW_CONN_<ID> to it",
    )
    where.add_argument(
        "--connection",
        metavar="ID",
        help="connection of the server, from the environment (AIRFLOW_CONN_<ID>) or Airflow"
        " (default: the setting mysql_conn_id)",
    )


def add_schema_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--schema`."""
    parser.add_argument("--schema", metavar="S", help="MySQL schema of the table (default: the connection's)")


def source_of(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> ConnectionInfo:
    """The connection that the arguments, or else the environment, name.

    Raises:
        SourceError: there is none, or it cannot be used.
        SettingError: the setting `mysql_conn_id` cannot be used.
    """
    from lakehouse.settings import setting_value

    environ = os.environ if environ is None else environ
    return find_connection(arguments.mysql, arguments.connection or setting_value("mysql_conn_id", environ), environ)


def schema_of(arguments: argparse.Namespace, info: ConnectionInfo) -> str:
    """The schema that the arguments name, or else the connection.

    Raises:
        SourceError: neither names one.
    """
    schema: str | None = arguments.schema or info.database
    if not schema:
        raise SourceError(f"{info.label} names no schema: give --schema, or end its URL in /schema")
    return schema


def contracts_of_schema(root: Path, schema: str) -> ContractSet:
    """The schema's contracts below the root; an empty set where it has no folder or no contract yet.

    Raises:
        ContractError: contracts are wrong; the message lists every problem.
    """
    from lake_model.contracts.contract_files import FILE_ENDING
    from lake_model.contracts.table_contracts import ContractSet, load_contracts

    if not any((root / schema).glob(f"*{FILE_ENDING}")):
        return ContractSet(schema, {}, {})
    return load_contracts(root / schema)
