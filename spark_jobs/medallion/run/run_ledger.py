"""The ledger: one row per table, stage and attempt of a run, for reconciliation and the monitoring page."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.sql import SparkSession

from lake_model.lake_layout import folder_of_name, ledger_folder_name, ledger_row_name
from lake_model.ledger_row import LedgerRow
from lake_model.table_state import TableState, TableVersion
from medallion.errors import BronzeError
from medallion.lake.storage import list_folder, read_text, write_text
from medallion.run.cli import JobArguments


@dataclass(frozen=True)
class Standing:
    """What a table's rows depend on; see ``TableState``."""

    contract: str
    table: TableVersion
    by_calendar: bool = False
    landed: str = ""
    waivers: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[str, TableVersion] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a stage did; ``detail`` is told apart by stage and measured from the stored tables.

    ``bytes_written`` is the size of the data files that it added to its table, without quarantine and progress.
    ``standing`` is what the table's rows depend on now; None where another run may have more to do.
    """

    outcome: str
    rows_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)
    standing: Standing | None = None


def ledger_folder(job: JobArguments) -> str:
    """The folder of a run's rows."""
    return f"{job.lake_root}/{ledger_folder_name(job.source_schema, job.business_date, job.run_id)}"


def read_row(spark: SparkSession, job: JobArguments, of: TableState) -> LedgerRow | None:
    """The row of the run that left a table so; None where there is none that can be read."""
    its_job = replace(job, business_date=dt.date.fromisoformat(of.business_date), run_id=of.run_id)
    try:
        return LedgerRow.from_json(read_text(spark, f"{ledger_folder(its_job)}/{of.ledger_row}") or "")
    except (ValueError, BronzeError):
        return None


def write_row(
    spark: SparkSession, job: JobArguments, stage: str, started: dt.datetime, ended: dt.datetime,
    outcome: Outcome | None, error: str | None = None,
) -> str:  # fmt: skip
    """Writes the row of an attempt, beside those of others; ``outcome`` is None when it failed without one.

    Gives the row's name in the folder of its run.
    """
    known = outcome or Outcome("failed")
    row = LedgerRow(
        schema=job.source_schema,
        table=job.table,
        stage=stage,
        business_date=job.business_date.isoformat(),
        run_id=job.run_id,
        status="success" if outcome and error is None else "failed",
        outcome=known.outcome,
        rows_read=known.rows_read,
        rows_written=known.rows_written,
        bytes_written=known.bytes_written,
        seconds=round((ended - started).total_seconds(), 3),
        started_at=_instant(started),
        ended_at=_instant(ended),
        error=error,
        detail=known.detail,
    )
    # A name of its own: two runs with one id could take each other's row away.
    name = ledger_row_name(job.table, stage, secrets.token_hex(6))
    write_text(spark, f"{ledger_folder(job)}/{name}", row.to_json() + "\n")
    return name


def begins_again(spark: SparkSession, job: JobArguments, stage: str) -> bool:
    """Whether a try of this run worked on the table before; notes that one does now, so that one that is killed counts.

    Costs no Spark job, where to ask the tables themselves takes two.
    """
    note = f".{folder_of_name(job.table)}.{stage}.begun"
    earlier = (note, f"{folder_of_name(job.table)}.{stage}.")
    if any(name.startswith(earlier) for name in list_folder(spark, ledger_folder(job))):
        return True
    write_text(spark, f"{ledger_folder(job)}/{note}", "\n")
    return False


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
