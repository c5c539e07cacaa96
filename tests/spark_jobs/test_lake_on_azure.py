"""A lake on a storage account, by addresses as on Databricks: the jobs store what they store on a disk.

Azurite has the account's blob service; Hadoop's own driver for Azure speaks with it.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.azurite_server import ACCOUNT, HOST, AzuriteServer, installed_azurite
from local.databricks_api.storage_account import StorageAccount
from local.processes import free_port
from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, TRANSACTIONS
from tests.spark_jobs.first_day import DAY, NEXT_CUSTOMERS, NEXT_SALES, FirstDay
from tests.spark_jobs.jobs import assert_same_tables, run_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
NEXT_DAY = "2026-11-20"
SERVICE = f"{ACCOUNT}.dfs.core.windows.net"
ROOT = f"abfs://lake@{SERVICE}/some/folder"
TABLES = ("silver/customer", "silver/customer_quarantine", "silver/transactions", "gold/sales_obt")


@dataclass(frozen=True)
class AzureLake:
    """The lake in a container."""

    store: Any

    def send(self, lake: Path) -> None:
        """Puts what a folder holds into the container."""
        for path in lake.rglob("*"):
            if path.is_file():
                self.store.put_file(str(path), f"lake/some/folder/{path.relative_to(lake)}", overwrite=True)

    def run(self, stage: str, table: str, day: str) -> None:
        """Runs a job, which must succeed."""
        arguments = ["--contracts", str(CONTRACTS), "--tables", table, "--business-date", day, "--run-id", "manual__1"]
        assert importlib.import_module(stage).main([*arguments, "--lake-root", ROOT]) is None

    def fetched_to(self, folder: Path) -> Path:
        """All that is in the container."""
        self.store.get("lake/some/folder", str(folder), recursive=True)
        return folder


@pytest.fixture
def azure(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureLake]:
    """An empty container, which the session and Databricks' file utilities can reach."""
    from adlfs import AzureBlobFileSystem

    server = AzuriteServer(tmp_path / "azurite", free_port(HOST), installed_azurite())
    server.start()
    account = StorageAccount.of(server.connection_string())
    for name, value in account.spark_settings.items():
        spark.conf.set(name, value)
    try:
        store = AzureBlobFileSystem(connection_string=server.connection_string())
        store.mkdir("lake")
        # It is put back at the end.
        monkeypatch.setitem(sys.modules, "pyspark.dbutils", None)
        account.offer_file_utilities()
        yield AzureLake(store)
    finally:
        for name in account.spark_settings:
            spark.conf.unset(name)
        server.stop()


def test_on_a_storage_account_the_jobs_store_what_they_store_on_a_disk(
    first_day: FirstDay, azure: AzureLake, tmp_path: Path
) -> None:
    on_disk = first_day.copied_to(tmp_path / "on_disk")
    # Each job makes its tables there, too.
    for table in ("customer", "customer_quarantine", "customer_progress"):
        shutil.rmtree(on_disk.root / "silver" / table)
    on_disk.land_snapshot("customer", CUSTOMER, NEXT_DAY, NEXT_CUSTOMERS)
    on_disk.land_fact("transactions", TRANSACTIONS, NEXT_DAY, NEXT_SALES, "order_date")
    azure.send(on_disk.root)
    runs = [("silver", "customer", DAY), ("silver", "customer", NEXT_DAY), ("silver", "transactions", NEXT_DAY)]
    # The last one once more, which changes nothing.
    for stage, table, day in (*runs, ("gold", "sales_obt", NEXT_DAY), ("gold", "sales_obt", NEXT_DAY)):
        run_job(stage, table, day, on_disk.root)
        azure.run(stage, table, day)

    assert_same_tables(azure.fetched_to(tmp_path / "fetched"), on_disk.root, TABLES)
