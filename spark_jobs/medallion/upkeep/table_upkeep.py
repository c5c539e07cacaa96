"""Upkeep of what one contract's table has in the lake."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from medallion.lake import delta_tables
from medallion.lake.table_names import TableNames
from medallion.run.run_ledger import Outcome
from medallion.upkeep.table_files import LEAST_DAYS, tend

QUALITY_METRICS = "quality_metrics"
"""The name of the one table of all schemas."""


def tend_gold(spark: SparkSession, names: TableNames, table: str, days: int, clustered_by: str | None) -> Outcome:
    """Upkeep of a One Big Table, whose older versions are readable for some days."""
    return _tend(spark, {f"gold.{table}": (names.gold(table), days, clustered_by)})


def tend_silver(spark: SparkSession, names: TableNames, table: str, days: int, clustered_by: str | None) -> Outcome:
    """Upkeep of a silver table, whose older versions are readable for some days, with its quarantine and progress.

    Of these no older versions are read, and a quarantine's may hold values that were masked since; so it is with the
    table of quality metrics.
    """
    if table == QUALITY_METRICS:
        return _tend(spark, {f"silver.{table}": (names.quality_metrics(), LEAST_DAYS, None)})
    return _tend(
        spark,
        {
            f"silver.{table}": (names.silver(table), days, clustered_by),
            f"silver.{table}_quarantine": (names.quarantine(table), LEAST_DAYS, None),
            f"silver.{table}_progress": (names.progress(table), LEAST_DAYS, None),
        },
    )


def _tend(spark: SparkSession, tables: Mapping[str, tuple[str, int, str | None]]) -> Outcome:
    done = {
        name: tend(spark, table, days, clustered_by)
        for name, (table, days, clustered_by) in tables.items()
        if delta_tables.exists(spark, table)
    }
    for name, one in done.items():
        print(
            f"{name}: {one.after.files} files, {one.after.small} of them small (before: {one.before.files}, "
            f"{one.before.small}); {one.files_removed} of older versions removed{f'; {one.left}' if one.left else ''}"
        )
    return Outcome(
        "tended" if any(one.changed for one in done.values()) else "unchanged",
        detail={"tables": {name: one.to_detail() for name, one in done.items()}},
    )
