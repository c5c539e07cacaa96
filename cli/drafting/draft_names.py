"""Which name in the lake, and so which file, the draft of a table gets: never that of another table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.drafting.contract_text import lake_name
from lake_model.contracts.contract_files import FILE_ENDING
from lake_model.contracts.lake_names import contracts_of_others, prefixed


def draft_name(folder: Path, schema: str, table: str, tables: Iterable[str]) -> str:
    """The table's name in the lake.

    Of tables that would share one (`Sales` and `sales`) the one that is called so keeps it, and the others, by name,
    get a number. A name that another schema's contract has gets the schema before it, and one that a contract in the
    folder has for another table a number too.

    Args:
        folder: the schema's folder of contracts, which need not be there yet.
        schema: the MySQL schema.
        table: the table's name in MySQL.
        tables: the names of all tables of the schema.
    """
    name = lake_name(table)
    sharing = sorted((one for one in tables if lake_name(one) == name), key=lambda one: (one != name, one))
    number = sharing.index(table) + 1 if table in sharing else 1
    if contracts_of_others(folder, name):
        name = prefixed(lake_name(schema), name)
    while True:
        made = name if number == 1 else f"{name}_{number}"
        if contracted_table(folder / f"{made}{FILE_ENDING}") in {None, table}:
            return made
        number += 1


def contracted_table(path: Path) -> str | None:
    """The table in MySQL that a contract is of; None where there is no contract, or none that says so."""
    table = _schema_object(path)
    return (table.get("physicalName") or table.get("name")) if table else None


def confidential_columns(path: Path) -> frozenset[str]:
    """Columns in MySQL that the contract there classifies as anything but `public` or `internal`."""
    table = _schema_object(path)
    columns = (table or {}).get("properties") or []
    return frozenset(
        str(column.get("physicalName") or column.get("name"))
        for column in columns
        if isinstance(column, dict) and column.get("classification") not in {None, "public", "internal"}
    )


def _schema_object(path: Path) -> dict[str, Any] | None:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["schema"][0]
    # Whatever keeps it from being read is for the check to say; here it only names no table.
    except (OSError, ValueError, yaml.YAMLError, KeyError, IndexError, TypeError):
        return None
    return found if isinstance(found, dict) else None
