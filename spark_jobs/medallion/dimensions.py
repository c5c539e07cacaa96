"""Refreshes a dimension from the snapshot that was landed on a business date: type 1 or type 2."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from medallion import bronze, delta_tables, quality_gate, quarantine, reconcile, scd1, scd2
from medallion.cleaning import check_expressions, clean
from medallion.cli import JobArguments
from medallion.contracts import SilverContract
from medallion.errors import ConcurrentWriteError
from medallion.expectations import counted_verdicts, landed_verdicts
from medallion.judgement_basis import Basis
from medallion.progress import SliceProgress, progress_of, write_progress
from medallion.quality import ERRORS, WARNINGS, judge
from medallion.quality_counts import count_columns, counts_of
from medallion.rules import identifier
from medallion.run_ledger import Outcome
from medallion.small_frames import MAX_ROWS, fetch_small
from medallion.table_names import TableNames

_TRIES = 5


@dataclass(frozen=True)
class Snapshot:
    """A landed snapshot, cleaned and judged, among the dates processed before.

    Attributes:
        accepted: the contract's columns and ``_warnings`` of the good rows.
        refused: the rows for quarantine.
        previous: the processed date before it; ``later``: those after it.
    """

    business_date: dt.date
    accepted: DataFrame
    refused: DataFrame
    previous: dt.date | None
    later: tuple[dt.date, ...]


def refresh_dimension(spark: SparkSession, job: JobArguments, contract: SilverContract) -> Outcome:
    """Lands the snapshot of the business date; leaves the dimension alone where none was landed.

    Raises:
        BronzeError: the snapshot cannot be read.
        ContractError: the contract does not suit what was landed.
        QualityStopError: the snapshot is not as the contract expects it; silver is as it was.
        ConcurrentWriteError: another writer kept changing the dimension.
    """
    manifest = bronze.read_snapshot_manifest(
        spark, job.lake_root, contract.schema, contract.source_table, job.business_date
    )
    if manifest is None:
        return Outcome("no_snapshot", detail=reconcile.NOTHING)
    names = TableNames(job.lake_root, job.catalog)
    table, refused_table = names.silver(contract.name), names.quarantine(contract.name)
    progress_table = names.progress(contract.name)
    done = progress_of(spark, table, progress_table)
    day = job.business_date.isoformat()
    fingerprint = ";".join(sorted(f"{one.name}={one.fingerprint}" for one in manifest.slices.values()))
    rows_landed = sum(one.rows for one in manifest.slices.values())
    earlier = done.get(day)
    # A snapshot is of its date, so it is judged by the waivers that held on it, whenever it is processed.
    basis = Basis.of_contract(contract, job.business_date)
    verdicts = landed_verdicts(contract, manifest.slices, (), job.business_date, has_history=bool(done))
    if earlier and earlier.fingerprint == fingerprint and basis.holds(bronze.WHOLE, earlier.contract_hash):
        quality_gate.check(spark, names, job, contract, (), verdicts)
        detail = reconcile.measure_dimension(spark, table, refused_table, contract, earlier)
        detail |= {"expectations_not_met": quality_gate.not_met(contract, verdicts)}
        return Outcome(_outcome(contract, job.business_date, done, 0), detail=detail)
    check_expressions(spark, contract, manifest.columns, manifest.uri)
    judged = judge(clean(bronze.read_snapshot(spark, manifest), contract), contract, job.business_date)
    if rows_landed <= MAX_ROWS:
        judged = fetch_small(spark, judged).frame
    counts = counts_of(contract, bronze.WHOLE, judged.agg(count_columns(contract).alias("counts")).collect()[0][0])
    verdicts += counted_verdicts(contract, [counts])
    quality_gate.check(spark, names, job, contract, [counts], verdicts)
    snapshot = _snapshot(judged, contract, job.business_date, done)
    quarantine.create(spark, refused_table)
    if contract.scd_type == 2:
        by_date = {dt.date.fromisoformat(name): one.tracked_columns for name, one in done.items()}
        landing = scd2.Landing(
            contract,
            job.business_date,
            snapshot.later,
            scd2.tracked_since(contract.tracked, by_date | {job.business_date: contract.tracked}),
        )
        _create_or_align(spark, table, scd2.version_columns(contract), "is_current")
        before = delta_tables.version(spark, table)
        written = _land(spark, table, refused_table, snapshot, landing)
    else:
        _create_or_align(spark, table, scd1.row_columns(contract), None)
        before = delta_tables.version(spark, table)
        written = 0 if snapshot.later else scd1.replace_rows(spark, table, snapshot.accepted, contract)
    _write_quarantine(spark, refused_table, snapshot, contract, job.run_id)
    progress = SliceProgress(
        slice=day,
        fingerprint=fingerprint,
        contract_hash=basis.of(counts),
        business_date=job.business_date,
        run_id=job.run_id,
        rows_bronze=rows_landed,
        tracked_columns=contract.tracked,
    )
    write_progress(spark, progress_table, done, [progress])
    detail = reconcile.measure_dimension(spark, table, refused_table, contract, progress)
    detail |= {"expectations_not_met": quality_gate.not_met(contract, verdicts)}
    return Outcome(
        _outcome(contract, job.business_date, done, written),
        rows_landed,
        written,
        delta_tables.bytes_written_since(spark, table, before) if written else 0,
        detail,
    )


def _outcome(contract: SilverContract, day: dt.date, done: Mapping[str, SliceProgress], written: int) -> str:
    """A type 1 dimension holds the newest snapshot alone: the figures of an older one cannot be read from it."""
    if contract.scd_type == 1 and any(dt.date.fromisoformat(name) > day for name in done):
        return "superseded"
    return "refreshed" if written else "unchanged"


def _snapshot(judged: DataFrame, contract: SilverContract, day: dt.date, done: Mapping[str, SliceProgress]) -> Snapshot:
    dates = sorted(dt.date.fromisoformat(name) for name in done)
    accepted = judged.where(F.col(ERRORS).isNull()).select(*map(identifier, contract.column_names), WARNINGS)
    return Snapshot(
        business_date=day,
        accepted=accepted,
        refused=quarantine.refused_rows(judged, contract, day),
        previous=max((date for date in dates if date < day), default=None),
        later=tuple(date for date in dates if date > day),
    )


def _create_or_align(
    spark: SparkSession,
    table: str,
    columns: tuple[tuple[str, str], ...],
    partition: str | None,
) -> None:
    """Creates the table, or gives it the contract's columns if those have changed since."""
    delta_tables.create(spark, table, columns, partitioned_by=partition, change_feed=True)
    stored = delta_tables.table_types(spark, table)
    wanted = {name: lake_type.replace(" ", "") for name, lake_type in columns if name != WARNINGS}
    if {name: kind for name, kind in stored.items() if name != WARNINGS} == wanted:
        return
    aligned = [
        (F.col(identifier(name)).try_cast(kind) if name in stored else F.lit(None).cast(kind)).alias(name)
        for name, kind in columns
    ]
    delta_tables.overwrite(spark.table(table).select(*aligned), table, partitioned_by=partition)


def _land(spark: SparkSession, table: str, refused_table: str, snapshot: Snapshot, landing: scd2.Landing) -> int:
    """Merges what the snapshot changes; gives the number of rows staged, 0 without a commit."""
    for _ in range(_TRIES):
        version = delta_tables.version(spark, table)
        versions = spark.table(table)
        later_unknown = (
            quarantine.later_unknown_keys(spark.table(refused_table), snapshot.later) if snapshot.later else None
        )
        changed = scd2.changed_keys(
            snapshot.accepted, quarantine.quarantined_keys(snapshot.refused), versions, later_unknown, landing
        )
        found = fetch_small(spark, changed)
        if found.is_empty:
            return 0
        staged = fetch_small(spark, scd2.staged_changes(found.frame, versions, landing))
        if staged.is_empty:
            return 0
        counted = staged.frame.agg(F.count(F.lit(1)), F.bool_and(F.coalesce("_was_current", F.lit(True)))).collect()[0]
        _merge(spark, table, staged.frame, landing.contract, only_current=bool(counted[1]))
        newest = delta_tables.history(spark, table, 1)[0]
        if newest.version == version + 1 and newest.read_version == version:
            return int(counted[0])
    raise ConcurrentWriteError(f"{table}: another run kept writing to it; run this one again when the other is done")


def _merge(spark: SparkSession, table: str, staged: DataFrame, contract: SilverContract, *, only_current: bool) -> None:
    key = identifier(contract.key_column)
    columns = [identifier(name) for name, _ in scd2.version_columns(contract)]
    view = f"staged_{contract.name}"
    # A version that another run changed since is left to the next try, which knows of the change.
    same = "t.valid_to <=> s._old_valid_to"
    staged.createOrReplaceTempView(view)
    try:
        # Versions closed for good lie in a partition of their own, which need not be read or rewritten then.
        spark.sql(
            f"MERGE INTO {table} AS t USING {view} AS s ON t.{key} = s.{key}"
            f"{' AND t.is_current' if only_current else ''}"
            f" WHEN MATCHED AND {same} AND s._action = 'delete' THEN DELETE"
            f" WHEN MATCHED AND {same} THEN UPDATE SET {', '.join(f't.{name} = s.{name}' for name in columns)}"
            f" WHEN NOT MATCHED THEN INSERT ({', '.join(columns)})"
            f" VALUES ({', '.join(f's.{name}' for name in columns)})"
        )
    finally:
        spark.catalog.dropTempView(view)


def _write_quarantine(
    spark: SparkSession, table: str, snapshot: Snapshot, contract: SilverContract, run_id: str
) -> None:
    dates = [date for date in (snapshot.previous, snapshot.business_date) if date is not None]
    scope = delta_tables.dates_predicate("business_date", dates)
    entries = quarantine.entries_of_snapshot(
        snapshot.refused, spark.table(table).where(scope), contract, run_id, snapshot.business_date,
        snapshot.later[0] if snapshot.later else None,
    )  # fmt: skip
    quarantine.write(spark, table, entries, scope)
