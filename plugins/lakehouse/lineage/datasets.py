"""The tables of source and lake by the names that OpenLineage gives them, so that other tools mean the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from lake_model.lake_layout import bronze_root, table_folder

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from lakehouse.source.source_connection import ConnectionInfo


class DatasetName(NamedTuple):
    """A table: the place that it is in, and its name there."""

    namespace: str
    name: str


def source_dataset(source: ConnectionInfo, schema: str, table: str) -> DatasetName:
    """A table of MySQL, by the server's address alone: who asks, and with which password, is left out."""
    return DatasetName(f"mysql://{source.host}:{source.port}", f"{schema}.{table}")


@dataclass(frozen=True)
class LakeDatasets:
    """The tables of a lake.

    Attributes:
        root: the lake as Spark sees it: `abfss://container@account/folder`, or a folder of this machine.
        catalog: Unity Catalog's catalog; empty where silver and gold are found by their folders.
        workspace: the host of the Databricks workspace that has the catalog.
    """

    root: str
    catalog: str = ""
    workspace: str = ""

    def bronze(self, schema: str, table: str) -> DatasetName:
        """The folder of a table in bronze."""
        return self._folder(str(table_folder(bronze_root(PurePosixPath()), schema, table)))

    def silver(self, table: str) -> DatasetName:
        """A table of silver, or a quarantine."""
        return self._table("silver", table)

    def gold(self, table: str) -> DatasetName:
        """A One Big Table."""
        return self._table("gold", table)

    def _table(self, layer: str, table: str) -> DatasetName:
        if self.catalog:
            return DatasetName(f"databricks://{self.workspace}", f"{self.catalog}.{layer}.{table}")
        return self._folder(f"{layer}/{table}")

    def _folder(self, inside: str) -> DatasetName:
        # As the listener for Spark names them: an object without a slash before it, a folder of a disk with one.
        root = urlsplit(self.root)
        if root.scheme in {"", "file"}:
            return DatasetName("file", f"{root.path.rstrip('/')}/{inside}")
        folder = root.path.strip("/")
        return DatasetName(f"{root.scheme}://{root.netloc}", f"{folder}/{inside}" if folder else inside)


def lake_datasets(settings: Settings) -> LakeDatasets:
    """The tables of the lake of a task."""
    from airflow.sdk import BaseHook

    if not settings.catalog:
        return LakeDatasets(settings.spark_lake_root)
    host = BaseHook.get_connection(settings.databricks_conn_id).host or ""
    return LakeDatasets(settings.spark_lake_root, settings.catalog, urlsplit(host).hostname or host)
