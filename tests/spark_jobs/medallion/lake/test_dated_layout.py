"""A dated table in folders, in files of many dates, and on its way from one to the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from medallion.lake import delta_tables
from medallion.lake.dated_layout import DatedLayout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
COLUMNS = [("id", "bigint"), ("day", "date")]
FOLDERS, FILES = DatedLayout("day", clustered=False), DatedLayout("day", clustered=True)


def numbers(spark: SparkSession, condition: str = "TRUE") -> DataFrame:
    """A hundred rows of ten dates."""
    return spark.range(100).selectExpr("id", "date_add(DATE'2026-11-01', CAST(id % 10 AS int)) AS day").where(condition)


def detail(spark: SparkSession, table: str) -> tuple[list[str], int, int]:
    """Its columns with folders, and how many files and rows it has."""
    (row,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    return row["partitionColumns"], row["numFiles"], spark.table(table).count()


def test_a_table_goes_from_folders_to_files_of_many_dates_and_back_and_keeps_what_it_is(
    spark: SparkSession, tmp_path: Path
) -> None:
    table = f"delta.`{tmp_path / 'table'}`"
    FOLDERS.create(spark, table, COLUMNS, change_feed=True)
    found: list[Any] = []
    for layout in (FILES, FOLDERS, FILES):
        rows = layout.spread(numbers(spark), 100)
        delta_tables.overwrite(rows, table, partitioned_by=layout.folders, options={"userMetadata": "mine"})
        found.append(detail(spark, table))
        (newest,) = delta_tables.history(spark, table, 1)
        assert (newest.version, newest.user_metadata, newest.rows_written) == (len(found), "mine", 100)
    assert found == [([], 1, 100), (["day"], 10, 100), ([], 1, 100)]
    # A changed date leaves the others as they were, also to who asks what changed.
    scope = "day = DATE'2026-11-03'"
    delta_tables.replace_where(FILES.spread(numbers(spark, f"{scope} AND id > 50"), 5), table, scope)
    feed = spark.read.option("readChangeFeed", "true").option("startingVersion", 4).table(table)
    assert sorted((row["_change_type"], row["id"]) for row in feed.collect()) == [
        *(("delete", number) for number in range(2, 100, 10)),
        *(("insert", number) for number in range(52, 100, 10)),
    ]
    assert detail(spark, table)[2] == 95


def test_many_rows_lie_in_several_files_each_with_dates_of_its_own_in_their_order(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medallion.lake.dated_layout._ROWS_OF_A_FILE", 50)
    table = f"delta.`{tmp_path / 'table'}`"
    FILES.create(spark, table, COLUMNS)

    delta_tables.append(FILES.spread(numbers(spark), 100), table)

    files = [pq.read_table(path)["day"].to_pylist() for path in (tmp_path / "table").glob("*.parquet")]
    first, second = sorted(files)
    assert first + second == sorted(row["day"] for row in numbers(spark).collect())
    assert max(first) < min(second)


def test_the_date_keeps_its_bounds_however_many_columns_come_before_it(spark: SparkSession, tmp_path: Path) -> None:
    """Without them each date that changes would cost a look into every file, and Delta would not cluster by it."""
    table = f"delta.`{tmp_path / 'table'}`"
    FILES.create(spark, table, [*((f"c{number}", "bigint") for number in range(40)), ("day", "date")])

    spark.sql(f"ALTER TABLE {table} CLUSTER BY (day)")

    (row,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    assert row["clusteringColumns"] == ["day"]
