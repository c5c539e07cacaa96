"""upkeep.py: fewer files, the same rows, and versions that can be read for as long as the settings say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from medallion.lake import delta_tables
from medallion.upkeep.table_files import Files, files_of, keep_for, tend

from tests.spark_jobs.aged_lake import aged
from tests.spark_jobs.bronze_lake import CONTRACTS, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.first_day import BOOKS, DAY, SALES, TOYS, FirstDay
from tests.spark_jobs.jobs import land_and_clean, ledger_row, run_job, sale, stored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3 = "2026-11-18", DAY, "2026-11-20"
WIDE = ("order_date", "product_code", "category", "customer_name", "sales_qty", "revenue_inr")
HISTORY = ("product_code", "category", "valid_from", "valid_to", "is_current")
DAYS = ("--silver-days", "30", "--gold-days", "7")


def small_files(spark: SparkSession, folder: Path, commits: int) -> str:
    table = f"delta.`{folder}`"
    delta_tables.create(spark, table, [("id", "bigint")], change_feed=True)
    for number in range(commits):
        delta_tables.append(spark.range(number, number + 1).coalesce(1), table)
    return table


def ids(frame: Any) -> list[int]:
    return sorted(row["id"] for row in frame.collect())


def changes(spark: SparkSession, table: str, first: int) -> list[tuple[int, str, int]]:
    feed = spark.read.option("readChangeFeed", "true").option("startingVersion", first).table(table)
    return sorted((row["id"], row["_change_type"], row["_commit_version"]) for row in feed.collect())


def version_of(spark: SparkSession, table: str) -> int:
    return delta_tables.history(spark, table, 1)[0].version


def test_many_small_files_become_one_beside_readers_and_the_change_feed(spark: SparkSession, tmp_path: Path) -> None:
    table = small_files(spark, tmp_path / "table", 9)
    reader = delta_tables.at_version(spark, table, 5)
    feed = changes(spark, table, 4)

    found = tend(spark, table, 7)

    assert (found.before.files, found.before.small, found.before.most_small) == (9, 9, 9)
    assert (found.after.files, found.after.small, found.files_removed, found.left) == (1, 1, 0, "")
    assert ids(spark.table(table)) == list(range(9))
    # Nothing of the last days is removed: neither what a reader has open, nor what came since a version.
    assert ids(reader) == list(range(5))
    assert changes(spark, table, 4) == feed
    version = version_of(spark, table)
    assert tend(spark, table, 7).changed is False
    assert version_of(spark, table) == version


def test_few_small_files_and_one_for_each_date_are_left(spark: SparkSession, tmp_path: Path) -> None:
    table = f"delta.`{tmp_path / 'table'}`"
    delta_tables.create(spark, table, [("id", "bigint"), ("day", "int")], partitioned_by="day")
    delta_tables.append(spark.range(20).selectExpr("id", "CAST(id AS int) AS day").repartition(1), table)
    assert files_of(spark, table).most_small == 1
    assert tend(spark, table, 7).changed is False
    assert version_of(spark, table) == 1
    empty = f"delta.`{tmp_path / 'empty'}`"
    delta_tables.create(spark, empty, [("id", "bigint")])
    assert files_of(spark, empty) == Files(0, 0, 0, 0)


def test_a_table_is_clustered_by_its_date_from_its_first_upkeep_on(spark: SparkSession, tmp_path: Path) -> None:
    table, in_folders = f"delta.`{tmp_path / 'table'}`", f"delta.`{tmp_path / 'folders'}`"
    delta_tables.create(spark, table, [("id", "bigint"), ("day", "int")])
    delta_tables.create(spark, in_folders, [("id", "bigint"), ("day", "int")], partitioned_by="day")
    for _ in range(2):
        tend(spark, table, 7, "day")
        tend(spark, in_folders, 7, "day")
    assert (version_of(spark, table), version_of(spark, in_folders)) == (1, 0)
    assert delta_tables.history(spark, table, 1)[0].changes_rows is False
    (detail,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    assert detail["clusteringColumns"] == ["day"]


def test_files_that_no_version_of_the_last_days_has_go(spark: SparkSession, tmp_path: Path) -> None:
    made = small_files(spark, tmp_path / "made", 8)
    spark.sql(f"OPTIMIZE {made}")
    for days, left in ((20, 1), (10, 9)):
        folder = aged(tmp_path / "made", tmp_path / str(days), days)
        assert tend(spark, f"delta.`{folder}`", 14).files_removed == 9 - left
        assert len(list(folder.glob("*.parquet"))) == left
        assert ids(spark.table(f"delta.`{folder}`")) == list(range(8))
        # What is not removed can be read, which Delta's own seven days would not let.
        if left > 1:
            assert ids(delta_tables.at_version(spark, f"delta.`{folder}`", 3)) == [0, 1, 2]


def test_a_log_is_kept_as_long_as_its_versions_are_readable(spark: SparkSession, tmp_path: Path) -> None:
    table = small_files(spark, tmp_path / "table", 1)
    wanted = {30: {"deletedFile": 30}, 60: {"deletedFile": 60, "log": 60}, 7: {"deletedFile": 7, "log": 30}}
    for days, durations in wanted.items():
        keep_for(spark, table, days)
        version = version_of(spark, table)
        keep_for(spark, table, days)
        assert version_of(spark, table) == version
        rows = {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {table}").collect()}
        assert {name: value for name, value in rows.items() if name.endswith("RetentionDuration")} == {
            f"delta.{name}RetentionDuration": f"interval {number} days" for name, number in durations.items()
        }


def upkeep(lake: Path, day: str) -> dict[str, dict[str, Any]]:
    """What was found and done, by Delta table."""
    import upkeep as job

    where = ["--contracts", str(CONTRACTS), "--business-date", day, "--run-id", "manual__1", "--lake-root", str(lake)]
    assert job.main([*where, *DAYS]) is None
    tables = ("customer", "product", "market", "date", "transactions", "sales_obt", "quality_metrics")
    rows = [ledger_row("upkeep", table, day, lake) for table in tables]
    assert {row["status"] for row in rows} == {"success"}
    return {name: one for row in rows for name, one in row["detail"]["tables"].items()}


def test_gold_after_upkeep_is_what_it_would_have_been_and_goes_on_from_weeks_ago(
    first_day: FirstDay, tmp_path: Path
) -> None:
    # Three weeks without a change.
    with_upkeep = aged(first_day.root, tmp_path / "with", 21)
    without = Path(shutil.copytree(with_upkeep, tmp_path / "without"))
    before = stored(with_upkeep, "silver/product", HISTORY), stored(with_upkeep, "gold/sales_obt", WIDE)
    done = upkeep(with_upkeep, D2)
    assert {(one["files_removed"], one["left"]) for one in done.values()} == {(0, "")}
    assert (done["gold.sales_obt"]["after"]["files"], done["gold.sales_obt"]["after"]["most_small"]) == (1, 1)
    assert (stored(with_upkeep, "silver/product", HISTORY), stored(with_upkeep, "gold/sales_obt", WIDE)) == before

    found = {}
    games = [BOOKS, (*TOYS[:3], "Games", *TOYS[4:])]
    later = [*SALES[:-1], sale("Prod001", "Cus001", "Mark001", D3, 5, "50.00")]
    days = sorted({str(one[3]) for one in later})
    for lake in (with_upkeep, without):
        land_and_clean(BronzeLake(lake), D3, {"product": (PRODUCT, games), "transactions": (TRANSACTIONS, later)})
        detail = run_job("gold", "sales_obt", D3, lake)["detail"]
        rows = stored(lake, "gold/sales_obt", WIDE), stored(lake, "silver/product", HISTORY)
        found[lake] = (detail["mode"], detail["dates_rewritten"], rows)

    assert found[with_upkeep][2] == found[without][2]
    assert len(found[with_upkeep][2][1]) == 3
    # By Delta's own seven days the version that gold was made of cannot be read any more.
    assert found[without][:2] == ("full", days)
    assert found[with_upkeep][:2] == ("incremental", [D2, D3])


def test_an_upkeep_without_its_days_is_told(tmp_path: Path) -> None:
    import upkeep as job

    message = job.main(
        ["--contracts", str(CONTRACTS), "--business-date", D1, "--run-id", "r", "--lake-root", str(tmp_path)]
    )
    assert (
        message == "upkeep: upkeep: the following arguments are required: --silver-days, --gold-days; see upkeep --help"
    )
