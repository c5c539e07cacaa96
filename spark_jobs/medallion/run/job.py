"""Runs a stage: arguments, session, the work, the ledger row, and one clear message when it fails."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable, Sequence

from pyspark.sql import SparkSession

from lake_model.errors import LakehouseError
from lake_model.table_state import TableState
from medallion.errors import SPARK_ERRORS, QualityStopError
from medallion.run import run_ledger
from medallion.run.cli import JobArguments
from medallion.run.failures import explain
from medallion.run.run_ledger import Outcome
from medallion.run.session import get_session
from medallion.run.table_states import leave_state, take_state

Work = Callable[[SparkSession, JobArguments, TableState | None], Outcome]
"""Does a stage for one table; the state is what the last run left of it, where that is known."""
# They print each failed analysis with its Java stack, also those that are shown in words of our own.
_PYSPARK_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
log = logging.getLogger(__name__)


def run_jobs(stage: str, work: Work, jobs: Sequence[JobArguments]) -> str | None:
    """Runs one stage for some tables, one after the other: one that fails holds no other up.

    Returns:
        None, or the messages of those that failed, by line.
    """
    failures = []
    for number, job in enumerate(jobs, 1):
        if len(jobs) > 1:
            # Where one run's log has many tables, their parts are found by this.
            print(f"=== {stage} {job.table} ({number} of {len(jobs)})", flush=True)
        failures.append(_run_job(stage, work, job))
    return "\n".join(one for one in failures if one is not None) or None


def _run_job(stage: str, work: Work, job: JobArguments) -> str | None:
    """Runs one stage for one table.

    Returns:
        None, or one message of what failed, after a ledger row with status failed where a session can be had.
    """
    started = dt.datetime.now(dt.UTC)
    try:
        for name in _PYSPARK_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        spark = get_session()
    except (LakehouseError, *SPARK_ERRORS) as error:
        return f"{stage}: {explain(error)}"
    outcome, message, begun = None, None, None
    try:
        begun = take_state(spark, job, stage)
        outcome = work(spark, job, begun.state)
    except QualityStopError as error:
        outcome, message = Outcome("stopped", detail={"expectations_not_met": list(error.findings)}), str(error)
    except LakehouseError as error:
        message = str(error)
    except Exception as error:  # A traceback would show values of rows to all who may read a task's log.
        log.debug("stage failed", exc_info=error)
        message = str(explain(error))
    row, message = _write_ledger(spark, job, stage, started, outcome, message)
    if row and outcome and begun and message is None:
        leave_state(spark, job, stage, row, begun, outcome)
    return None if message is None else f"{stage} {job.table} {job.business_date}: {message}"


def exit_on_failure(failure: str | None) -> None:
    """Ends the process with a job's message, if it has one.

    The message goes to stderr with status 1, and to Databricks as the run's error, where on-call reads it. It is raised
    and not returned, because of a wheel's entry point Databricks ignores the return value.
    """
    if failure is not None:
        sys.exit(failure)


def _write_ledger(
    spark: SparkSession,
    job: JobArguments,
    stage: str,
    started: dt.datetime,
    outcome: Outcome | None,
    message: str | None,
) -> tuple[str | None, str | None]:
    """Writes the row; gives its name and the run's message: without a row it cannot be reconciled, so it has failed."""
    row = None
    try:
        row = run_ledger.write_row(spark, job, stage, started, dt.datetime.now(dt.UTC), outcome, message)
    except Exception as error:
        unwritten = f"no ledger row could be written to {run_ledger.ledger_folder(job)}: {explain(error)}"
        # The message of a failed run matters more than its row.
        if message is None:
            return None, unwritten
        print(f"{stage} {job.table}: {unwritten}", file=sys.stderr)
    return row, message
