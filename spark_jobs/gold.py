"""Silver to gold, one One Big Table: every row of its fact beside the latest rows of its dimensions.

gold.py --contracts DIR/<schema> --table T --business-date 2026-11-20 --run-id R --lake-root URI [--catalog C]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import wide_standing
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from medallion.gold.kpi_views import refresh_views
from medallion.gold.one_big_table_refresh import refresh_one_big_table
from medallion.lake.table_names import TableNames
from medallion.run.cli import JobArguments
from medallion.run.job import exit_on_failure, run_job
from medallion.run.run_ledger import Outcome


def refresh(spark: SparkSession, job: JobArguments) -> Outcome:
    """Brings one One Big Table up to the silver tables, and the views of its measures where a catalog has them."""
    contract = read_one_big_table_contract(job.contracts, job.table)
    tables = (contract.fact, *(join.dimension for join in contract.joins))
    silver = {table: read_silver_contract(job.contracts, table) for table in tables}
    outcome = refresh_one_big_table(spark, job, contract, silver)
    if job.catalog and contract.kpis:
        names = TableNames(job.lake_root, job.catalog)
        made = refresh_views(spark, names, contract.kpis, anew=outcome.outcome == "full")
        outcome = replace(outcome, detail={**outcome.detail, "views_made": made})
    standing = outcome.standing and replace(outcome.standing, contract=wide_standing(contract, silver))
    return replace(outcome, standing=standing)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed."""
    return run_job("gold", refresh, argv)


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
