"""Finds what is made beside a One Big Table: each module of the package `companions` is a kind of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol, cast

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import OneBigTableContract
from medallion.gold import companions as package
from medallion.lake.table_names import TableNames


class Companion(Protocol):
    """What such a module has."""

    def refresh(
        self, spark: SparkSession, names: TableNames, contract: OneBigTableContract, *, mode: str
    ) -> Mapping[str, Any]:
        """Brings what its contract declares of this kind up to the One Big Table, which is refreshed before.

        What it must hold of the figures it checks itself: `reconcile` compares tables of silver and gold alone.

        Args:
            mode: what became of the One Big Table: `full`, `incremental` or `unchanged`.

        Returns:
            What the ledger's row says of it; nothing where nothing is declared.
        """
        ...


def companions() -> tuple[Companion, ...]:
    """All kinds, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(cast("Companion", importlib.import_module(f"{package.__name__}.{name}")) for name in names)
