"""The columns of one contract, and how a problem with one of them is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake_model.contracts.contract_files import ContractFile, Problem, custom_properties
from lake_model.contracts.lake_types import lake_type

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty


def problem(file: ContractFile, field: str, value: object, cure: str) -> Problem:
    """A problem with a field of the contract's one table."""
    return Problem(file.file, f"schema[{file.name}].{field}", value, cure)


def column_field(column: SchemaProperty, field: str) -> str:
    """The name of a column's field, below the table."""
    return f"properties[{column.name}].{field}"


def unknown_column(file: ContractFile, field: str, name: object) -> Problem:
    """The problem with a name that no column has."""
    return problem(file, field, name, f"is no column of this contract; it has {', '.join(lake_columns(file))}")


def lake_columns(file: ContractFile) -> dict[str, SchemaProperty]:
    """The columns by their names in the lake."""
    return {column.name: column for column in file.table.properties or () if column.name}


def source_columns(file: ContractFile) -> dict[str, SchemaProperty]:
    """The columns that stand in MySQL, by their names there."""
    columns = lake_columns(file).values()
    return {
        c.physicalName or c.name or "": c for c in columns if not custom_properties(c.customProperties).get("derived")
    }


def key_columns(file: ContractFile) -> list[SchemaProperty]:
    """The columns of the primary key, in its order."""
    keyed = [
        (column.primaryKeyPosition or place, column.name or "", column)
        for place, column in enumerate(file.table.properties or (), 1)
        if column.primaryKey
    ]
    return [column for *_, column in sorted(keyed, key=lambda entry: entry[:2])]


def date_column(file: ContractFile) -> SchemaProperty | None:
    """The lake column that a fact is kept by: the first of type date that comes from the source's date column."""
    source = file.settings.get("dateColumn")
    for column in lake_columns(file).values():
        derived = custom_properties(column.customProperties).get("derived")
        if not derived and (column.physicalName or column.name) == source and lake_type(column) == "date":
            return column
    return None
