"""Brings a dimension up to the snapshot of a business date: type 1 or type 2.

The dimension is a function of its contract and of the set of landed snapshots. A snapshot is landed on top of what is
there; where that will not do (another contract, columns that the source got or lost), the dimension is made anew from
all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from pyspark.sql import SparkSession

from lake_model.bronze_manifest import ALL
from lake_model.contracts.silver_contract import SilverContract
from lake_model.contracts.waivers_in_force import waivers_digest
from lake_model.landed_verdicts import landed_verdicts
from medallion import reconcile
from medallion.dimensions import scd2
from medallion.dimensions.dimension_landing import land
from medallion.dimensions.dimension_rebuild import check_complete, rebuild
from medallion.dimensions.dimension_tables import DimensionTables, Written, note
from medallion.dimensions.landed_snapshots import Snapshot, find_all, find_snapshot
from medallion.dimensions.repeated_dates import first_episode, note_repeated
from medallion.dimensions.version_landing import RebuildNeededError
from medallion.errors import BronzeError, ConcurrentWriteError
from medallion.lake.progress import SliceProgress, progress_of
from medallion.lake.repeated_dates import repeated_dates
from medallion.lake.table_names import TableNames
from medallion.lake.turns import Turn, next_turn
from medallion.quality import quality_gate
from medallion.quality.cleaning import check_expressions
from medallion.quality.expectations import counted_verdicts
from medallion.quality.judgement_basis import Basis, needs_waivers
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome, Standing
from medallion.run.table_states import table_version

_TRIES = 8


def refresh_dimension(spark: SparkSession, job: JobArguments, contract: SilverContract) -> Outcome:
    """Lands the snapshot of the business date; leaves the dimension alone where none was landed.

    Raises:
        BronzeError: a snapshot cannot be read, or one that is needed is gone.
        ContractError: the contract does not suit what was landed.
        QualityStopError: the snapshot is not as the contract expects it; silver is as it was.
        DeletesError: the snapshot lost more keys than the contract allows.
        ConcurrentWriteError: another writer kept changing the dimension.
    """
    snapshot = find_snapshot(spark, job, contract, job.business_date)
    if snapshot is None and not job.rebuild:
        return Outcome("no_snapshot", detail=reconcile.NOTHING)
    names = TableNames(job.lake_root, job.catalog)
    tables = DimensionTables.of(names, contract)
    done: Mapping[str, SliceProgress] = progress_of(spark, tables.silver, tables.progress)
    gate = _Gate(spark, names, job, contract, snapshot, has_history=bool(done))
    anew, turns_lost = job.rebuild, 0
    while turns_lost < _TRIES:
        repeated = repeated_dates(spark, job.lake_root, contract, done, besides=job.business_date)
        if snapshot and not job.rebuild and not repeated and _is_processed(snapshot, done):
            turn = next_turn(spark, tables.silver, _noted(done))
            if turn.unfinished is None:
                gate.check(None)
                return _outcome(spark, tables, contract, snapshot, done, gate, turn.version)
        _check_newest(spark, job, contract, snapshot, done)
        tables.create(spark, contract, snapshot.rows if snapshot else 0)
        turn = next_turn(spark, tables.silver, _noted(done))
        if anew or _must_be_rebuilt(contract, done, turn, snapshot):
            written, done = _rebuild(spark, job, tables, contract, done, repeated, turn, gate)
            if written:
                version = written.commit.version
                return _outcome(spark, tables, contract, snapshot, done, gate, version, written, rebuilt=True)
        elif repeated and turn.unfinished is None:
            episode = first_episode(repeated, done)
            turns_lost -= note_repeated(spark, job, tables, contract, episode, done, turn)
        elif snapshot:
            # What a killed run left unfinished comes first: its date counts as processed in silver already.
            target = _unfinished(spark, job, contract, turn) or snapshot
            is_own = target.business_date == job.business_date
            try:
                written = land(spark, job, tables, contract, target, done, turn, gate.check if is_own else _pass)
            except RebuildNeededError:
                anew = True
                continue
            if written:
                done = note(spark, tables.progress, done, [target], written, job, turn)
                if is_own:
                    return _outcome(spark, tables, contract, snapshot, done, gate, written.commit.version, written)
        done = progress_of(spark, tables.silver, tables.progress)
        turns_lost += 1
    raise ConcurrentWriteError(
        f"{tables.silver}: another run kept writing to it; run this one again when the other is done"
    )


def _check_newest(
    spark: SparkSession, job: JobArguments, contract: SilverContract, snapshot: Snapshot | None,
    done: Mapping[str, SliceProgress],
) -> None:  # fmt: skip
    """The newest snapshot must have all that the contract asks for; an older one may come from an older source."""
    if snapshot and not any(dt.date.fromisoformat(name) > job.business_date for name in done):
        check_expressions(spark, contract, snapshot.manifest.columns, snapshot.manifest.uri)


class _Gate:
    """Holds the snapshot of the run's date against what the contract expects, once however often a turn is lost."""

    def __init__(
        self, spark: SparkSession, names: TableNames, job: JobArguments, contract: SilverContract,
        snapshot: Snapshot | None, *, has_history: bool,
    ) -> None:  # fmt: skip
        self._place = spark, names, job, contract
        slices = snapshot.manifest.slices if snapshot else {}
        self._verdicts = landed_verdicts(contract, slices, (), job.business_date, has_history=has_history)
        self._is_passed = snapshot is None

    def check(self, counts: Counts | None) -> None:
        """Stores what was found, and lets the run go on or not; None where the rows were not judged."""
        if self._is_passed:
            return
        found = [] if counts is None else [counts]
        self._verdicts += counted_verdicts(self._place[3], found)
        quality_gate.check(*self._place, found, self._verdicts)
        self._is_passed = True

    @property
    def announced(self) -> dict[str, list[str]]:
        """What a run that went on has to report."""
        _, _, job, contract = self._place
        return quality_gate.announced(contract, self._verdicts, job.business_date)


def _pass(counts: Counts | None) -> None:
    """The gate of a snapshot whose own run has passed it."""


def _is_processed(snapshot: Snapshot, done: Mapping[str, SliceProgress]) -> bool:
    one = done.get(snapshot.business_date.isoformat())
    return one is not None and one.fingerprint == snapshot.fingerprint and snapshot.basis.holds(ALL, one.contract_hash)


def _must_be_rebuilt(
    contract: SilverContract, done: Mapping[str, SliceProgress], turn: Turn, snapshot: Snapshot | None
) -> bool:
    if turn.unfinished and turn.unfinished.rebuilt:
        return True
    own = snapshot.business_date.isoformat() if snapshot else None
    if not all(_is_judged_so(contract, name, one.contract_hash, is_own=name == own) for name, one in done.items()):
        return True
    if snapshot is None or contract.scd_type == 1:
        return False
    by_date = {dt.date.fromisoformat(name): one.tracked_columns for name, one in done.items()}
    return scd2.moves_tracking(contract.tracked, by_date, snapshot.business_date, snapshot.told.tracked)


def _is_judged_so(contract: SilverContract, date: str, judged_by: str, *, is_own: bool) -> bool:
    """Whether a processed date would be judged as it was; of the run's own date other waivers alone call for no more.

    A waiver reaches all dates up to its end, so that the history does not tell on which day somebody wrote it.
    """
    basis = Basis.of_contract(contract, dt.date.fromisoformat(date))
    return basis.is_contract_of(judged_by) if is_own else basis.holds(ALL, judged_by)


def _unfinished(spark: SparkSession, job: JobArguments, contract: SilverContract, turn: Turn) -> Snapshot | None:
    """The snapshot whose rows are in silver, though neither its quarantine nor its progress need be written."""
    if turn.unfinished is None:
        return None
    # Of several, which only repeat the one before them, the others are found in bronze again.
    date = turn.unfinished.dates[0]
    found = find_snapshot(spark, job, contract, date)
    if found is None:
        raise BronzeError(
            f"bronze no longer has the snapshot of {contract.source_table} of {date}, whose run was killed half-way; "
            "restore its folder, or run silver with --rebuild true"
        )
    return found


def _rebuild(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract,
    done: Mapping[str, SliceProgress], repeated: Collection[str], turn: Turn, gate: _Gate,
) -> tuple[Written | None, Mapping[str, SliceProgress]]:  # fmt: skip
    snapshots = find_all(spark, job, contract)
    if done and not job.rebuild:
        # Not those that their own runs stopped, nor those whose runs are yet to come: nobody asked for them here.
        begun = turn.unfinished.dates if turn.unfinished else ()
        wanted = {*map(dt.date.fromisoformat, [*done, *repeated]), *begun, job.business_date}
        snapshots = [one for one in snapshots if one.business_date in wanted]
    if not snapshots:
        raise BronzeError(f"nothing was landed for {contract.schema}.{contract.source_table}; run copy_to_bronze first")
    check_complete(tables.silver, snapshots, done, contract)
    newest = snapshots[-1].manifest
    check_expressions(spark, contract, newest.columns, newest.uri)
    written = rebuild(spark, job, tables, contract, snapshots, done, turn, gate.check)
    if written is None:
        return None, done
    landed = {one.business_date.isoformat() for one in snapshots}
    gone = [name for name in done if name not in landed]
    return written, note(spark, tables.progress, done, snapshots, written, job, turn, gone)


def _outcome(
    spark: SparkSession, tables: DimensionTables, contract: SilverContract, snapshot: Snapshot | None,
    done: Mapping[str, SliceProgress], gate: _Gate, version: int, written: Written | None = None,
    *, rebuilt: bool = False,
) -> Outcome:  # fmt: skip
    rows, commit = (written.rows, written.commit) if written else (0, None)
    outcome = "rebuilt" if rebuilt else "refreshed" if rows else "unchanged"
    if snapshot is None:
        return Outcome(outcome, 0, rows, commit.bytes_written if commit else 0, reconcile.NOTHING)
    if contract.scd_type == 1 and any(dt.date.fromisoformat(name) > snapshot.business_date for name in done):
        # A type 1 dimension holds the newest snapshot alone: the figures of an older one cannot be read from it.
        outcome = "superseded"
    progress = done[snapshot.business_date.isoformat()]
    return Outcome(
        outcome,
        snapshot.rows if written and written.was_read else 0,
        rows,
        commit.bytes_written if commit else 0,
        reconcile.measure_dimension(
            spark,
            tables.silver,
            tables.quarantine,
            contract,
            progress,
            has_refused=written is not None and written.has_refused,
        )
        | {"landed": snapshot.manifest.landed(contract.measures)}
        | gate.announced,
        standing=_standing(spark, tables, contract, snapshot, done, version),
    )


def _standing(
    spark: SparkSession, tables: DimensionTables, contract: SilverContract, snapshot: Snapshot,
    done: Mapping[str, SliceProgress], version: int,
) -> Standing | None:  # fmt: skip
    """What the newest snapshot's run leaves; an older date's figures are not those of the dimension today."""
    own = snapshot.business_date.isoformat()
    if own != max(done):
        return None
    waivers = snapshot.basis.waivers_that_matter([done[own].contract_hash])
    judged = [name for name, one in done.items() if needs_waivers(one.contract_hash)]
    # Waivers reach all dates up to their end, so those that held on the oldest date are all that ever mattered.
    waivers |= {name: waivers_digest(contract, dt.date.fromisoformat(name)) for name in sorted(judged)[:1]}
    table = table_version(spark, tables.silver, version)
    return Standing(contract.content_hash, table, contract.speaks_of_days, snapshot.manifest.digest, waivers)


def _noted(done: Mapping[str, SliceProgress]) -> int:
    return max((one.sequence for one in done.values()), default=0)
