"""The lake as the KPI page and `bin/lakehouse` read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from lakehouse.errors import SettingError
from lakehouse.lake.tables import Lake


def readable_lake(setting: Callable[[str], Any]) -> Lake:
    """The lake's folders, or, where a SQL warehouse is set, its silver and gold as that reads them.

    Args:
        setting: gives the value of a setting by its name.

    Raises:
        SettingError: silver and gold are in a catalog, and no warehouse is set.
    """
    from lakehouse.lake.delta_table import folder_lake
    from lakehouse.lake.lake_root import lake_at
    from lakehouse.lake.warehouse_table import warehouse_lake

    root = lake_at(setting("lake_root"), setting("lake_conn_id"))
    warehouse, catalog = setting("warehouse"), setting("catalog")
    if not warehouse:
        if catalog:
            raise SettingError(
                f"LAKEHOUSE_CATALOG is {catalog}, so silver and gold are tables of that catalog: "
                "give the id of a SQL warehouse that reads them in LAKEHOUSE_WAREHOUSE"
            )
        return folder_lake(root)
    from lakehouse.hooks.sql_warehouse_hook import SqlWarehouseHook

    place = urlsplit(setting("lake_root"))
    spark_root = setting("spark_lake_root") or (place.path if place.scheme == "file" else "")
    if not catalog and not spark_root:
        raise SettingError(
            "LAKEHOUSE_WAREHOUSE is set, and neither LAKEHOUSE_CATALOG nor LAKEHOUSE_SPARK_LAKE_ROOT says where it "
            "finds silver and gold: set one of them"
        )
    return warehouse_lake(root, SqlWarehouseHook(setting("databricks_conn_id"), warehouse).ask, catalog, spark_root)
