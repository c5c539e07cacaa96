"""Tables by the names that OpenLineage gives them."""

from __future__ import annotations

import json

import pytest
from lakehouse.lineage.datasets import LakeDatasets, lake_datasets, source_dataset
from lakehouse.settings import load_settings
from lakehouse.source.source_connection import ConnectionInfo

ACCOUNT = "abfss://lake@acct.dfs.core.windows.net"


@pytest.mark.parametrize(
    ("root", "namespace", "bronze", "gold"),
    [
        (f"{ACCOUNT}/a/b/", ACCOUNT, "a/b/bronze/shop/order%20items", "a/b/gold/wide"),
        (ACCOUNT, ACCOUNT, "bronze/shop/order%20items", "gold/wide"),
        ("/data/lake", "file", "/data/lake/bronze/shop/order%20items", "/data/lake/gold/wide"),
        ("file:///data/lake", "file", "/data/lake/bronze/shop/order%20items", "/data/lake/gold/wide"),
    ],
)
def test_folders_are_named_as_the_listener_for_spark_names_them(
    root: str, namespace: str, bronze: str, gold: str
) -> None:
    lake = LakeDatasets(root)
    assert lake.bronze("shop", "order items") == (namespace, bronze)
    assert lake.gold("wide") == (namespace, gold)


def test_tables_of_a_catalog_are_named_by_it_and_bronze_by_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {
        "LAKEHOUSE_LAKE_ROOT": "abfs://adls@lake",
        "LAKEHOUSE_SPARK_LAKE_ROOT": ACCOUNT,
        "LAKEHOUSE_CATALOG": "prod",
    }
    for host in ("https://adb-1.2.azuredatabricks.net/", "adb-1.2.azuredatabricks.net"):
        connection = {"conn_type": "databricks", "host": host, "password": "dapi-secret"}
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps(connection))
        lake = lake_datasets(load_settings(environ))
        assert lake.silver("sales_quarantine") == (
            "databricks://adb-1.2.azuredatabricks.net",
            "prod.silver.sales_quarantine",
        )
        assert lake.bronze("shop", "sales") == (ACCOUNT, "bronze/shop/sales")


def test_a_table_of_mysql_is_named_by_the_server_s_address_alone() -> None:
    source = ConnectionInfo("mysql_onprem", "db.shop", 3306, "reader", "secret")
    assert source_dataset(source, "shop", "order items") == ("mysql://db.shop:3306", "shop.order items")
