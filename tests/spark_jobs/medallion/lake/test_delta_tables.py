"""Tables that several runs make at once, and what the Delta writer of a Databricks runtime can do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from medallion.lake.delta_tables import create, knows_replace_on, table_types

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TABLES, _RUNS = 12, 8


@pytest.mark.spark
def test_a_table_that_several_runs_make_at_once_can_be_read_by_each(spark: SparkSession, tmp_path: Path) -> None:
    def make(table: str, together: Barrier) -> dict[str, str]:
        together.wait()
        create(spark, table, [("code", "string")])
        return table_types(spark, table)

    with ThreadPoolExecutor(_RUNS) as pool:
        for number in range(_TABLES):
            table, together = f"delta.`{tmp_path}/thing_{number}`", Barrier(_RUNS)
            read = list(pool.map(make, [table] * _RUNS, [together] * _RUNS))
            assert read == [{"code": "string"}] * _RUNS


@pytest.mark.parametrize("runtime", [None, "", "18.2", "18.3", "19.0", "18.x", "client.4.1"])
def test_newer_runtimes_know_replace_on(runtime: str | None) -> None:
    assert knows_replace_on(runtime)


@pytest.mark.parametrize("runtime", ["16.4", "17.3", "18.1"])
def test_older_runtimes_would_overwrite_the_table(runtime: str) -> None:
    assert not knows_replace_on(runtime)
