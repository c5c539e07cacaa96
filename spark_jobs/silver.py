"""Bronze to silver, one table: clean, judge, quarantine, and refresh the dimension or fact by its contract.

silver.py --contracts DIR/<schema> --table T --business-date 2026-11-20 --run-id R --lake-root URI [--catalog C]
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import SparkSession

from medallion.cli import JobArguments
from medallion.contract_files import read_silver_contract
from medallion.contracts import TableKind
from medallion.dimensions import refresh_dimension
from medallion.facts import refresh_fact
from medallion.job import exit_on_failure, run_job
from medallion.run_ledger import Outcome


def refresh(spark: SparkSession, job: JobArguments) -> Outcome:
    """Brings one silver table up to what was landed."""
    contract = read_silver_contract(job.contracts, job.table)
    if contract.kind is TableKind.FACT:
        return refresh_fact(spark, job, contract)
    return refresh_dimension(spark, job, contract)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed."""
    return run_job("silver", refresh, argv)


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
