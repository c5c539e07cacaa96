"""Copying one table to bronze: snapshot, fingerprint, decide, copy, verify, publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

from lakehouse.bronze.bronze_layout import manifest_name, table_folder
from lakehouse.bronze.bronze_reader import stored_checksums
from lakehouse.bronze.bronze_writer import remove_files
from lakehouse.bronze.change_scope import (
    EVERYWHERE,
    Looked,
    needs_full_pass,
    since_watermark,
    touched_sql,
    trailing_window,
    watermark_sql,
)
from lakehouse.bronze.content_checksum import can_be_checked
from lakehouse.bronze.copy_spec import CopyOutcome, CopyProgress, CopySpec
from lakehouse.bronze.manifest import (
    UNDATED,
    Column,
    Latest,
    Manifest,
    SeenIndex,
    Slice,
    look_at_index,
    publish_manifest,
    read_manifest,
    read_visible,
)
from lakehouse.bronze.row_copy import CopyLimits as CopyLimits
from lakehouse.bronze.row_copy import RowCopy
from lakehouse.bronze.slice_index import indexed_slices
from lakehouse.bronze.slice_totals import agrees, verify
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import (
    SlicePlan,
    SourceSlice,
    add_sums,
    copy_predicates,
    date_key_sql,
    due_predicate,
    fingerprint_of,
    fingerprint_sql,
    plan_slices,
    select_sql,
    slice_name,
    slices_of,
)
from lakehouse.source.mysql_source import MySqlSource, Row
from lakehouse.source.side_question import SideQuestion
from lakehouse.source.source_drift import check_contract, describe_changes, describe_late_snapshot
from lakehouse.source.type_map import ColumnPlan, plan_column

Clock = Callable[[], datetime]

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
    a copy that fails before then removes what it wrote. Once the manifest is being published the files stay, whatever
    fails, because readers may see them; those that no manifest came to name are never read.

    Args:
        source: an open session.
        root: the folder of bronze.
        spec: the table and how it is copied.
        business_date: of the run.
        run_id: names the files.
        clock: gives the instant of the copy, with a time zone.
        limits: other limits than the defaults.
        progress: is told how many rows there are to read, and of each batch.

    Raises:
        SourceError: the source cannot be read.
        SourceDriftError: the source's columns no longer fit the contract.
        StorageError: the lake cannot be read or written, or another run published the table during the copy.
        VerificationError: rows or sums differ between source and copy.
    """
    folder = table_folder(root, spec.schema, spec.table)
    # First what is there, then what it means: an index that is replaced in between is noticed when publishing.
    seen = look_at_index(folder, business_date)
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
        seen: SeenIndex,
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
        self._looked = EVERYWHERE

    def run(self) -> CopyOutcome:
        spec = self._spec
        self._source.begin_snapshot(spec.schema, spec.table)
        copied_at = self._clock().astimezone(UTC)
        self._plans = tuple(plan_column(column) for column in self._source.columns(spec.schema, spec.table))
        contract = (spec.label, spec.contract_label, spec.contracted_columns, spec.date_column)
        check_contract(*contract, self._plans, spec.drift_policy)
        before = self._previous.columns if self._previous else ()
        drift = describe_changes(spec.contracted_columns, before, self._plans)
        if spec.date_column is None:
            drift += describe_late_snapshot(self._business_date, copied_at.date())
        rows = RowCopy(
            self._source,
            self._folder,
            spec,
            self._plans,
            self._business_date,
            self._run_id,
            self._limits,
            self._progress,
        )
        try:
            found, plan, slices = self._first_load(rows) if self._is_large_first_load() else self._copy_changes(rows)
            manifest = self._manifest(plan, slices, rows, copied_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
            self._check_not_overtaken()
        except BaseException:
            remove_files(self._folder, list(rows.files))
            raise
        # Outside the block above: a publication that failed half-way may have made the manifest visible already.
        publish_manifest(
            self._folder, manifest, max(self._business_date, self._newest or self._business_date), self._seen
        )
        return CopyOutcome(
            outcome="copied" if plan.copy or plan.drop else "unchanged",
            rows_read=rows.rows_read,
            rows_written=sum(file.rows for file in rows.files.values()),
            bytes_written=sum(file.bytes for file in rows.files.values()),
            slices_checked=len(found),
            slices_copied=len(plan.copy),
            slices_dropped=len(plan.drop),
            files=len(rows.files),
            rows_not_yet_due=manifest.rows_not_yet_due,
            rows_in_table=manifest.rows,
            sums=manifest.sums,
            drift=drift,
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
            raise StorageError(f"{self._spec.label}: its index was removed meanwhile: {_TRANSIENT}")
        raise StorageError(
            f"{self._spec.label}: another run ({visible[1].run_id}, of business date {visible[1].business_date}) "
            f"published the table meanwhile: {_TRANSIENT}"
        )

    @property
    def _date_plan(self) -> ColumnPlan | None:
        return next((plan for plan in self._plans if plan.name == self._spec.date_column), None)

    @property
    def _compares(self) -> bool:
        """Whether only slices that differ from the visible index are copied."""
        return self._spec.change_detection != "full" and not self._spec.everything

    @property
    def _columns(self) -> tuple[Column, ...]:
        return tuple(Column(p.name, p.mysql_type, str(p.arrow_type), p.nullable) for p in self._plans)

    @property
    def _is_backfill(self) -> bool:
        return self._date_plan is not None and self._newest is not None and self._business_date < self._newest

    def _look(self) -> Looked:
        """The slices to hold against the source."""
        spec, scope, previous, newest, date_plan = (
            self._spec, self._spec.change_scope, self._previous, self._newest, self._date_plan,
        )  # fmt: skip
        if previous is None or newest is None or previous.date_column != spec.date_column:
            return EVERYWHERE
        if self._is_backfill:
            return Looked(days=(self._business_date,))
        if (
            scope is None
            or date_plan is None
            or spec.everything
            or needs_full_pass(scope, previous, self._columns, self._business_date)
        ):
            return EVERYWHERE
        if scope.trailing_days is not None:
            return trailing_window(scope.trailing_days, self._business_date, newest)
        key = date_key_sql(date_plan)
        touched = self._source.rows(touched_sql(spec.schema, spec.table, key, scope, previous.watermark or ""))
        return since_watermark({slice_name(row[0]) for row in touched}, newest)

    def _decide(self) -> tuple[dict[str, SourceSlice], SlicePlan]:
        spec, previous, scope, newest = self._spec, self._previous, self._business_date, self._newest
        old = {item.slice: item for item in previous.slices} if previous else {}
        if previous is not None and previous.date_column != spec.date_column:
            # The old slices mean another date: none can be carried over, so all of them are copied anew.
            scope = max(scope, newest or scope)
            old = {name: replace(item, source_fingerprint=None) for name, item in old.items()}
        date_plan, looked = self._date_plan, self._looked
        with ThreadPoolExecutor(1, "stored-checksums") as pool:
            stored = pool.submit(self._stored_fingerprints, old, [name for name in old if name in looked])
            rows = self._source.rows(
                fingerprint_sql(
                    spec.schema,
                    spec.table,
                    self._plans,
                    date_plan,
                    with_checksum=spec.change_detection != "full",
                    predicate=looked.predicate(date_plan),
                )
            )
            for name, fingerprint in stored.result().items():
                old[name] = replace(old[name], source_fingerprint=fingerprint)
        found = slices_of(rows, self._plans, date_plan is not None)
        fingerprints = {name: fingerprint_of(item, self._plans) for name, item in found.items()}
        plan = plan_slices(old, found, fingerprints, scope, newest, always=not self._compares, looked=looked)
        if previous is not None and self._is_backfill:
            # Rows past the newest date are not looked at in a backfill: the last run's figure stands.
            plan = replace(plan, rows_not_yet_due=previous.rows_not_yet_due)
        return found, plan

    def _stored_fingerprints(self, old: Mapping[str, Slice], names: Sequence[str]) -> dict[str, str]:
        """The fingerprints that the source would give for what bronze holds of slices it was never asked about."""
        previous = self._previous
        unknown = [name for name in names if name in old and old[name].source_fingerprint is None]
        if (
            previous is None
            or previous.date_column != self._spec.date_column
            or not unknown
            or not self._compares
            or not all(map(can_be_checked, self._plans))
        ):
            return {}
        checksums = stored_checksums(self._folder, previous, unknown, self._plans)
        return {
            name: fingerprint_of(SourceSlice(name, rows, checksum, {}), self._plans)
            for name, (rows, checksum) in checksums.items()
        }

    def _copy_changes(self, rows: RowCopy) -> tuple[dict[str, SourceSlice], SlicePlan, list[Slice]]:
        """Ask the source for its fingerprints, and copy the slices that differ from the visible index."""
        self._looked = self._look()
        found, plan = self._decide()
        self._begin(sum(item.rows for item in plan.copy))
        slices: list[Slice] = []
        # Who did not look everywhere cannot know whether there are undated rows.
        may_be_undated = UNDATED in found or not self._looked.everywhere
        for predicate, expected in copy_predicates(self._date_plan, plan.copy, may_be_undated):
            totals = rows.copy(predicate)
            verify(self._spec.label, self._spec.date_column, expected, totals)
            slices += indexed_slices(expected, totals, rows.files, self._plans, self._business_date)
        return found, plan, slices

    def _is_large_first_load(self) -> bool:
        """Whether all rows are to be copied whatever their fingerprints are, and these can be had from bronze later."""
        spec = self._spec
        return (
            self._previous is None
            and spec.change_detection != "full"
            and all(can_be_checked(plan) for plan in self._plans)
            and self._source.estimated_rows(spec.schema, spec.table) >= self._limits.large_table_rows
        )

    def _first_load(self, rows: RowCopy) -> tuple[dict[str, SourceSlice], SlicePlan, list[Slice]]:
        """Copy all that is due, while a second session counts and sums it.

        What that session sees may be newer. So where it differs from the copy, the copy's own snapshot is asked.
        """
        spec, date_plan = self._spec, self._date_plan
        self._begin(self._source.estimated_rows(spec.schema, spec.table))
        sql = fingerprint_sql(spec.schema, spec.table, self._plans, date_plan, with_checksum=False)
        with SideQuestion(self._source.sibling(), sql) as question:
            totals = rows.copy(due_predicate(date_plan, self._business_date) if date_plan is not None else None)
            answer = question.answer()
        found, plan = self._all_due(answer or ())
        if not agrees(spec.label, spec.date_column, plan.copy, totals):
            found, plan = self._all_due(self._source.rows(sql))
            verify(spec.label, spec.date_column, plan.copy, totals)
        return found, plan, indexed_slices(plan.copy, totals, rows.files, self._plans, self._business_date)

    def _all_due(self, answer: Sequence[Row]) -> tuple[dict[str, SourceSlice], SlicePlan]:
        found = slices_of(answer, self._plans, self._date_plan is not None)
        return found, plan_slices({}, found, {}, self._business_date, None)

    def _begin(self, rows: int) -> None:
        if self._progress is not None:
            self._progress.begin(rows)

    def _manifest(self, plan: SlicePlan, copied: Sequence[Slice], rows: RowCopy, copied_at: str) -> Manifest:
        spec = self._spec
        slices = tuple(sorted([*plan.carry, *copied], key=lambda item: item.slice))
        known = {**(self._previous.files if self._previous else {}), **rows.files}
        return Manifest(
            schema=spec.schema,
            table=spec.table,
            business_date=self._business_date.isoformat(),
            run_id=self._run_id,
            copied_at=copied_at,
            change_detection=spec.change_detection,
            date_column=spec.date_column,
            query=select_sql(spec.schema, spec.table, self._plans),
            server=self._source.server(),
            columns=self._columns,
            files={name: known[name] for name in sorted({name for item in slices for name in item.files})},
            slices=slices,
            rows=sum(item.rows for item in slices),
            sums={
                **{plan.name: "0" for plan in self._plans if plan.sum_sql},
                **add_sums(item.sums for item in slices),
            },
            rows_not_yet_due=plan.rows_not_yet_due,
            substitutions=rows.substitutions,
            watermark=self._watermark(),
            full_pass=self._full_pass(),
        )

    def _watermark(self) -> str | None:
        """The newest watermark of the snapshot; a backfill saw one date alone, so the last run's stands."""
        spec, scope = self._spec, self._spec.change_scope
        if scope is None or scope.watermark_column is None:
            return None
        if self._is_backfill:
            return self._previous.watermark if self._previous else None
        value = self._source.rows(watermark_sql(spec.schema, spec.table, scope))[0][0]
        return None if value is None else value.decode()

    def _full_pass(self) -> str | None:
        if self._looked.everywhere:
            return self._business_date.isoformat()
        return self._previous.full_pass if self._previous else None
