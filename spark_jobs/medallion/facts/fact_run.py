"""Brings a fact up to what was landed: whole slices, just those whose landed rows or contract changed, in one commit.

The fact is a function of the newest bronze index, the contract and its waivers. Runs take turns: one commits only if no
other has since it read what is processed, so that an older index never takes the place of a newer one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.bronze_manifest import UNDATED
from lake_model.contracts.silver_contract import SilverContract
from lake_model.landed_verdicts import Verdict, landed_verdicts
from lake_model.table_state import TableState, TableVersion
from medallion import reconcile
from medallion.errors import ConcurrentWriteError
from medallion.facts.fact_slices import (
    COPIES,
    Processed,
    SliceChanges,
    accepted_rows,
    changed_slices,
    count_slices,
    fact_columns,
)
from medallion.kept_figures import kept_figures, measured_on
from medallion.lake import bronze, delta_tables
from medallion.lake.bronze import Manifest
from medallion.lake.dated_layout import DatedLayout
from medallion.lake.delta_tables import Commit
from medallion.lake.progress import SliceProgress, log_of, write_progress
from medallion.lake.small_frames import MAX_ROWS, fetch_all
from medallion.lake.sql_text import identifier
from medallion.lake.table_names import TableNames
from medallion.lake.turns import Turn, commit, next_turn
from medallion.quality import quality_gate, quarantine, references
from medallion.quality.cleaning import RAW, SLICE, check_expressions, clean
from medallion.quality.expectations import counted_verdicts
from medallion.quality.judgement_basis import Basis
from medallion.quality.known_keys import KnownKeys
from medallion.quality.row_judgement import ERRORS, WAIVED, WARNINGS, judge
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome, Standing
from medallion.run.session import prepare_for

_TRIES = 8
_WARNED = "rows_warned"


@dataclass(frozen=True)
class _Work:
    """What one try of a run works on; ``done`` is what was processed when it took its turn."""

    job: JobArguments
    names: TableNames
    contract: SilverContract
    done: Mapping[str, SliceProgress]
    turn: Turn
    manifest: Manifest
    as_of: dt.date
    known: tuple[KnownKeys, ...]
    basis: Basis
    changes: SliceChanges

    @property
    def table(self) -> str:
        """The fact."""
        return self.names.silver(self.contract.name)


@dataclass(frozen=True)
class _Written:
    """What a turn did."""

    commit: Commit
    processed: Processed
    verdicts: list[Verdict]


def refresh_fact(
    spark: SparkSession, job: JobArguments, contract: SilverContract, before: TableState | None
) -> Outcome:
    """Brings a fact, its quarantine and its progress up to the newest manifest.

    ``before`` is what the last run left of the fact.

    Raises:
        BronzeError: nothing was landed, or it cannot be read.
        ContractError: the contract does not suit what was landed.
        QualityStopError: the data is not as the contract expects it; silver is as it was.
        ConcurrentWriteError: another run kept writing to the fact.
    """
    names = TableNames(job.lake_root, job.catalog)
    for _ in range(_TRIES):
        work = _take_turn(spark, job, names, contract)
        verdicts = landed_verdicts(
            contract, work.manifest.slices, work.changes.landed, job.business_date, has_history=bool(work.done)
        )
        if not work.changes.touched:
            quality_gate.check(spark, names, job, contract, (), verdicts, work.as_of)
            _create_tables(spark, work)
            return _outcome(spark, work, before, work.done, work.turn.version, verdicts)
        written = _write(spark, work, verdicts)
        if written is not None:
            done = _note(spark, work, written.processed)
            return _outcome(spark, work, before, done, written.commit.version, written.verdicts, written)
    raise ConcurrentWriteError(
        f"{names.silver(contract.name)}: another run kept writing to it; run this one again when the other is done"
    )


def _take_turn(spark: SparkSession, job: JobArguments, names: TableNames, contract: SilverContract) -> _Work:
    table = names.silver(contract.name)
    # In this order: what another run commits after its turn was read makes ours fail, and what it committed before
    # follows from a manifest that is no newer than the one read here.
    log = log_of(spark, table, names.progress(contract.name))
    turn = next_turn(spark, table, log.turn) if log.has_table else Turn(log.turn + 1, 0)
    manifest = bronze.read_latest_manifest(spark, job.lake_root, contract.schema, contract.source_table)
    # A waiver's end is held against the newest date of the lake, so that an older date run again changes nothing.
    as_of = max(job.business_date, manifest.newest_date)
    known = references.known_keys(spark, names, job, contract)
    basis = Basis.of_contract(contract, as_of, references.slice_digests(known, manifest.slices))
    unfinished = turn.unfinished.slices if turn.unfinished else ()
    # Where the log does not tell which slices a run may have left unfinished, all of them are judged again.
    anew = job.rebuild or (turn.unfinished is not None and turn.unfinished.rebuilt)
    changes = changed_slices(manifest, log.slices, basis, unfinished=unfinished, rebuild=anew)
    if changes.touched or not log.has_table:
        check_expressions(spark, contract, manifest.columns, manifest.uri)
    return _Work(job, names, contract, log.slices, turn, manifest, as_of, known, basis, changes)


def _write(spark: SparkSession, work: _Work, landed: list[Verdict]) -> _Written | None:
    """Judges the stale slices and writes them and their quarantine; None where another run took the turn."""
    contract, manifest, changes = work.contract, work.manifest, work.changes
    landed_rows = sum(manifest.slices[name].rows for name in changes.stale)
    prepare_for(spark, landed_rows)
    rows = bronze.read_slices(spark, manifest, changes.stale, contract.date_source)
    judged = judge(clean(rows, contract), contract, work.as_of, work.known)
    if landed_rows <= MAX_ROWS:
        judged = fetch_all(spark, judged).frame
    accepted = accepted_rows(judged, contract, work.known)
    processed = count_slices(judged, accepted, contract, manifest, changes.stale, work.basis, work.job)
    verdicts = [*landed, *counted_verdicts(contract, processed.counts)]
    quality_gate.check(spark, work.names, work.job, contract, processed.counts, verdicts, work.as_of)
    _create_tables(spark, work)
    found = commit(
        spark, work.table, work.turn, lambda options: _write_rows(accepted.drop(COPIES), work, options), changes.touched
    )
    if found is None:
        return None
    if _may_have_entries(work, processed):
        found_in = [one.slice for one in processed.counts if one.refused or one.waived]
        # The rows are judged once more for it, so only those of slices in which something was found.
        _write_quarantine(spark, judged.where(F.col(SLICE).isin(found_in)), work)
    return _Written(found, processed, verdicts)


def _may_have_entries(work: _Work, processed: Processed) -> bool:
    """Whether an entry may have to be opened or closed: a row is refused, or may have been before."""
    known = work.done and work.turn.unfinished is None and not work.job.rebuild
    before = [work.done[name].contract_hash for name in work.changes.touched if name in work.done]
    found = any(one.refused or one.waived for one in processed.counts)
    return found or not known or not all(map(work.basis.found_clean, before))


def _create_tables(spark: SparkSession, work: _Work) -> None:
    _layout(work.contract).create(spark, work.table, fact_columns(work.contract), change_feed=True)
    quarantine.create(spark, work.names.quarantine(work.contract.name))


def _write_rows(accepted: DataFrame, work: _Work, options: Mapping[str, str]) -> None:
    layout = _layout(work.contract)
    rows = layout.spread(accepted, sum(work.manifest.slices[name].rows for name in work.changes.stale))
    if work.changes.everything:
        delta_tables.overwrite(rows, work.table, partitioned_by=layout.folders, options=options)
    else:
        scope = delta_tables.dates_predicate(layout.column, _dates(work.changes))
        delta_tables.replace_where(rows, work.table, scope, options=options)


def _write_quarantine(spark: SparkSession, judged: DataFrame, work: _Work) -> None:
    contract, changes, table = work.contract, work.changes, work.names.quarantine(work.contract.name)
    scope = "TRUE" if changes.everything else delta_tables.dates_predicate(
        "business_date", _dates(changes), with_null=UNDATED in changes.touched
    )  # fmt: skip
    day = work.job.business_date
    refused = quarantine.refused_rows(
        judged.select(SLICE, RAW, *map(identifier, contract.key), ERRORS, WARNINGS, WAIVED), contract, day
    )
    entries = quarantine.entries_of_facts(refused, spark.table(table).where(scope), contract, day, work.job.run_id)
    quarantine.write_in_turn(spark, table, entries, scope, work.table, work.turn)


def _note(spark: SparkSession, work: _Work, processed: Processed) -> dict[str, SliceProgress]:
    """Notes what was processed; gives what is processed now."""
    # A slice that a killed run wrote was never noted, and is noted as gone all the same: the turn would not end.
    never = {
        name: SliceProgress(name, "", "", work.job.business_date, work.job.run_id, 0) for name in work.changes.gone
    }
    write_progress(
        spark, work.names.progress(work.contract.name), never | dict(work.done), processed.progress,
        work.changes.gone, work.turn.number,
    )  # fmt: skip
    kept = {name: one for name, one in work.done.items() if name not in work.changes.gone}
    return kept | {one.slice: one for one in processed.progress}


def _outcome(
    spark: SparkSession, work: _Work, before: TableState | None, done: Mapping[str, SliceProgress], version: int,
    verdicts: list[Verdict], written: _Written | None = None,
) -> Outcome:  # fmt: skip
    contract, table_id = work.contract, delta_tables.identity(spark, work.table)
    found = None if work.changes.everything else TableVersion(table_id, work.turn.version)
    kept = kept_figures(spark, work.job, before, found, contract.measures)
    stored, touched = delta_tables.at_version(spark, work.table, version), work.changes.touched
    if kept is None:
        prepare_for(spark, 0, scanned=sum(one.rows_bronze for one in done.values()))
    else:
        stored = stored.where(delta_tables.dates_predicate(contract.date_column, _dates(work.changes)))
    silver, refused = reconcile.measure(
        reconcile.stored_fact(stored, contract),
        reconcile.open_quarantine(spark, work.names.quarantine(contract.name), contract),
    )
    if kept is not None:
        silver = kept.of("silver", _WARNED).with_dates(touched, silver)
    rows = sum(one.rows_bronze - one.rows_duplicate for one in written.processed.progress) if written else 0
    return Outcome(
        outcome="refreshed" if written else "unchanged",
        rows_read=sum(work.manifest.slices[name].rows for name in work.changes.stale),
        rows_written=rows,
        bytes_written=written.commit.bytes_written if written else 0,
        detail=reconcile.fact_detail(contract, done, silver, refused)
        | {
            "landed": work.manifest.landed(contract.measures),
            "silver": {"id": table_id, "version": version},
        }
        | measured_on(work.job, kept)
        | quality_gate.announced(contract, verdicts, work.as_of),
        standing=Standing(
            contract.content_hash,
            TableVersion(table_id, version),
            contract.speaks_of_days,
            work.manifest.digest,
            work.basis.waivers_that_matter(one.contract_hash for one in done.values()),
            {one.dimension.name: one.read for one in work.known},
        ),
    )


def _dates(changes: SliceChanges) -> list[dt.date]:
    return [dt.date.fromisoformat(name) for name in changes.touched if name != UNDATED]


def _layout(contract: SilverContract) -> DatedLayout:
    return DatedLayout(contract.date_column, contract.clustered)
