"""Refreshes a fact: whole slices, just those whose landed rows or contract changed, in one commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from medallion import reconcile
from medallion.contracts.silver_contract import SilverContract
from medallion.lake import bronze, delta_tables
from medallion.lake.bronze import SLICE, UNDATED, Manifest
from medallion.lake.progress import SliceProgress, progress_of, write_progress
from medallion.lake.small_frames import MAX_ROWS, fetch_small
from medallion.lake.table_names import TableNames
from medallion.quality import quality_gate, quarantine, references
from medallion.quality.cleaning import RAW, check_expressions, clean
from medallion.quality.expectations import counted_verdicts, landed_verdicts
from medallion.quality.judgement_basis import Basis
from medallion.quality.known_keys import KnownKeys
from medallion.quality.quality_counts import Counts, count_columns, counts_of
from medallion.quality.row_judgement import ERRORS, FINDINGS_TYPE, WAIVED, WARNINGS, judge, judge_warnings
from medallion.quality.rules import identifier
from medallion.reconcile import decimal_type, exact_sum, measure_types
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome

_COPIES = "_copies"


@dataclass(frozen=True)
class SliceChanges:
    """What a run has to do.

    Attributes:
        stale: slices to process.
        gone: slices to forget.
        everything: those are all that there are.
        landed: slices among them whose landed rows changed; of the others only the judgement did.
    """

    stale: tuple[str, ...]
    gone: tuple[str, ...]
    everything: bool
    landed: tuple[str, ...]


def changed_slices(
    manifest: Manifest, done: Mapping[str, SliceProgress], basis: Basis, *, rebuild: bool = False
) -> SliceChanges:
    """Compares what is landed, and what it is judged by, with what was processed; in a rebuild every slice is stale."""
    landed = tuple(
        name for name, one in manifest.slices.items() if name not in done or done[name].fingerprint != one.fingerprint
    )
    stale = tuple(
        name for name in manifest.slices if rebuild or name in landed or not basis.holds(name, done[name].contract_hash)
    )
    gone = tuple(name for name in done if name not in manifest.slices)
    return SliceChanges(stale, gone, len(stale) == len(manifest.slices), (*landed, *gone))


def remove_duplicates(accepted: DataFrame, contract: SilverContract) -> DataFrame:
    """One of each set of rows that are equal in all columns that come from the source, and ``_copies``, their number.

    Derived columns may differ between such rows; the least values survive, so the same in every run.
    """
    derived = [column.name for column in contract.columns if column.source is None]
    compared = [identifier(column.name) for column in contract.columns if column.source is not None]
    count = F.count(F.lit(1)).alias(_COPIES)
    if not derived:
        return accepted.groupBy(*compared).agg(count)
    # A struct of one column would be sorted for, where a plain column is hashed.
    least = F.min(identifier(derived[0]) if len(derived) == 1 else F.struct(*map(identifier, derived))).alias("_least")
    grouped = accepted.groupBy(*compared).agg(count, least)
    chosen = {name: (F.col("_least") if len(derived) == 1 else F.col("_least")[name]).alias(name) for name in derived}
    return grouped.select(*[chosen.get(name, F.col(identifier(name))) for name in contract.column_names], _COPIES)


def accepted_rows(judged: DataFrame, contract: SilverContract, known: Sequence[KnownKeys] = ()) -> DataFrame:
    """The rows that go to silver: the contract's columns, ``_warnings`` and ``_copies``."""
    good = judged.where(F.col(ERRORS).isNull()).select(*map(identifier, contract.column_names))
    single = remove_duplicates(good, contract) if contract.keep_one else good.withColumn(_COPIES, F.lit(1))
    return judge_warnings(single, contract, contract.date_column, known)


@dataclass(frozen=True)
class Processed:
    """What a run counted of the slices that it judged: their progress, and what each rule found."""

    progress: tuple[SliceProgress, ...]
    counts: tuple[Counts, ...]


def count_slices(
    judged: DataFrame, accepted: DataFrame, contract: SilverContract, manifest: Manifest,
    stale: tuple[str, ...], basis: Basis, job: JobArguments,
) -> Processed:  # fmt: skip
    """Counts what was landed, what each rule found and what is removed as duplicate, slice by slice, in one pass."""
    types = measure_types(contract)
    extra = F.col(_COPIES) - 1
    landed_sums = [exact_sum(F.col(RAW)[name], kind) for name, kind in types.items()]
    removed_sums = [
        exact_sum(F.col(identifier(name)).cast(decimal_type(kind)) * extra, kind) for name, kind in types.items()
    ]
    landed = judged.groupBy(SLICE).agg(
        F.lit("bronze").alias("side"),
        count_columns(contract).alias("counts"),
        F.array(*landed_sums).cast("array<string>").alias("sums"),
    )
    day = F.col(identifier(contract.date_column)).cast("string").alias(SLICE)
    copied = accepted.where(extra > 0).groupBy(day)
    removed = copied.agg(
        F.lit("duplicate").alias("side"),
        F.array(F.sum(extra)).alias("counts"),
        F.array(*removed_sums).cast("array<string>").alias("sums"),
    )
    frame = landed.unionByName(removed) if contract.keep_one else landed
    counted = {(row["side"], row[SLICE]): row for row in frame.collect()}
    progress, counts = [], []
    for name in stale:
        bronze_row, removed_row = counted.get(("bronze", name)), counted.get(("duplicate", name))
        found = counts_of(contract, name, bronze_row["counts"]) if bronze_row else Counts(name)
        counts.append(found)
        progress.append(
            SliceProgress(
                slice=name,
                fingerprint=manifest.slices[name].fingerprint,
                contract_hash=basis.of(found),
                business_date=job.business_date,
                run_id=job.run_id,
                rows_bronze=found.rows,
                rows_duplicate=removed_row["counts"][0] if removed_row else 0,
                sums_bronze=dict(zip(types, bronze_row["sums"], strict=True)) if bronze_row else {},
                sums_duplicate=dict(zip(types, removed_row["sums"], strict=True)) if removed_row else {},
            )
        )
    return Processed(tuple(progress), tuple(counts))


def fact_columns(contract: SilverContract) -> tuple[tuple[str, str], ...]:
    """The columns of a fact, with their types."""
    return (*((column.name, column.lake_type) for column in contract.columns), (WARNINGS, FINDINGS_TYPE))


def refresh_fact(spark: SparkSession, job: JobArguments, contract: SilverContract) -> Outcome:
    """Brings a fact, its quarantine and its progress up to the newest manifest.

    Raises:
        BronzeError: nothing was landed, or it cannot be read.
        ContractError: the contract does not suit what was landed.
        QualityStopError: the data is not as the contract expects it; silver is as it was.
    """
    names = TableNames(job.lake_root, job.catalog)
    table, refused_table = names.silver(contract.name), names.quarantine(contract.name)
    manifest = bronze.read_latest_manifest(spark, job.lake_root, contract.schema, contract.source_table)
    is_new = not delta_tables.exists(spark, table)
    done = progress_of(spark, table, names.progress(contract.name))
    # A waiver's end is held against the newest date of the lake, so that an older date run again changes nothing.
    as_of = max(job.business_date, manifest.newest_date)
    known = references.known_keys(spark, names, job, contract)
    basis = Basis.of_contract(contract, as_of, references.slice_digests(known, manifest.slices))
    changes = changed_slices(manifest, done, basis, rebuild=job.rebuild)
    verdicts = landed_verdicts(contract, manifest.slices, changes.landed, job.business_date, has_history=bool(done))
    written, bytes_written, counts = 0, 0, tuple[Counts, ...]()
    if is_new or changes.stale or changes.gone:
        check_expressions(spark, contract, manifest.columns, manifest.uri)
        rows = bronze.read_slices(spark, manifest, changes.stale, contract.date_source)
        judged = judge(clean(rows, contract), contract, as_of, known)
        if sum(manifest.slices[name].rows for name in changes.stale) <= MAX_ROWS:
            judged = fetch_small(spark, judged).frame
        accepted = accepted_rows(judged, contract, known)
        processed = count_slices(judged, accepted, contract, manifest, changes.stale, basis, job)
        counts = processed.counts
        verdicts += counted_verdicts(contract, counts)
        quality_gate.check(spark, names, job, contract, counts, verdicts)
        delta_tables.create(spark, table, fact_columns(contract), partitioned_by=contract.date_column, change_feed=True)
        quarantine.create(spark, refused_table)
        before = delta_tables.version(spark, table)
        _write_rows(accepted.drop(_COPIES), table, contract, changes)
        _write_quarantine(spark, refused_table, judged, contract, changes, job)
        write_progress(spark, names.progress(contract.name), done, processed.progress, changes.gone)
        done = {name: one for name, one in done.items() if name not in changes.gone} | {
            one.slice: one for one in processed.progress
        }
        written = sum(one.rows_bronze - one.rows_duplicate for one in processed.progress)
        bytes_written = delta_tables.bytes_written_since(spark, table, before)
    else:
        quality_gate.check(spark, names, job, contract, counts, verdicts)
    # Before it is measured: whoever reads this version or an older one has read no newer rows than are measured.
    at = delta_tables.moment(spark, table)
    silver = reconcile.measure_fact(spark, table, contract)
    refused = reconcile.measure_open_quarantine(spark, refused_table, contract)
    return Outcome(
        outcome="refreshed" if changes.stale or changes.gone else "unchanged",
        rows_read=sum(manifest.slices[name].rows for name in changes.stale),
        rows_written=written,
        bytes_written=bytes_written,
        detail=reconcile.fact_detail(contract, done, silver, refused)
        | {
            "landed": manifest.landed(contract.measures),
            "silver": at,
            "expectations_not_met": quality_gate.not_met(contract, verdicts),
        },
    )


def _write_rows(accepted: DataFrame, table: str, contract: SilverContract, changes: SliceChanges) -> None:
    # One file per date: the writer splits what a task has by date.
    rows = accepted.repartition(F.col(identifier(contract.date_column)))
    if changes.everything:
        delta_tables.overwrite(rows, table, partitioned_by=contract.date_column)
        return
    dates = _dates((*changes.stale, *changes.gone))
    if dates:
        delta_tables.replace_where(rows, table, delta_tables.dates_predicate(contract.date_column, dates))


def _write_quarantine(
    spark: SparkSession,
    table: str,
    judged: DataFrame,
    contract: SilverContract,
    changes: SliceChanges,
    job: JobArguments,
) -> None:
    touched = (*changes.stale, *changes.gone)
    scope = "TRUE" if changes.everything else delta_tables.dates_predicate(
        "business_date", _dates(touched), with_null=UNDATED in touched
    )  # fmt: skip
    refused = quarantine.refused_rows(
        judged.select(SLICE, RAW, *map(identifier, contract.key), ERRORS, WARNINGS, WAIVED), contract, job.business_date
    )
    entries = quarantine.entries_of_facts(
        refused, spark.table(table).where(scope), contract, job.business_date, job.run_id
    )
    quarantine.write(spark, table, entries, scope)


def _dates(slices: tuple[str, ...]) -> list[dt.date]:
    return [dt.date.fromisoformat(name) for name in slices if name != UNDATED]
