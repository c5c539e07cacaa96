"""The one place that knows what a table is called and where it lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableNames:
    """Names of the lake's tables for Spark SQL.

    With a catalog a table is ``catalog.layer.table``. Without one it is an external Delta table named by its folder,
    so that two lakes, or two sessions with an in-memory metastore, can never mistake one table for another. The source
    schema is no part of a name: no two schemas may have a contract of one name, which the contracts' readers see to.
    """

    lake_root: str
    catalog: str | None = None

    def silver(self, table: str) -> str:
        """The cleaned table: a fact, or a dimension's versions."""
        return self._name("silver", table)

    def quarantine(self, table: str) -> str:
        """The rows of a table that silver refused, with their reasons."""
        return self._name("silver", f"{table}_quarantine")

    def progress(self, table: str) -> str:
        """What silver has processed of a table."""
        return self._name("silver", f"{table}_progress")

    def quality_metrics(self) -> str:
        """What each run found of each rule, for all tables."""
        return self._name("silver", "quality_metrics")

    def gold(self, table: str) -> str:
        """A One Big Table."""
        return self._name("gold", table)

    def _name(self, layer: str, table: str) -> str:
        if self.catalog:
            return f"`{self.catalog}`.`{layer}`.`{table}`"
        return f"delta.`{self.lake_root}/{layer}/{table}`"
