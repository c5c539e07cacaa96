"""The ways that are compared: each brings its own table up to a snapshot. All run in one session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.scd2_data import TABLE, VALUES, Lake, history

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SCD_ID = "md5(concat_ws('|', code, valid_from))"


@dataclass(frozen=True)
class Way:
    """A way of keeping a dimension.

    Attributes:
        folder: of its Delta table, in a lake.
        create: makes that table from the snapshots landed so far.
        land: lands a day's snapshot.
    """

    name: str
    folder: Callable[[Lake], Path]
    create: Callable[[SparkSession, Lake], None]
    land: Callable[[SparkSession, Lake, dt.date], None]


def ways(with_mack: bool) -> list[Way]:
    """All ways, ours first."""
    peers = [Way("delta docs recipe", _folder("docs"), _create("docs"), _docs)]
    if with_mack:
        peers.append(Way("mack", _folder("mack"), _create("mack"), _mack))
    peers.append(Way("dbt snapshot shape", _folder("dbt"), _create("dbt"), _dbt))
    return [Way("this project", lambda lake: lake.silver / TABLE, _create_ours, _ours), *peers]


def _create_ours(spark: SparkSession, lake: Lake) -> None:
    _run(spark, lake, lake.days()[-1], rebuild=True)


def _ours(spark: SparkSession, lake: Lake, day: dt.date) -> None:
    _run(spark, lake, day, rebuild=False)


def _run(spark: SparkSession, lake: Lake, day: dt.date, *, rebuild: bool) -> None:
    from medallion.dimensions.dimension_run import refresh_dimension
    from medallion.run.cli import JobArguments

    from lake_model.contracts.table_contracts import read_silver_contract

    job = JobArguments(lake.contracts, TABLE, day, "bench", str(lake.root), None, rebuild=rebuild, accept_deletes=True)
    refresh_dimension(spark, job, read_silver_contract(lake.contracts, TABLE))


def _folder(name: str) -> Callable[[Lake], Path]:
    return lambda lake: lake.root / "peers" / name


def _create(name: str) -> Callable[[SparkSession, Lake], None]:
    def create(spark: SparkSession, lake: Lake) -> None:
        rows = history(spark, lake).selectExpr("*", "valid_to IS NULL AS is_current")
        if name == "dbt":
            rows = rows.selectExpr("*", f"{_SCD_ID} AS scd_id")
        rows.write.format("delta").save(str(_folder(name)(lake)))

    return create


def _source(spark: SparkSession, lake: Lake, day: dt.date) -> DataFrame:
    return spark.read.parquet(str(lake.folder(day))).selectExpr("*", f"DATE'{day}' AS valid_from")


def _docs(spark: SparkSession, lake: Lake, day: dt.date) -> None:
    """Changed rows twice in the source of one MERGE: with their key to close the old version, without to insert."""
    table = f"delta.`{_folder('docs')(lake)}`"
    _source(spark, lake, day).createOrReplaceTempView("updates")
    differs = " OR ".join(f"t.{name} <> u.{name}" for name in VALUES)
    staged_differs = differs.replace("u.", "s.")
    columns = ", ".join(("code", *VALUES, "valid_from"))
    spark.sql(
        f"MERGE INTO {table} t USING ("
        "SELECT code AS merge_key, * FROM updates UNION ALL "
        f"SELECT NULL AS merge_key, u.* FROM updates u JOIN {table} t ON u.code = t.code "
        f"WHERE t.is_current AND ({differs})) s ON t.code = s.merge_key "
        f"WHEN MATCHED AND t.is_current AND ({staged_differs}) "
        "THEN UPDATE SET is_current = false, valid_to = s.valid_from "
        f"WHEN NOT MATCHED THEN INSERT ({columns}, valid_to, is_current) "
        f"VALUES ({', '.join(f's.{name}' for name in columns.split(', '))}, NULL, true)"
    )


def _mack(spark: SparkSession, lake: Lake, day: dt.date) -> None:
    from delta import DeltaTable
    from mack import type_2_scd_generic_upsert  # type: ignore[import-not-found]  # a peer, not of our environment

    table = DeltaTable.forPath(spark, str(_folder("mack")(lake)))
    type_2_scd_generic_upsert(
        table, _source(spark, lake, day), "code", list(VALUES), "is_current", "valid_from", "valid_to"
    )


def _dbt(spark: SparkSession, lake: Lake, day: dt.date) -> None:
    """A staging view of inserts, updates and deletes, and one MERGE on the id of a version."""
    table = f"delta.`{_folder('dbt')(lake)}`"
    _source(spark, lake, day).selectExpr(
        "*", "md5(concat_ws('|', code, valid_from)) AS scd_id"
    ).createOrReplaceTempView("snapshot_query")
    spark.sql(f"SELECT * FROM {table} WHERE valid_to IS NULL").createOrReplaceTempView("snapshotted")
    columns = ", ".join(("code", *VALUES, "valid_from", "scd_id"))
    differs = " OR ".join(f"NOT (q.{name} <=> o.{name})" for name in VALUES)
    new = ", ".join(f"q.{name}" for name in columns.split(", "))
    spark.sql(
        f"MERGE INTO {table} t USING ("
        f"SELECT 'insert' AS change, {new} FROM snapshot_query q LEFT JOIN snapshotted o ON q.code = o.code "
        f"WHERE o.code IS NULL OR ({differs}) UNION ALL "
        f"SELECT 'update', q.code, {', '.join(f'q.{name}' for name in VALUES)}, q.valid_from, o.scd_id "
        f"FROM snapshot_query q JOIN snapshotted o ON q.code = o.code WHERE {differs} UNION ALL "
        f"SELECT 'delete', o.code, {', '.join(f'o.{name}' for name in VALUES)}, DATE'{day}', o.scd_id "
        "FROM snapshotted o LEFT JOIN snapshot_query q ON q.code = o.code WHERE q.code IS NULL"
        ") s ON t.scd_id = s.scd_id "
        "WHEN MATCHED AND t.valid_to IS NULL AND s.change IN ('update', 'delete') "
        "THEN UPDATE SET valid_to = s.valid_from, is_current = false "
        f"WHEN NOT MATCHED AND s.change = 'insert' THEN INSERT ({columns}, valid_to, is_current) "
        f"VALUES ({', '.join(f's.{name}' for name in columns.split(', '))}, NULL, true)"
    )
