"""Silver to gold, one One Big Table: every row of its fact beside the latest rows of its dimensions.

gold.py --contracts DIR/<schema> --tables T --business-date 2026-11-20 --run-id R --lake-root URI [--catalog C]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import wide_standing
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from lake_model.errors import LakehouseError
from lake_model.table_state import TableState
from medallion.gold.companion import companions
from medallion.gold.one_big_table_refresh import refresh_one_big_table
from medallion.lake.table_names import TableNames
from medallion.run.cli import JobArguments, parse_arguments
from medallion.run.job import exit_on_failure, run_jobs
from medallion.run.run_ledger import Outcome


def refresh(spark: SparkSession, job: JobArguments, before: TableState | None) -> Outcome:
    """Brings one One Big Table up to the silver tables, and then what its contract declares beside it."""
    contract = read_one_big_table_contract(job.contracts, job.table)
    tables = (contract.fact, *(join.dimension for join in contract.joins))
    silver = {table: read_silver_contract(job.contracts, table) for table in tables}
    outcome = refresh_one_big_table(spark, job, contract, silver, before)
    names = TableNames(job.lake_root, job.catalog)
    for companion in companions():
        made = companion.refresh(spark, names, contract, mode=outcome.outcome)
        outcome = replace(outcome, detail={**outcome.detail, **made})
    standing = outcome.standing and replace(outcome.standing, contract=wide_standing(contract, silver))
    return replace(outcome, standing=standing)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed, by line where several tables did."""
    try:
        jobs = parse_arguments("gold", argv)
    except LakehouseError as error:
        return f"gold: {error}"
    return run_jobs("gold", refresh, jobs)


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
