"""Lands a snapshot in a type 2 dimension: looks at each row once, and writes the versions of changed keys alone."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.bronze_manifest import ALL
from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions import scd2
from medallion.dimensions.bucket_comparison import by_single_rows, can_be_compared, compare
from medallion.dimensions.delete_guard import check_deletes
from medallion.dimensions.dimension_tables import DimensionTables, Gate, Written, commit_nothing
from medallion.dimensions.landed_snapshots import Snapshot, all_columns, cleaned_rows, judged_rows
from medallion.dimensions.scd2 import Landing
from medallion.dimensions.scd2_classification import classified, stored_versions
from medallion.lake import bronze, delta_tables
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.delta_tables import Commit
from medallion.lake.small_frames import MAX_ROWS, Fetched, fetch_all, fetch_known, rows_where
from medallion.lake.sql_text import identifier
from medallion.lake.turns import Turn, commit
from medallion.quality import quarantine
from medallion.quality.cleaning import RAW
from medallion.quality.quality_counts import Counts, all_good, count_columns, count_fetched, counts_of
from medallion.quality.row_judgement import ERRORS, FINDINGS, HAS_FINDINGS, judge
from medallion.run.cli import JobArguments

_CHANGE = (BUSINESS_KEY, "_told", "_row", "_ends", "_newest", "_stored")
# Past it, a list of keys costs more than writing all versions in reach again.
_MOST_NAMED_KEYS = 100_000


class RebuildNeededError(Exception):
    """A snapshot took back the latest word on untracked values: what was said before it stands in bronze alone."""


@dataclass(frozen=True)
class _Changes:
    """What a snapshot changes.

    Attributes:
        rows: one per changed key, as ``classified`` gives them; local where they are few.
        keys: how many there are; some may count twice.
        lost: those of them that the snapshot has not.
    """

    rows: DataFrame
    keys: int
    lost: int


def land_versions(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, snapshot: Snapshot, landing: Landing, turn: Turn,
    gate: Gate, most_rows: int,
) -> tuple[Written | None, Counts, DataFrame]:  # fmt: skip
    """Writes what a snapshot says; None, with nothing written, where another run took the turn.

    Gives the counts of its rows too, and those that were refused, as ``quarantine.refused_rows``.

    Args:
        most_rows: how many keys and refused rows the snapshot and the versions that it can change have at most.

    Raises:
        RebuildNeededError: landing it is not enough; nothing was written.
        QualityStopError: the gate stops the snapshot.
        DeletesError: the snapshot lost more keys than the contract allows.
    """
    cleaned, versions, total = cleaned_rows(spark, snapshot), spark.table(tables.silver), None
    if landing.is_newest and snapshot.rows > MAX_ROWS and can_be_compared(snapshot.told):
        total = bronze.read_snapshot(spark, snapshot.manifest).count()
        said = _said(cleaned, by_single_rows(snapshot.told), landing)
        buckets = compare(said, versions.where("is_current"), landing.contract, total)
        if not buckets.differing:
            counts = all_good(snapshot.told, ALL, total)
            gate(counts)
            return (
                commit_nothing(spark, tables.silver, turn, landing.business_date),
                counts,
                _refused(spark, snapshot, landing),
            )
        if buckets.are_few:
            cleaned = buckets.rows_of(spark, cleaned, landing.contract)
            versions = buckets.rows_of(spark, versions, landing.contract)
    later_unknown = (
        quarantine.later_unknown_keys(spark.table(tables.quarantine), landing.later) if landing.later else None
    )
    if snapshot.rows <= MAX_ROWS:
        said = _said(cleaned, snapshot.told, landing, RAW)
        fetched = fetch_known(spark, classified(said, versions, later_unknown, landing, *FINDINGS, RAW), most_rows)
        if fetched.table is not None:
            refused = quarantine.refused_rows(
                fetched.frame, landing.contract, landing.business_date, F.col(BUSINESS_KEY)
            )
            return *_land_fetched(spark, job, tables, snapshot, fetched, landing, turn, gate), refused
    rows = classified(_said(cleaned, snapshot.told, landing), versions, later_unknown, landing, *FINDINGS)
    # Several steps use what is worth a word; serverless compute has no cache to put it in.
    day, name = landing.business_date, landing.contract.name
    staging = f"{job.lake_root}/silver/_staging/{name}/business_date={day}"
    rows.where(f"_is_changed OR {HAS_FINDINGS}").write.mode("overwrite").parquet(staging)
    try:
        stored = spark.read.schema(rows.schema).parquet(staging)
        if total is None:
            total = bronze.read_snapshot(spark, snapshot.manifest).count()
        return *_land(spark, job, tables, snapshot, stored, total, landing, turn, gate), _refused(
            spark, snapshot, landing
        )
    finally:
        spark.createDataFrame([], rows.schema).write.mode("overwrite").parquet(staging)


def _refused(spark: SparkSession, snapshot: Snapshot, landing: Landing) -> DataFrame:
    """The refused rows, to be looked for once more."""
    return quarantine.refused_rows(judged_rows(spark, snapshot), landing.contract, landing.business_date)


def _said(cleaned: DataFrame, told: SilverContract, landing: Landing, *also: str) -> DataFrame:
    """What cleaned rows say, as ``classified`` takes it, with all findings, and further columns of theirs."""
    judged = judge(cleaned, told, landing.business_date)
    judged = judged.withColumn("_told", F.expr(f"IF({ERRORS} IS NULL, 'present', 'unknown')"))
    return all_columns(judged, landing.contract, told, *FINDINGS, "_told", *also)


def _land_fetched(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, snapshot: Snapshot, rows: Fetched,
    landing: Landing, turn: Turn, gate: Gate,
) -> tuple[Written | None, Counts]:  # fmt: skip
    """Counts, lets the gate decide, and writes, from every row of the snapshot."""
    assert rows.table is not None
    told = rows.table.column("_told")
    counts = count_fetched(snapshot.told, ALL, rows.table, len(told) - told.null_count)
    gate(counts)
    changed = rows_where(spark, rows, "_is_changed")
    assert changed.table is not None
    if changed.is_empty:
        return commit_nothing(spark, tables.silver, turn, landing.business_date), counts
    found = _Changes(_one_of_each(changed.frame, landing), changed.table.num_rows, changed.table["_told"].null_count)
    return _write_changes(spark, job, tables, found, landing, turn), counts


def _land(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, snapshot: Snapshot, rows: DataFrame,
    total: int, landing: Landing, turn: Turn, gate: Gate,
) -> tuple[Written | None, Counts]:  # fmt: skip
    """The same from the rows that change something or break a rule, of ``total`` that the snapshot has."""
    found = rows.agg(
        count_columns(snapshot.told).alias("counts"),
        F.expr("count_if(_is_changed)").alias("changed"),
        F.expr("count_if(_is_changed AND _told IS NULL)").alias("lost"),
    ).collect()[0]
    counts = counts_of(snapshot.told, ALL, [total, *found["counts"][1:]])
    gate(counts)
    if not found["changed"]:
        return commit_nothing(spark, tables.silver, turn, landing.business_date), counts
    changed = _one_of_each(rows.where("_is_changed"), landing)
    if found["changed"] <= MAX_ROWS:
        changed = fetch_all(spark, changed).frame
    changes = _Changes(changed, found["changed"], found["lost"])
    return _write_changes(spark, job, tables, changes, landing, turn), counts


def _one_of_each(changed: DataFrame, landing: Landing) -> DataFrame:
    """The changed keys: one with several refused rows is in each of them where the day is one among others."""
    rows = changed.select(*_CHANGE)
    return rows if landing.is_newest else rows.dropDuplicates([BUSINESS_KEY])


def _write_changes(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, changes: _Changes, landing: Landing, turn: Turn
) -> Written | None:
    """Replaces the versions of the changed keys: by the versions' own keys, by naming keys, or all in reach."""
    contract, reach = landing.contract, scd2.in_reach(landing)
    versions, changed = spark.table(tables.silver).where(reach), changes.rows
    if landing.is_repeated and contract.untracked and not _retracted(changed, versions, landing).isEmpty():
        raise RebuildNeededError
    if contract.max_delete_share < 1 and not job.accept_deletes and changes.lost:
        current = versions.where(scd2.covers(landing.business_date)).count()
        check_deletes(contract, landing.business_date, changes.lost, current, accepted=False)
    near = stored_versions(changed, contract) if landing.needs_open_versions_only else versions
    changed = changed.drop("_stored")
    if changes.keys <= MAX_ROWS:
        # Of a key's open version alone no more can come than what ends, what begins and what is no more.
        most = 3 * changes.keys if landing.needs_open_versions_only else sys.maxsize
        return _write_few(spark, tables, changed, near, landing, turn, most)
    columns = [name for name, _ in scd2.version_columns(contract)]
    new = scd2.new_versions(changed, near, landing).select(columns)
    if landing.is_newest and delta_tables.knows_replace_on(os.environ.get("DATABRICKS_RUNTIME_VERSION")):
        # Every version that is there stays, with the same surrogate key, though it may end now.
        found = _replace_same_versions(spark, tables.silver, new, turn, landing)
    elif changes.keys <= _MOST_NAMED_KEYS:
        keys = changed.select(BUSINESS_KEY).toArrow().column(0).to_pylist()
        found = _replace(spark, tables.silver, new, _of(keys, landing), turn, landing.business_date)
    else:
        kept = versions.withColumn(BUSINESS_KEY, business_key(contract.key))
        new = kept.join(changed.select(BUSINESS_KEY), BUSINESS_KEY, "left_anti").select(columns).unionByName(new)
        found = _replace(spark, tables.silver, new, reach, turn, landing.business_date)
    return None if found is None else Written(found.rows_written, found)


def _write_few(
    spark: SparkSession, tables: DimensionTables, changed: DataFrame, near: DataFrame, landing: Landing, turn: Turn,
    most: int,
) -> Written | None:  # fmt: skip
    """Leaves alone the keys of which the snapshot says nothing new after all."""
    rows = fetch_known(spark, scd2.row_changes(changed, near, landing), most).frame
    actions = [(row[BUSINESS_KEY], row["_action"]) for row in rows.select(BUSINESS_KEY, "_action").collect()]
    keys = sorted({key for key, action in actions if action != "same"})
    if not keys:
        return commit_nothing(spark, tables.silver, turn, landing.business_date)
    new = rows.where(F.col("_action") != "delete")
    if len(keys) < len({key for key, _ in actions}):
        new = new.where(F.col(BUSINESS_KEY).isin(keys))
    new = new.select([name for name, _ in scd2.version_columns(landing.contract)])
    found = _replace(spark, tables.silver, new, _of(keys, landing), turn, landing.business_date)
    return None if found is None else Written(sum(action != "same" for _, action in actions), found)


def _of(keys: Sequence[str], landing: Landing) -> str:
    return f"({scd2.in_reach(landing)}) AND {scd2.of_keys(landing.contract, keys)}"


def _retracted(changed: DataFrame, versions: DataFrame, landing: Landing) -> DataFrame:
    """Earlier versions of keys of which the snapshot's former content had the latest word, and it says nothing now."""
    silent = changed.where(F.col("_newest") & (F.col("_told").isNull() | (F.col("_told") != "present")))
    keyed = versions.where(F.col("valid_from") < date_value(landing.business_date))
    keyed = keyed.withColumn(BUSINESS_KEY, business_key(landing.contract.key))
    return keyed.join(silent.select(BUSINESS_KEY), BUSINESS_KEY, "left_semi")


def _replace_same_versions(
    spark: SparkSession, table: str, rows: DataFrame, turn: Turn, landing: Landing
) -> Commit | None:
    key = identifier(landing.contract.key_column)
    condition = f"_stored.{key} = _new.{key}"
    if landing.needs_open_versions_only:
        # Files without an open version are left out by it.
        condition = f"_stored.valid_to IS NULL AND {condition}"
    return commit(
        spark, table, turn, lambda options: delta_tables.replace_on(rows, table, condition, options=options),
        [landing.business_date],
    )  # fmt: skip


def _replace(
    spark: SparkSession, table: str, rows: DataFrame, predicate: str, turn: Turn, business_date: dt.date
) -> Commit | None:
    return commit(
        spark, table, turn, lambda options: delta_tables.replace_where(rows, table, predicate, options=options),
        [business_date],
    )  # fmt: skip
