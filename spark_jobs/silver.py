"""Bronze to silver: clean, judge, quarantine, and refresh the dimension or fact by its contract.

silver.py --contracts DIR/<schema> --tables T,U --business-date 2026-11-20 --run-id R --lake-root URI
          [--catalog C] [--accept-deletes true] [--rebuild true]

Several tables are worked on one after the other in one session, and each stands for itself: it has its own row in the
ledger, and one that fails holds no other up.
With --rebuild true tables are made anew from bronze alone; without --tables all are.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import TableKind
from lake_model.contracts.table_contracts import read_silver_contract, silver_tables
from lake_model.errors import LakehouseError
from lake_model.table_state import TableState
from medallion.dimensions.dimension_run import refresh_dimension
from medallion.facts.fact_run import refresh_fact
from medallion.run.cli import JobArguments, parse_arguments
from medallion.run.job import exit_on_failure, run_jobs
from medallion.run.run_ledger import Outcome


def refresh(spark: SparkSession, job: JobArguments, before: TableState | None) -> Outcome:
    """Brings one silver table up to what was landed."""
    contract = read_silver_contract(job.contracts, job.table)
    if contract.kind is TableKind.FACT:
        return refresh_fact(spark, job, contract, before)
    return refresh_dimension(spark, job, contract)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed, by line where several tables did."""
    try:
        jobs = parse_arguments("silver", argv, silver_tables)
    except LakehouseError as error:
        return f"silver: {error}"
    return run_jobs("silver", refresh, jobs)


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
