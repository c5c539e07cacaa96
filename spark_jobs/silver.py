"""Bronze to silver, one table: clean, judge, quarantine, and refresh the dimension or fact by its contract.

silver.py --contracts DIR/<schema> --table T --business-date 2026-11-20 --run-id R --lake-root URI [--catalog C]
          [--accept-deletes] [--rebuild]

With --rebuild the table is made anew from bronze alone; without --table all tables are, one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import TableKind
from lake_model.contracts.table_contracts import read_silver_contract, silver_tables
from lake_model.errors import LakehouseError
from medallion.dimensions.dimension_run import refresh_dimension
from medallion.facts.fact_run import refresh_fact
from medallion.run.cli import JobArguments, parse_arguments
from medallion.run.job import exit_on_failure, run_job
from medallion.run.run_ledger import Outcome


def refresh(spark: SparkSession, job: JobArguments) -> Outcome:
    """Brings one silver table up to what was landed."""
    contract = read_silver_contract(job.contracts, job.table)
    if contract.kind is TableKind.FACT:
        return refresh_fact(spark, job, contract)
    return refresh_dimension(spark, job, contract)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed, by line where several tables did."""
    given = sys.argv[1:] if argv is None else list(argv)
    if "--rebuild" not in given or any(one.partition("=")[0] == "--table" for one in given):
        return run_job("silver", refresh, given)
    try:
        tables = silver_tables(parse_arguments("silver", [*given, "--table", ""]).contracts)
    except LakehouseError as error:
        return f"silver: {error}"
    failures = [run_job("silver", refresh, [*given, "--table", table]) for table in tables]
    return "\n".join(one for one in failures if one is not None) or None


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
