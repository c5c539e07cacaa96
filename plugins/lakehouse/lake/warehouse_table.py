"""A Delta table as a Databricks SQL warehouse reads it: the other way to tables, where they lie in a catalog."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lake_model.changed_rows import ChangedRows, changed_between
from lakehouse.errors import NoSuchTableError, OvertakenError
from lakehouse.lake.lake_path import LakePath, folders_in
from lakehouse.lake.tables import DeltaState, Lake

if TYPE_CHECKING:
    import pyarrow as pa

Ask = Callable[[str], "pa.RecordBatchReader"]
"""Gives the answer of a statement."""

# As Delta's own schema names them.
_TYPES = {"bigint": "long", "int": "integer", "smallint": "short", "tinyint": "byte"}
# What they write are the rows that there were.
_WITHOUT_CHANGE = {"OPTIMIZE", "VACUUM START", "VACUUM END"}
# Others may change more than rows.
_OF_ROWS = {"WRITE", "MERGE", "DELETE", "UPDATE"}


def warehouse_lake(root: LakePath, ask: Ask, catalog: str, spark_root: str) -> Lake:
    """A lake whose silver and gold a SQL warehouse reads; its ledger and its copies lie in its folders as ever.

    Args:
        root: of the folders.
        ask: of the warehouse.
        catalog: Unity Catalog's; empty where the tables are found by their folders.
        spark_root: the lake as Databricks sees it.
    """

    def table(layer: str, name: str) -> DeltaState | None:
        if catalog:
            return warehouse_table(ask, catalog_name(catalog, layer, name))
        return warehouse_table(ask, f"delta.{catalog_name(f'{spark_root}/{layer}/{name}')}")

    def names(layer: str) -> list[str]:
        if not catalog:
            return folders_in(root / layer)
        schema = catalog_name(catalog, layer)
        try:
            tables, views = (ask(f"SHOW {kind} IN {schema}").read_all().to_pylist() for kind in ("TABLES", "VIEWS"))
        except NoSuchTableError:
            return []
        # Views stand among the tables.
        return sorted({row["tableName"] for row in tables} - {row["viewName"] for row in views})

    return Lake(root, table, names)


class WarehouseTable:
    """A Delta table at one version.

    It is read as it is, and asked afterwards whether that was the version: a table under the catalog's row filters and
    column masks cannot be read at a version.
    """

    def __init__(self, ask: Ask, name: str, table_id: str, commit: dict[str, Any]) -> None:
        self.id = table_id
        self.version = int(commit["version"])
        self.committed_at: dt.datetime = commit["timestamp"].astimezone(dt.UTC)
        self._ask = ask
        self._name = name

    @functools.cached_property
    def types(self) -> dict[str, str]:
        """See ``tables.DeltaState``."""
        found: dict[str, str] = {}
        for row in self._ask(f"DESCRIBE TABLE {self._name}").read_all().to_pylist():
            # What follows the columns is said of partitions and clustering.
            if not row["col_name"] or row["col_name"].startswith("#"):
                break
            found[row["col_name"]] = _TYPES.get(row["data_type"], row["data_type"])
        return found

    def commits(self, most: int) -> list[dict[str, Any]]:
        """See ``tables.DeltaState``."""
        return [
            {**row, "timestamp": row["timestamp"].timestamp() * 1000}
            for row in _history(self._ask, self._name, most)
            if row["version"] <= self.version
        ]

    def changed_since(self, version: int) -> ChangedRows | None:
        """See ``tables.DeltaState``."""
        # Some more, since others may have been written meanwhile.
        newest = _history(self._ask, self._name, max(self.version - version, 0) + 5)
        commits = {one["version"]: one for one in newest}

        def of_commit(number: int) -> ChangedRows | None:
            commit = commits.get(number, {})
            if commit.get("operation") in _WITHOUT_CHANGE:
                return ChangedRows()
            return ChangedRows.of_commit(commit["userMetadata"]) if commit.get("operation") in _OF_ROWS else None

        return changed_between(version, self.version, of_commit)

    def batches(self, sql: str) -> Any:
        """See ``tables.DeltaState``.

        Raises:
            OvertakenError: at the end, where the table was written meanwhile.
        """
        import pyarrow as pa

        answer = self._ask(_over(sql, self._name))

        def checked() -> Iterator[pa.RecordBatch]:
            yield from answer
            newest = _history(self._ask, self._name, 1)[0]["version"]
            if newest != self.version:
                raise OvertakenError(
                    f"{self._name} was written while it was read (version {newest}, begun at {self.version}): "
                    "it is read again"
                )

        return pa.RecordBatchReader.from_batches(answer.schema, checked())


def warehouse_table(ask: Ask, name: str) -> WarehouseTable | None:
    """The newest version of a table; None where there is none yet.

    Args:
        ask: of the warehouse.
        name: as SQL has it.

    Raises:
        StorageError: the warehouse refuses to answer.
    """
    try:
        (detail,) = ask(f"DESCRIBE DETAIL {name}").read_all().to_pylist()
    except NoSuchTableError:
        return None
    return WarehouseTable(ask, name, detail["id"], _history(ask, name, 1)[0])


def _history(ask: Ask, name: str, most: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(f"DESCRIBE HISTORY {name} LIMIT {most}").read_all().to_pylist()
    return rows


def _over(sql: str, name: str) -> str:
    """A query over `stored`, as Databricks writes it over a table."""
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(sql, dialect="duckdb")
    for table in list(parsed.find_all(exp.Table)):
        table.replace(sqlglot.to_table(name, dialect="databricks"))
    return parsed.sql(dialect="databricks")


def catalog_name(*parts: str) -> str:
    """A name of a catalog, schema or table in SQL."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)
