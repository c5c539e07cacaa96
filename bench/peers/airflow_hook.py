"""Airflow's own MySQL hook: `get_df` gives pandas' frame of the whole table."""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers.way import COMPRESSION, COMPRESSION_LEVEL, ROW_GROUP_ROWS, Source, Way


class Copy(Way):
    """`MySqlHook.get_df` and `DataFrame.to_parquet`."""

    packages = ("apache-airflow-providers-mysql", "pandas", "mysqlclient")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        os.environ["AIRFLOW_CONN_BENCH"] = f"{source.uri()}?charset=utf8mb4"
        from airflow.providers.mysql.hooks.mysql import MySqlHook

        self._hook = MySqlHook

    def copy(self, table: str, folder: Path) -> None:
        frame = self._hook(mysql_conn_id="bench").get_df(self.source.select(table), df_type="pandas")
        folder.mkdir(parents=True)
        frame.to_parquet(
            folder / "part.parquet",
            index=False,
            compression=COMPRESSION,
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
        )
