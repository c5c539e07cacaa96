"""Lands one snapshot in a dimension, in one turn: silver, then its quarantine, then the note that it is processed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from medallion.contracts.silver_contract import SilverContract
from medallion.dimensions import scd1, scd2
from medallion.dimensions.business_keys import BUSINESS_KEY, business_key
from medallion.dimensions.delete_guard import check_deletes
from medallion.dimensions.dimension_tables import DimensionTables, Written
from medallion.dimensions.landed_snapshots import Snapshot, accepted_rows, judge_snapshot
from medallion.dimensions.scd2 import Landing
from medallion.lake import delta_tables
from medallion.lake.delta_tables import Commit
from medallion.lake.progress import SliceProgress
from medallion.lake.small_frames import fetch_small
from medallion.lake.turns import Turn, commit
from medallion.quality import quarantine
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments


class RebuildNeededError(Exception):
    """A snapshot took back the latest word on untracked values: what was said before it stands in bronze alone."""


# Lets a snapshot pass or raises, before anything is written; None where its rows were not read.
Gate = Callable[[Counts | None], None]


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
        nothing = _commit_nothing(spark, tables.silver, turn, day)
        return nothing and replace(nothing, judged_by={day: snapshot.basis.contract_hash})
    judged = judge_snapshot(spark, snapshot)
    gate(judged.counts)
    accepted = accepted_rows(judged.rows, contract, snapshot.told)
    refused = quarantine.refused_rows(judged.rows, contract, day)
    if contract.scd_type == 2:
        by_date = {dt.date.fromisoformat(name): one.tracked_columns for name, one in done.items()}
        is_repeated = day in dates or (turn.unfinished is not None and day in turn.unfinished.dates)
        since = scd2.tracked_since(contract.tracked, by_date | {day: snapshot.told.tracked})
        written = _land_versions(
            spark, job, tables, accepted, refused, Landing(contract, day, later, since, is_repeated), turn
        )
    elif later:
        written = _commit_nothing(spark, tables.silver, turn, day)
    else:
        written = _replace_rows(spark, job, tables, contract, accepted, refused, day, turn)
    if written is None:
        return None
    scope = delta_tables.dates_predicate("business_date", [date for date in (previous, day) if date is not None])
    entries = quarantine.entries_of_snapshots(
        refused, spark.table(tables.quarantine).where(scope), contract, job.run_id,
        {day: later[0] if later else None}, closing=day,
    )  # fmt: skip
    quarantine.write_in_turn(spark, tables.quarantine, entries, scope, turn)
    return replace(written, judged_by={day: snapshot.basis.of(judged.counts)})


def _is_repeated(snapshot: Snapshot, before: SliceProgress) -> bool:
    """Whether the snapshot says just what the one before it said, which had nothing for quarantine either."""
    clean = before.contract_hash == snapshot.basis.contract_hash
    return clean and (before.fingerprint, before.tracked_columns) == (snapshot.fingerprint, snapshot.told.tracked)


def _land_versions(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, accepted: DataFrame, refused: DataFrame,
    landing: Landing, turn: Turn,
) -> Written | None:  # fmt: skip
    contract, reach = landing.contract, scd2.in_reach(landing)
    versions = spark.table(tables.silver).where(reach)
    later_unknown = (
        quarantine.later_unknown_keys(spark.table(tables.quarantine), landing.later) if landing.later else None
    )
    changed = scd2.changed_keys(accepted, quarantine.quarantined_keys(refused), versions, later_unknown, landing)
    fetched = fetch_small(spark, changed)
    if fetched.is_empty:
        return _commit_nothing(spark, tables.silver, turn, landing.business_date)
    if fetched.rows is not None:
        return _write_changes(spark, job, tables, fetched.frame, versions, landing, turn, are_few=True)
    # Several steps use them; serverless compute has no cache to put them in.
    staging = f"{job.lake_root}/silver/_staging/{contract.name}/business_date={landing.business_date}"
    changed.write.mode("overwrite").parquet(staging)
    try:
        stored = spark.read.schema(changed.schema).parquet(staging)
        return _write_changes(spark, job, tables, stored, versions, landing, turn, are_few=False)
    finally:
        changed.limit(0).write.mode("overwrite").parquet(staging)


def _write_changes(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, changed: DataFrame, versions: DataFrame,
    landing: Landing, turn: Turn, *, are_few: bool,
) -> Written | None:  # fmt: skip
    """Replaces the versions of the changed keys: by naming the keys where they are few, else all versions in reach."""
    contract, reach = landing.contract, scd2.in_reach(landing)
    if landing.is_repeated and contract.untracked and not _retracted(changed, versions, landing).isEmpty():
        raise RebuildNeededError
    if contract.max_delete_share < 1 and not job.accept_deletes:
        lost = changed.where(F.col("told").isNull()).count()
        current = versions.where(scd2.covers(landing.business_date)).count() if lost else 0
        check_deletes(contract, landing.business_date, lost, current, accepted=False)
    columns = [name for name, _ in scd2.version_columns(contract)]
    rows = fetch_small(spark, scd2.row_changes(changed, versions, landing)) if are_few else None
    if rows is None or rows.rows is None:
        kept = versions.withColumn(BUSINESS_KEY, business_key(contract.key))
        kept = kept.join(changed.select(BUSINESS_KEY), BUSINESS_KEY, "left_anti").select(columns)
        new = kept.unionByName(scd2.new_versions(changed, versions, landing).select(columns))
        found = _replace(spark, tables.silver, new, reach, turn, landing.business_date)
        return None if found is None else Written(found.rows_written, found)
    actions = [(row[BUSINESS_KEY], row["_action"]) for row in rows.frame.select(BUSINESS_KEY, "_action").collect()]
    keys = sorted({key for key, action in actions if action != "same"})
    if not keys:
        return _commit_nothing(spark, tables.silver, turn, landing.business_date)
    new = rows.frame.where(F.col("_action") != "delete")
    if len(keys) < len({key for key, _ in actions}):
        new = new.where(F.col(BUSINESS_KEY).isin(keys))
    predicate = f"({reach}) AND {scd2.of_keys(contract, keys)}"
    found = _replace(spark, tables.silver, new.select(columns), predicate, turn, landing.business_date)
    return None if found is None else Written(sum(action != "same" for _, action in actions), found)


def _retracted(changed: DataFrame, versions: DataFrame, landing: Landing) -> DataFrame:
    """Earlier versions of keys of which the snapshot's former content had the latest word, and it says nothing now."""
    silent = changed.where(F.col("newest") & (F.col("told").isNull() | (F.col("told") != "present")))
    keyed = versions.where(F.col("valid_from") < F.lit(landing.business_date))
    keyed = keyed.withColumn(BUSINESS_KEY, business_key(landing.contract.key))
    return keyed.join(silent.select(BUSINESS_KEY), BUSINESS_KEY, "left_semi")


def _replace_rows(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract, accepted: DataFrame,
    refused: DataFrame, business_date: dt.date, turn: Turn,
) -> Written | None:  # fmt: skip
    """Type 1: the newest snapshot's rows take the place of all others."""
    stored, new = spark.table(tables.silver), scd1.dimension_rows(accepted, contract)
    changed = scd1.count_differences(new, stored, contract.key_column)
    if not changed:
        return _commit_nothing(spark, tables.silver, turn, business_date)
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


def _replace(
    spark: SparkSession, table: str, rows: DataFrame, predicate: str, turn: Turn, business_date: dt.date
) -> Commit | None:
    return commit(
        spark, table, turn, lambda options: delta_tables.replace_where(rows, table, predicate, options=options),
        [business_date],
    )  # fmt: skip


def _commit_nothing(spark: SparkSession, table: str, turn: Turn, business_date: dt.date) -> Written | None:
    """Takes the turn with a commit that has no rows: that the date is processed bears on dates that are not yet."""
    none = spark.table(table).limit(0)
    found = commit(
        spark, table, turn, lambda options: delta_tables.append(none, table, options=options), [business_date]
    )
    return None if found is None else Written(0, found)
