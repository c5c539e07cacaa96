"""A storage account that jobs keep their lake in: what Spark and Databricks' file utilities need to reach it.

Azurite serves, or an account of Azure's own, by the connection string that either has.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Self
from urllib.parse import urlsplit

from local.databricks_api.errors import StartError

VARIABLE = "LAKEHOUSE_DATABRICKS_STORAGE"


@dataclass(frozen=True)
class StorageAccount:
    """An account by its connection string; `endpoint` is empty for one of Azure's own."""

    connection_string: str
    name: str
    key: str
    endpoint: str

    @classmethod
    def of(cls, connection_string: str) -> Self:
        """The account that a connection string names.

        Raises:
            StartError: it lacks the account's name or key.
        """
        parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
        if "AccountName" not in parts or "AccountKey" not in parts:
            raise StartError(f"{VARIABLE} is no connection string: it must have AccountName=… and AccountKey=….")
        return cls(connection_string, parts["AccountName"], parts["AccountKey"], parts.get("BlobEndpoint", ""))

    @property
    def spark_settings(self) -> dict[str, str]:
        """Settings of Hadoop's driver for Azure, which Spark hands on as they are."""
        settings = {f"fs.azure.account.key.{self.name}.dfs.core.windows.net": self.key}
        if not self.endpoint:
            return settings
        # Azurite has no hierarchical namespace, and of an account's two services the one for blobs.
        return settings | {
            "fs.azure.abfs.endpoint": urlsplit(self.endpoint).netloc,
            "fs.azure.always.use.https": "false",
            "fs.azure.account.hns.enabled": "false",
            "fs.azure.fns.account.service.type": "BLOB",
        }

    def offer_file_utilities(self) -> None:
        """Has `pyspark.dbutils` in this process, as on Databricks."""
        module = ModuleType("pyspark.dbutils")
        module.DBUtils = lambda _spark: self._file_utilities()  # type: ignore[attr-defined]
        sys.modules["pyspark.dbutils"] = module

    def _file_utilities(self) -> object:
        from adlfs import AzureBlobFileSystem

        from local.databricks_api.dbutils import DBUtils, FileUtils

        return DBUtils(FileUtils(AzureBlobFileSystem(connection_string=self.connection_string)))
