"""Reads what a task's lineage is made of: contracts, and of a copy the index of bronze."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.openlineage.extractors import OperatorLineage

from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from lake_model.contracts.table_governance import governed_table
from lake_model.lake_layout import bronze_root, table_folder
from lakehouse.bronze.manifest import read_visible
from lakehouse.lake.lake_root import lake_root
from lakehouse.lineage.datasets import lake_datasets, source_dataset
from lakehouse.lineage.events import copied_table, gold_table, silver_tables

if TYPE_CHECKING:
    from lakehouse.ledger import LedgerRow
    from lakehouse.settings import Settings
    from lakehouse.source.source_connection import ConnectionInfo


def copy_lineage(settings: Settings, source: ConnectionInfo, row: LedgerRow) -> OperatorLineage[Any, Any] | None:
    """The lineage of a copy that has ended; None where nothing was ever landed.

    Raises:
        ManifestError: the index is damaged.
        StorageError: it cannot be read.
    """
    found = read_visible(table_folder(bronze_root(lake_root(settings)), row.schema, row.table))
    if found is None:
        return None
    bronze = lake_datasets(settings).bronze(row.schema, row.table)
    return copied_table(source_dataset(source, row.schema, row.table), bronze, found[1], row)


def silver_lineage(settings: Settings, schema: str, tables: Sequence[str]) -> OperatorLineage[Any, Any]:
    """The lineage of tables of silver, by their names in the lake.

    Raises:
        ContractError: the contract of one of them is wrong.
    """
    folder = Path(settings.contracts_root) / schema
    contracts = [read_silver_contract(folder, table) for table in tables]
    return silver_tables(contracts, {one: governed_table(folder, one) for one in tables}, lake_datasets(settings))


def gold_lineage(settings: Settings, schema: str, table: str) -> OperatorLineage[Any, Any]:
    """The lineage of a One Big Table.

    Raises:
        ContractError: its contract, or one that it joins, is wrong.
    """
    folder = Path(settings.contracts_root) / schema
    contract = read_one_big_table_contract(folder, table)
    joined = dict.fromkeys((contract.fact, *(join.dimension for join in contract.joins)))
    silver = {name: read_silver_contract(folder, name) for name in joined}
    return gold_table(contract, silver, governed_table(folder, table), lake_datasets(settings))
