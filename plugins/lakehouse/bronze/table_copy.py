"""Copying one table to bronze: snapshot, fingerprint, decide, copy, verify, publish."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from lake_model.bronze_manifest import UNDATED, Latest, Manifest, Slice
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import manifest_name, table_folder
from lakehouse.bronze.change_scope import EVERYWHERE
from lakehouse.bronze.content_checksum import can_be_checked
from lakehouse.bronze.copy_outcome import CopyOutcome, CopyProgress
from lakehouse.bronze.drafts import Draft
from lakehouse.bronze.first_load import FirstLoad
from lakehouse.bronze.index_check import find_damage
from lakehouse.bronze.index_comparison import IndexComparison
from lakehouse.bronze.manifest import IndexState, publish_manifest, read_index_state, read_manifest, read_visible
from lakehouse.bronze.range_copy import RangeCopy
from lakehouse.bronze.range_plan import RangePlanner
from lakehouse.bronze.row_copy import CopyLimits as CopyLimits
from lakehouse.bronze.row_copy import RowCopy, add_substitutions
from lakehouse.bronze.slice_index import empty_index, filled_index
from lakehouse.bronze.slice_totals import Totals, verify
from lakehouse.bronze.stored_fingerprints import unchanged_slices, with_stored_fingerprints
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import (
    SlicePlan,
    SourceSlice,
)
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.shared_snapshot import shared_snapshot
from lakehouse.source.source_drift import check_contract, describe_changes, describe_late_snapshot
from lakehouse.source.type_map import ColumnPlan, plan_column

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
# What the source holds of what was scanned; what was decided; slices taken over from an unfinished copy.
_Loaded = tuple[dict[str, SourceSlice], SlicePlan, Mapping[str, Slice]]

_TRANSIENT = "nothing was changed; the task tries again"


def copy_table(
    source: MySqlSource,
    root: LakePath,
    spec: CopySpec,
    business_date: date,
    run_id: str,
    clock: Clock,
    limits: CopyLimits | None = None,
    progress: CopyProgress | None = None,
) -> CopyOutcome:
    """Bring the bronze index of a table up to date for a business date.

    Everything is read in one consistent snapshot. Nothing is visible before the manifest is written, which comes last;
    a copy that fails before then removes what it wrote, but for what it keeps in a draft for the next one (drafts.py),
    which does not read it again where the source still holds it. Once the manifest is being published the files stay,
    whatever fails, because readers may see them; those that no manifest came to name are never read.

    Args:
        source: an open session.
        root: the folder of bronze.
        spec: the table and how it is copied.
        business_date: of the run.
        run_id: names the files.
        clock: gives the instant of the copy, with a time zone.
        limits: other limits than the defaults.
        progress: is called with how many rows there are to read, and of each batch.

    Raises:
        SourceError: the source cannot be read.
        SourceDriftError: the source's columns no longer fit the contract.
        StorageError: the lake cannot be read or written, or another run published the table during the copy.
        VerificationError: rows or sums differ between source and copy.
    """
    folder = table_folder(root, spec.schema, spec.table)
    # First what is there, then what it means: an index that is replaced in between is noticed when publishing.
    seen = read_index_state(folder, business_date)
    visible = read_visible(folder)
    newest = date.fromisoformat(visible[0].newest_business_date) if visible else None
    if spec.date_column is None and newest is not None and business_date < newest:
        return _past_snapshot(folder, business_date)
    return _Copy(
        source, folder, spec, business_date, run_id, clock, limits or CopyLimits(), visible, seen, progress
    ).run()


def _past_snapshot(folder: LakePath, business_date: date) -> CopyOutcome:
    """The source knows only today: a past date has the snapshot that was landed then, or none."""
    landed = read_manifest(folder, manifest_name(business_date))
    if landed is None:
        return CopyOutcome("no_snapshot")
    return CopyOutcome("reused_snapshot", rows_in_table=landed.rows, sums=landed.sums)


class _Copy:
    def __init__(
        self,
        source: MySqlSource,
        folder: LakePath,
        spec: CopySpec,
        business_date: date,
        run_id: str,
        clock: Clock,
        limits: CopyLimits,
        visible: tuple[Latest, Manifest] | None,
        seen: IndexState,
        progress: CopyProgress | None,
    ) -> None:
        self._source = source
        self._folder = folder
        self._spec = spec
        self._business_date = business_date
        self._run_id = run_id
        self._clock = clock
        self._limits = limits
        self._visible = visible
        self._seen = seen
        self._progress = progress
        self._previous = visible[1] if visible else None
        self._newest = date.fromisoformat(visible[0].newest_business_date) if visible else None
        self._plans: tuple[ColumnPlan, ...] = ()
        self._scanned = EVERYWHERE
        self._notes: list[str] = []
        self._comparison: IndexComparison
        self._draft: Draft
        self._planner: RangePlanner

    def run(self) -> CopyOutcome:
        spec = self._spec
        with shared_snapshot(self._source, spec.schema, spec.table, self._readers()) as snapshot:
            if snapshot.refusal is not None:
                self._notes.append(f"parallelRanges: one session reads: {snapshot.refusal}")
            return self._in(snapshot.sessions)

    def _readers(self) -> int:
        spec = self._spec
        if spec.parallel_ranges == 1:
            return 1
        large = self._source.estimated_rows(spec.schema, spec.table) >= self._limits.large_table_rows
        return spec.parallel_ranges if large else 1

    def _in(self, sessions: Sequence[MySqlSource]) -> CopyOutcome:
        spec, limits = self._spec, self._limits
        copied_at = self._clock().astimezone(UTC)
        columns = self._source.columns(spec.schema, spec.table)
        self._plans = tuple(
            plan_column(replace(column, is_key=column.is_key and column.name not in spec.measures))
            for column in columns
        )
        self._comparison = IndexComparison(
            self._source, self._folder, spec, self._plans, self._business_date, self._previous, self._newest
        )
        contract = (spec.full_name, spec.contract_label, spec.contracted_columns, spec.date_column)
        check_contract(*contract, self._plans, spec.drift_policy, spec.measures)
        before = self._previous.columns if self._previous else ()
        drift = describe_changes(spec.contracted_columns, before, self._plans)
        if spec.date_column is None:
            drift += describe_late_snapshot(self._business_date, copied_at.date())
        head = empty_index(spec, self._plans, self._business_date, self._run_id, copied_at)
        # Without checksums nothing proves that a draft's files are what the source holds.
        provable = spec.change_detection != "full"
        self._draft = Draft(self._folder, head, limits.draft_age, provable)
        # Each reader holds a row group in memory.
        files = replace(limits.files, row_group_rows=max(1, limits.files.row_group_rows // len(sessions)))
        rows = RowCopy(
            self._folder, spec, self._plans, self._business_date, self._run_id, secrets.token_hex(6),
            replace(limits, files=files), self._progress,
        )  # fmt: skip
        enough = limits.range_rows // 2
        copying = RangeCopy(sessions, self._folder, rows, self._draft, self._plans, self._business_date, enough)
        self._planner = RangePlanner(self._source, spec, self._plans, limits, len(sessions), self._notes)
        try:
            load = self._first_load if self._is_large_first_load() else self._copy_changes
            found, plan, resumed = load(copying)
            manifest = self._manifest(head, plan, [*copying.slices, *resumed.values()], copying)
            self._check_not_overtaken()
        except BaseException:
            copying.discard()
            raise
        # Outside the block above: a publication that failed half-way may have made the manifest visible already.
        publish_manifest(
            self._folder, manifest, max(self._business_date, self._newest or self._business_date), self._seen
        )
        self._draft.remove(self._scanned.everywhere)
        copied = copying.copied
        for note in self._notes:
            _log.warning("%s: %s", spec.full_name, note)
        return CopyOutcome(
            outcome="copied" if plan.copy or plan.drop else "unchanged",
            rows_read=copied.rows_read,
            rows_written=sum(file.rows for file in copied.files.values()),
            bytes_written=sum(file.bytes for file in copied.files.values()),
            slices_checked=len(found),
            slices_copied=len(plan.copy) - len(resumed),
            slices_resumed=len(resumed),
            slices_dropped=len(plan.drop),
            files=len(copied.files),
            rows_not_yet_due=manifest.rows_not_yet_due,
            rows_in_table=manifest.rows,
            sums=manifest.sums,
            drift=drift,
            notes=tuple(self._notes),
        )

    def _check_not_overtaken(self) -> None:
        """The new index carries over slices of the one read at the start: had another run replaced it, they were lost.

        Raises:
            StorageError: another run published the table since this one began.
        """
        visible = read_visible(self._folder)
        if visible == self._visible:
            return
        if visible is None:
            raise StorageError(f"{self._spec.full_name}: its index was removed meanwhile: {_TRANSIENT}")
        raise StorageError(
            f"{self._spec.full_name}: another run ({visible[1].run_id}, of business date {visible[1].business_date}) "
            f"published the table meanwhile: {_TRANSIENT}"
        )

    def _copy_changes(self, copying: RangeCopy) -> _Loaded:
        """Ask the source for its fingerprints, and copy the slices that differ from the visible index."""
        damage = find_damage(self._folder, self._previous)
        self._scanned = self._comparison.choose_scope(damage)
        if self._spec.change_scope is not None and self._scanned.everywhere:
            damage = find_damage(self._folder, self._previous, with_content=True)
        self._notes += damage.notes
        found, plan = self._comparison.decide(self._scanned, damage)
        resumed = self._resume(plan.copy)
        wanted = [item for item in plan.copy if item.slice not in resumed]
        self._begin(sum(item.rows for item in wanted))
        # A run that did not scan everything cannot know whether there are undated rows.
        ranges = self._planner.of_slices(wanted, UNDATED in found or not self._scanned.everywhere)

        def verified(number: int, totals: Mapping[str, Totals], _: MySqlSource) -> Sequence[SourceSlice]:
            verify(self._spec.full_name, self._spec.date_column, ranges[number].slices, totals)
            return ranges[number].slices

        copying.run(ranges, verified)
        return found, plan, resumed

    def _resume(self, wanted: Sequence[SourceSlice]) -> Mapping[str, Slice]:
        """The slices, of those that differ from the visible index, which an unfinished copy brought as they are now."""
        if not wanted or not self._takes_drafts:
            return {}
        left = self._draft.find()
        if left is None:
            return {}
        rows = {item.slice: item.rows for item in left.slices}
        found = {item.slice: item for item in wanted if rows.get(item.slice) == item.rows}
        stored = with_stored_fingerprints(self._folder, left, found, self._plans)
        return self._draft.take(unchanged_slices(left, stored, found, self._plans))

    @property
    def _takes_drafts(self) -> bool:
        """Whether dates that an unfinished copy brought may be taken over."""
        return self._comparison.date_plan is not None and self._comparison.compares

    def _is_large_first_load(self) -> bool:
        """Whether all rows are to be copied whatever their fingerprints are, and these can be had from bronze later."""
        spec = self._spec
        return (
            self._previous is None
            and spec.change_detection != "full"
            and all(can_be_checked(plan) for plan in self._plans)
            and self._source.estimated_rows(spec.schema, spec.table) >= self._limits.large_table_rows
        )

    def _first_load(self, copying: RangeCopy) -> _Loaded:
        """Copy all that is due; of what an unfinished load brought, only what is not the source's any more."""
        spec = self._spec
        load = FirstLoad(self._source, spec, self._plans, self._business_date)
        left = self._draft.find() if self._takes_drafts else None
        known, proven = load.held(left, self._folder) if left is not None else ({}, {})
        resumed = self._draft.take(proven)
        rows = self._source.estimated_rows(spec.schema, spec.table)
        self._begin(max(0, rows - sum(item.rows for item in resumed.values())))
        ranges = self._planner.of_first_load(self._business_date, rows, [date.fromisoformat(name) for name in resumed])
        found = load.copy(ranges, copying, is_all=len(ranges) == 1 and not resumed)
        found |= {name: known[name] for name in resumed}
        return found, load.plan(found), resumed

    def _begin(self, rows: int) -> None:
        if self._progress is not None:
            self._progress.begin(rows)

    def _manifest(self, head: Manifest, plan: SlicePlan, brought: Sequence[Slice], copying: RangeCopy) -> Manifest:
        substitutions = {column: dict(counts) for column, counts in self._draft.substitutions.items()}
        add_substitutions(substitutions, copying.copied.substitutions)
        files = {**(self._previous.files if self._previous else {}), **self._draft.files, **copying.copied.files}
        return replace(
            filled_index(head, [*plan.carry, *brought], files),
            server=self._source.server(),
            rows_not_yet_due=plan.rows_not_yet_due,
            substitutions=substitutions,
            watermark=self._comparison.watermark(),
            full_pass=self._comparison.full_pass(self._scanned),
        )
