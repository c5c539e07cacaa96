"""Tables that several runs make at once, and what the Delta writer of a Databricks runtime can do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from medallion.lake.delta_tables import create, history, knows_replace_on, table_types

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_RUNS = 8


@pytest.mark.spark
def test_a_table_that_several_runs_make_at_once_can_be_read_by_each(
    spark: SparkSession, tmp_path: Path, soak: bool
) -> None:
    def make(table: str, together: Barrier) -> dict[str, str]:
        together.wait()
        create(spark, table, [("code", "string")])
        return table_types(spark, table)

    with ThreadPoolExecutor(_RUNS) as pool:
        for number in range(12 if soak else 2):
            table, together = f"delta.`{tmp_path}/thing_{number}`", Barrier(_RUNS)
            read = list(pool.map(make, [table] * _RUNS, [together] * _RUNS))
            assert read == [{"code": "string"}] * _RUNS


# What may lie in the folder of a table whose making ended before its first commit.
LEFT: tuple[dict[str, bytes], ...] = (
    {},
    {"_delta_log/.00000000000000000000.json.tmp": b"half"},
    {"part-0.snappy.parquet": b"half"},
    {"_delta_log/00000000000000000000.json": b""},
)


@pytest.mark.spark
def test_a_table_whose_making_ended_before_its_first_commit_is_made(spark: SparkSession, tmp_path: Path) -> None:
    """A full disk, or a kill, leaves a folder with a log that has no commit; nothing else ever mends that."""
    columns = [("code", "string"), ("day", "date"), ("found", "array<struct<name:string,at:timestamp>>")]
    detail = ("partitionColumns", "clusteringColumns", "properties", "numFiles")
    made = []
    for number, left in enumerate((None, *LEFT)):
        folder = tmp_path / f"table_{number}"
        if left is not None:
            (folder / "_delta_log").mkdir(parents=True)
            for name, content in left.items():
                (folder / name).write_bytes(content)
        table = f"delta.`{folder}`"
        create(spark, table, columns, change_feed=True, deletion_vectors=True, partitioned_by="day")
        made.append((spark.sql(f"DESCRIBE DETAIL {table}").select(*detail).collect(), table_types(spark, table)))
    assert made == made[:1] * len(made)


@pytest.mark.spark
def test_the_newest_commits_are_asked_for_in_one_spark_job(spark: SparkSession, tmp_path: Path) -> None:
    table = f"delta.`{tmp_path}/thing`"
    create(spark, table, [("code", "string")])
    jobs_so_far = spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs
    before = jobs_so_far()

    found = history(spark, table, 10)

    assert ([commit.version for commit in found], jobs_so_far() - before) == ([0], 1)


@pytest.mark.parametrize("runtime", [None, "", "18.2", "18.3", "19.0", "18.x", "client.4.1"])
def test_newer_runtimes_know_replace_on(runtime: str | None) -> None:
    assert knows_replace_on(runtime)


@pytest.mark.parametrize("runtime", ["16.4", "17.3", "18.1"])
def test_older_runtimes_would_overwrite_the_table(runtime: str) -> None:
    assert not knows_replace_on(runtime)
