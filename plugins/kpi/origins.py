"""What a One Big Table is made of: its own contract, and those of its fact and dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lake_model.contracts.silver_contract import Join, OneBigTableContract, SilverContract, WideColumn
from lake_model.contracts.sql_expressions import ColumnReference, columns_of
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract


@dataclass(frozen=True)
class Origins:
    """A One Big Table's contract, with those of the tables that it joins by name."""

    wide: OneBigTableContract
    silver: Mapping[str, SilverContract]

    @property
    def fact(self) -> SilverContract:
        """Of the table whose rows it has."""
        return self.silver[self.wide.fact]

    def wide_column(self, name: str) -> WideColumn:
        """A column of the One Big Table."""
        return next(one for one in self.wide.columns if one.name == name)

    def joins_of(self, column: WideColumn) -> list[Join]:
        """The dimensions that a column's value comes from."""
        used = {reference.table for reference in columns_of(column.expression)}
        return [join for join in self.wide.joins if join.dimension in used]

    def dimension_column(self, column: WideColumn) -> tuple[str, str] | None:
        """The dimension and its column whose value a column has unchanged; None where it is made otherwise."""
        used = columns_of(column.expression)
        if len(used) != 1 or used[0].table not in {join.dimension for join in self.wide.joins}:
            return None
        plain = column.expression.replace("`", "").replace(" ", "") == f"{used[0].table}.{used[0].column}"
        return (used[0].table, used[0].column) if plain else None

    def fact_columns_behind(self, column: WideColumn) -> set[str]:
        """The fact's columns that a value depends on; what is wrong with one of them makes the value doubtful."""
        used = {reference.column for reference in columns_of(column.expression) if self.is_of_fact(reference)}
        used |= {left for join in self.joins_of(column) for left, _ in join.on}
        sources = {one.name: self._sources(one.name) for one in self.fact.columns}
        return used | {
            name for name, made_of in sources.items() if any(made_of & sources.get(one, set()) for one in used)
        }

    def is_of_fact(self, reference: ColumnReference) -> bool:
        """Whether a column that an expression of the One Big Table names is the fact's."""
        return reference.table in {"", self.wide.fact}

    def _sources(self, name: str) -> set[str]:
        found = next(one for one in self.fact.columns if one.name == name)
        return {reference.column.lower() for reference in columns_of(found.expression)}


def read_origins(folder: Path, table: str) -> Origins:
    """What a One Big Table of a schema's contracts is made of.

    Raises:
        ContractError: one of the contracts is missing or wrong.
    """
    wide = read_one_big_table_contract(folder, table)
    names = (wide.fact, *(join.dimension for join in wide.joins))
    return Origins(wide, {name: read_silver_contract(folder, name) for name in names})
