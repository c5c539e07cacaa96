"""Lands one snapshot in a dimension, in one turn: silver, then its quarantine, then the note that it is processed."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions import scd1, scd2
from medallion.dimensions.delete_guard import check_deletes
from medallion.dimensions.dimension_tables import DimensionTables, Gate, Written, commit_nothing
from medallion.dimensions.landed_snapshots import Snapshot, accepted_rows, judge_snapshot
from medallion.dimensions.scd2 import Landing
from medallion.dimensions.version_landing import land_versions
from medallion.lake import delta_tables
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.progress import SliceProgress
from medallion.lake.small_frames import fetch_small
from medallion.lake.turns import Turn, commit
from medallion.quality import quarantine
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments
from medallion.run.session import prepare_for


def land(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract, snapshot: Snapshot,
    done: Mapping[str, SliceProgress], turn: Turn, gate: Gate,
) -> Written | None:  # fmt: skip
    """Writes what a snapshot says, and its quarantine; None, with nothing written, where another run took the turn.

    Raises:
        RebuildNeededError: landing it is not enough; nothing was written.
        QualityStopError: the gate stops the snapshot.
        DeletesError: the snapshot lost more keys than the contract allows.
        ConcurrentWriteError: another run kept writing to the quarantine.
    """
    dates = sorted(dt.date.fromisoformat(name) for name in done)
    day, later = snapshot.business_date, tuple(date for date in dates if date > snapshot.business_date)
    previous = max((date for date in dates if date < day), default=None)
    if day not in dates and previous and _is_repeated(snapshot, done[previous.isoformat()]):
        gate(None)
        nothing = commit_nothing(spark, tables.silver, turn, day)
        return nothing and replace(nothing, judged_by={day: snapshot.basis.contract_hash}, was_read=False)
    prepare_for(spark, snapshot.rows)
    is_repeated = day in dates or (turn.unfinished is not None and day in turn.unfinished.dates)
    if contract.scd_type == 2:
        by_date = {dt.date.fromisoformat(name): one.tracked_columns for name, one in done.items()}
        since = scd2.tracked_since(contract.tracked, by_date | {day: snapshot.told.tracked})
        landing = Landing(contract, day, later, since, is_repeated)
        # Each key with an open version was in the newest snapshot that was processed, if only as a refused row.
        open_keys = done[previous.isoformat()].rows_bronze if previous else 0
        most = snapshot.rows + open_keys if landing.is_newest else sys.maxsize
        written, counts, refused = land_versions(spark, job, tables, snapshot, landing, turn, gate, most)
    else:
        judged = judge_snapshot(spark, snapshot)
        counts = judged.counts
        gate(counts)
        accepted = accepted_rows(judged.rows, contract, snapshot.told)
        refused = quarantine.refused_rows(judged.rows, contract, day)
        if later:
            written = commit_nothing(spark, tables.silver, turn, day)
        else:
            written = _replace_rows(spark, job, tables, contract, accepted, refused, day, turn)
    if written is None:
        return None
    # Where nothing is refused, and nothing was, there is no entry to be opened or closed.
    was_clean = previous is not None and _is_clean(snapshot, done[previous.isoformat()])
    if counts.refused or counts.waived or is_repeated or not was_clean:
        dates = [date for date in (previous, day) if date is not None]
        _write_quarantine(spark, job, tables, contract, refused, counts, dates, later, turn)
    return replace(written, judged_by={day: snapshot.basis.of(counts)}, has_refused=counts.refused > 0)


def _write_quarantine(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract, refused: DataFrame,
    counts: Counts, dates: Sequence[dt.date], later: Sequence[dt.date], turn: Turn,
) -> None:  # fmt: skip
    """Opens and closes entries of a snapshot and of the one before it, the ``dates``."""
    day, scope = dates[-1], delta_tables.dates_predicate("business_date", dates)
    stored = fetch_small(spark, spark.table(tables.quarantine).where(scope))
    found = counts.refused + counts.waived
    if not found:
        if stored.is_empty:
            return
        # Where all rows are good, none need be looked for once more.
        refused = spark.createDataFrame([], refused.schema)
    entries = quarantine.entries_of_snapshots(
        refused, stored.frame, contract, job.run_id, {day: later[0] if later else None}, closing=day
    )
    most = sys.maxsize if stored.rows is None else stored.rows + found
    quarantine.write_in_turn(spark, tables.quarantine, entries, scope, tables.silver, turn, most)


def _is_repeated(snapshot: Snapshot, before: SliceProgress) -> bool:
    """Whether the snapshot says just what the one before it said, which had nothing for quarantine either."""
    same = (before.fingerprint, before.tracked_columns) == (snapshot.fingerprint, snapshot.told.tracked)
    return same and _is_clean(snapshot, before)


def _is_clean(snapshot: Snapshot, before: SliceProgress) -> bool:
    """Whether the snapshot before, judged by the same contract, had nothing for quarantine."""
    return snapshot.basis.found_clean(before.contract_hash)


def _replace_rows(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract, accepted: DataFrame,
    refused: DataFrame, business_date: dt.date, turn: Turn,
) -> Written | None:  # fmt: skip
    """Type 1: the newest snapshot's rows take the place of all others."""
    stored, new = spark.table(tables.silver), scd1.dimension_rows(accepted, contract)
    changed = scd1.count_differences(new, stored, contract.key_column)
    if not changed:
        return commit_nothing(spark, tables.silver, turn, business_date)
    if contract.max_delete_share < 1 and not job.accept_deletes:
        told = accepted.select(business_key(contract.key).alias(BUSINESS_KEY))
        told = told.unionByName(quarantine.quarantined_keys(refused))
        before = stored.select(business_key(contract.key).alias(BUSINESS_KEY))
        lost = before.join(told, BUSINESS_KEY, "left_anti").count()
        check_deletes(contract, business_date, lost, stored.count() if lost else 0, accepted=False)
    found = commit(
        spark, tables.silver, turn, lambda options: delta_tables.overwrite(new, tables.silver, options=options),
        [business_date],
    )  # fmt: skip
    return None if found is None else Written(changed, found)
