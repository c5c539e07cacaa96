"""Bronze to silver: clean, judge, quarantine, and refresh the dimension or fact by its contract.

silver.py --contracts DIR/<schema> --table T [--table U …] --business-date 2026-11-20 --run-id R --lake-root URI
          [--catalog C] [--accept-deletes] [--rebuild]

Several tables share one session, dimensions before facts and a few side by side. Each stands for itself: it has its
own row in the ledger, and one that fails holds no other up.
With --rebuild a table is made anew from bronze alone; without --table all tables are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import TableKind
from lake_model.contracts.table_contracts import facts_among, read_silver_contract, silver_tables
from lake_model.errors import LakehouseError
from medallion.dimensions.dimension_run import refresh_dimension
from medallion.errors import SPARK_ERRORS
from medallion.facts.fact_run import refresh_fact
from medallion.run.cli import JobArguments, parse_arguments, taken_tables
from medallion.run.failures import explain
from medallion.run.job import exit_on_failure, run_job
from medallion.run.run_ledger import Outcome
from medallion.run.session import get_session

# A landing waits for Spark's answers most of its time, and one after the other leaves the compute idle meanwhile.
_SIDE_BY_SIDE = 4


def refresh(spark: SparkSession, job: JobArguments) -> Outcome:
    """Brings one silver table up to what was landed."""
    contract = read_silver_contract(job.contracts, job.table)
    if contract.kind is TableKind.FACT:
        return refresh_fact(spark, job, contract)
    return refresh_dimension(spark, job, contract)


def main(argv: Sequence[str] | None = None) -> str | None:
    """Runs the job; gives None, or one message of what failed, by line where several tables did."""
    tables, given = taken_tables(sys.argv[1:] if argv is None else argv)
    if len(tables) > 1 or (not tables and "--rebuild" in given):
        return _run_several(tables, given)
    return run_job("silver", refresh, [*given, *(word for table in tables for word in ("--table", table))])


def _run_several(tables: Sequence[str], given: Sequence[str]) -> str | None:
    """Runs tables, or all that there are, in one session; gives a line for each that failed, in their order."""
    try:
        contracts = parse_arguments("silver", [*given, "--table", ""]).contracts
        tables = tables or silver_tables(contracts)
        facts = facts_among(contracts, tables)
        spark = get_session()
    except (LakehouseError, *SPARK_ERRORS) as error:
        return f"silver: {explain(error)}"

    def work_on(table: str) -> str | None:
        print(f"=== silver {table} begins", flush=True)
        failure = run_job("silver", refresh, [*given, "--table", table], lambda: spark)
        print(f"=== silver {table} {'ends' if failure is None else 'fails'}", flush=True)
        return failure

    # A fact may refuse rows whose key no dimension knows.
    steps = [[table for table in tables if (table in facts) is late] for late in (False, True)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "silver") as pool:
        failures = [failure for step in steps for failure in pool.map(work_on, step) if failure is not None]
    return "\n".join(failures) or None


def run() -> None:
    """The entry point, by hand and as a wheel."""
    exit_on_failure(main())


if __name__ == "__main__":
    run()
