"""Upkeep of silver and gold: small files are put together, and files that no version of the last days has are removed.

upkeep.py --contracts DIR/<schema> --business-date 2026-11-20 --run-id R --lake-root URI [--catalog C]
          --silver-days N --gold-days N [--tables T,U]

Without --tables it is done for all tables of the contracts, one after the other, and each stands for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from lake_model.contracts.table_contracts import clustering_columns, gold_tables, silver_tables
from lake_model.errors import LakehouseError
from lake_model.table_state import TableState
from medallion.lake.table_names import TableNames
from medallion.run.cli import JobArguments, parse_arguments
from medallion.run.job import exit_on_failure, run_jobs
from medallion.run.run_ledger import Outcome
from medallion.upkeep.table_upkeep import QUALITY_METRICS, tend_gold, tend_silver


def tend(
    wide: Collection[str], clustered: Mapping[str, str], spark: SparkSession, job: JobArguments, _: TableState | None
) -> Outcome:
    """Upkeep of what one contract's table has in the lake.

    ``wide`` are the names of the One Big Tables, ``clustered`` has by table the column that it is clustered by.
    """
    names = TableNames(job.lake_root, job.catalog)
    column = clustered.get(job.table)
    if job.table in wide:
        return tend_gold(spark, names, job.table, job.gold_days, column)
    return tend_silver(spark, names, job.table, job.silver_days, column)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed, by line where several tables did."""
    try:
        jobs = parse_arguments("upkeep", argv, _every_table)
    except LakehouseError as error:
        return f"upkeep: {error}"
    # Once for all tables: they read every contract.
    wide, clustered = gold_tables(jobs[0].contracts), clustering_columns(jobs[0].contracts)
    return run_jobs("upkeep", partial(tend, wide, clustered), jobs)


def _every_table(contracts: Path) -> list[str]:
    return [*silver_tables(contracts), *gold_tables(contracts), QUALITY_METRICS]


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
