"""Dates that no run was sent for, because their snapshot says what the one before it said.

They count as processed all the same: when a date before them is landed later, it must not reach over them. So the next
run of the table, whatever its date, notes them first, and gives them the quarantine entries that runs of their own
would have written. Bronze tells which dates they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions.dimension_tables import DimensionTables, commit_nothing
from medallion.dimensions.landed_snapshots import find_snapshot, judged_rows
from medallion.lake import delta_tables
from medallion.lake.date_values import date_value
from medallion.lake.progress import SliceProgress, write_progress
from medallion.lake.repeated_dates import before_date
from medallion.lake.small_frames import fetch_small
from medallion.lake.turns import Turn
from medallion.quality import quarantine
from medallion.quality.judgement_basis import needs_waivers
from medallion.run.cli import JobArguments


def first_episode(repeated: Mapping[str, SliceProgress], done: Mapping[str, SliceProgress]) -> dict[str, SliceProgress]:
    """The earliest of them with no processed date between."""
    first = before_date(min(repeated), done)
    return {name: one for name, one in repeated.items() if before_date(name, done) == first}


def note_repeated(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract,
    episode: Mapping[str, SliceProgress], done: Mapping[str, SliceProgress], turn: Turn,
) -> bool:  # fmt: skip
    """Notes an episode of repeated dates in a turn of its own; FALSE where another run took it."""
    days = [dt.date.fromisoformat(name) for name in sorted(episode)]
    if commit_nothing(spark, tables.silver, turn, *days) is None:
        return False
    before = before_date(min(episode), done)
    if before is not None and needs_waivers(before.contract_hash):
        after = min((dt.date.fromisoformat(name) for name in done if name > max(episode)), default=None)
        _write_entries(spark, job, tables, contract, dt.date.fromisoformat(before.slice), days, after, turn)
    noted = [replace(one, business_date=job.business_date, run_id=job.run_id) for one in episode.values()]
    write_progress(spark, tables.progress, done, noted, (), turn.number)
    return True


def _write_entries(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract,
    before: dt.date, days: list[dt.date], after: dt.date | None, turn: Turn,
) -> None:  # fmt: skip
    """Refused rows once for each day; those of the date before are closed by the first."""
    snapshot = find_snapshot(spark, job, contract, days[0])
    assert snapshot is not None
    refused = quarantine.refused_rows(judged_rows(spark, snapshot), contract, days[0])
    refused = refused.withColumn("business_date", F.explode(F.array(*map(date_value, days))))
    scope = delta_tables.dates_predicate("business_date", [before, *days])
    stored = fetch_small(spark, spark.table(tables.quarantine).where(scope)).frame
    following = dict(zip(days, [*days[1:], after], strict=True))
    entries = quarantine.entries_of_snapshots(
        fetch_small(spark, refused).frame, stored, contract, job.run_id, following, closing=days[0]
    )
    quarantine.write_in_turn(spark, tables.quarantine, entries, scope, tables.silver, turn)
