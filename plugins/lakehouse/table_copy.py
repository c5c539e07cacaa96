"""Copying one table to bronze: snapshot, fingerprint, decide, copy, verify, publish."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pyarrow as pa

from lakehouse.bronze_layout import manifest_name, part_name, table_folder
from lakehouse.bronze_writer import BronzeWriter, FileLimits, remove_files
from lakehouse.copy_spec import CopyOutcome, CopyProgress, CopySpec
from lakehouse.errors import StorageError
from lakehouse.fingerprint import (
    SlicePlan,
    SourceSlice,
    add_sums,
    dated_predicate,
    fingerprint_of,
    fingerprint_sql,
    plan_slices,
    select_sql,
    slices_of,
    undated_predicate,
)
from lakehouse.lake_path import LakePath, storage_errors
from lakehouse.manifest import (
    ALL,
    UNDATED,
    BronzeFile,
    Column,
    Latest,
    Manifest,
    Slice,
    publish_manifest,
    read_manifest,
    read_visible,
)
from lakehouse.mysql_source import MySqlSource
from lakehouse.slice_totals import SliceTotals, verify
from lakehouse.source_drift import check_contract, describe_changes
from lakehouse.type_map import ColumnPlan, arrow_schema, decode_column, plan_column
from lakehouse.wire_rows import Columns

Clock = Callable[[], datetime]

_TRANSIENT = "nothing was changed; the task tries again"


@dataclass(frozen=True)
class CopyLimits:
    """What bounds memory and file sizes: rows and bytes of a fetched batch, and the limits of files."""

    batch_rows: int = 4_096
    batch_bytes: int = 8 * 2**20
    files: FileLimits = field(default_factory=FileLimits)


@dataclass
class _Copied:
    """What the streams of one run wrote."""

    slices: list[Slice] = field(default_factory=list)
    files: dict[str, BronzeFile] = field(default_factory=dict)
    rows_read: int = 0
    substitutions: dict[str, dict[str, int]] = field(default_factory=dict)


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
    visible = read_visible(folder)
    newest = date.fromisoformat(visible[0].newest_business_date) if visible else None
    if spec.date_column is None and newest is not None and business_date < newest:
        return _past_snapshot(folder, business_date)
    return _Copy(source, folder, spec, business_date, run_id, clock, limits or CopyLimits(), visible, progress).run()


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
        self._progress = progress
        self._previous = visible[1] if visible else None
        self._newest = date.fromisoformat(visible[0].newest_business_date) if visible else None
        self._numbers = itertools.count()
        self._plans: tuple[ColumnPlan, ...] = ()

    def run(self) -> CopyOutcome:
        spec = self._spec
        self._source.begin_snapshot(spec.schema, spec.table)
        copied_at = self._clock().astimezone(UTC)
        self._plans = tuple(plan_column(column) for column in self._source.columns(spec.schema, spec.table))
        check_contract(spec.label, spec.contract_label, spec.contracted_columns, spec.date_column, self._plans)
        before = self._previous.columns if self._previous else ()
        drift = describe_changes(spec.contracted_columns, before, self._plans)
        found, plan = self._decide()
        if self._progress is not None:
            self._progress.begin(sum(item.rows for item in plan.copy))
        copied = _Copied()
        try:
            for predicate, slices in self._streams(found, plan.copy):
                self._stream(predicate, slices, copied)
            manifest = self._manifest(plan, copied, copied_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
            self._check_not_overtaken()
        except BaseException:
            remove_files(self._folder, list(copied.files))
            raise
        # Outside the block above: a publication that failed half-way may have made the manifest visible already.
        publish_manifest(self._folder, manifest, max(self._business_date, self._newest or self._business_date))
        return CopyOutcome(
            outcome="copied" if plan.copy or plan.drop else "unchanged",
            rows_read=copied.rows_read,
            rows_written=sum(file.rows for file in copied.files.values()),
            bytes_written=sum(file.bytes for file in copied.files.values()),
            slices_checked=len(found),
            slices_copied=len(plan.copy),
            slices_dropped=len(plan.drop),
            files=len(copied.files),
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

    def _decide(self) -> tuple[dict[str, SourceSlice], SlicePlan]:
        spec, previous, scope, newest = self._spec, self._previous, self._business_date, self._newest
        if previous is not None and previous.date_column != spec.date_column:
            # The old slices mean another date: none can be carried over, so all of them are copied anew.
            scope = max(scope, newest or scope)
            old: dict[str, Slice] = {item.slice: replace(item, fingerprint="") for item in previous.slices}
        else:
            old = {item.slice: item for item in previous.slices} if previous else {}
        date_plan = self._date_plan
        backfill = date_plan is not None and newest is not None and scope < newest
        rows = self._source.rows(
            fingerprint_sql(
                spec.schema,
                spec.table,
                self._plans,
                date_plan,
                with_checksum=spec.change_detection != "full",
                predicate=dated_predicate(date_plan, [scope], True) if date_plan and backfill else None,
            )
        )
        found = slices_of(rows, self._plans, date_plan is not None)
        fingerprints = {name: fingerprint_of(item, self._plans) for name, item in found.items()}
        plan = plan_slices(
            old, found, fingerprints, scope, newest, always=spec.everything or spec.change_detection == "full"
        )
        if previous is not None and backfill:
            # Rows past the newest date are not looked at in a backfill: the last run's figure stands.
            plan = replace(plan, rows_not_yet_due=previous.rows_not_yet_due)
        return found, plan

    def _streams(
        self, found: Mapping[str, SourceSlice], wanted: Sequence[SourceSlice]
    ) -> Iterator[tuple[str | None, list[SourceSlice]]]:
        """One statement for all dates, so that the server scans the table once at most; another for the undated."""
        date_plan = self._date_plan
        if date_plan is None:
            yield from ((None, [item]) for item in wanted if item.rows or item.slice == ALL)
            return
        dated = [item for item in wanted if item.slice != UNDATED]
        if dated:
            dates = [date.fromisoformat(item.slice) for item in dated]
            backfill = self._newest is not None and self._business_date < self._newest
            # A backfill asked for its own date alone, and so cannot know whether there are undated rows.
            yield dated_predicate(date_plan, dates, UNDATED in found or backfill), dated
        for item in wanted:
            if item.slice == UNDATED:
                yield undated_predicate(date_plan), [item]

    def _stream(self, predicate: str | None, expected: list[SourceSlice], copied: _Copied) -> None:
        spec = self._spec
        totals = SliceTotals(self._plans, spec.date_column)
        schema = arrow_schema(self._plans)
        statement = select_sql(spec.schema, spec.table, self._plans) + (f" WHERE {predicate}" if predicate else "")

        def decode(columns: Columns) -> pa.RecordBatch:
            return self._decode(columns, schema, copied)

        with BronzeWriter(self._folder, self._next_part, schema, self._limits.files, decode, totals.add) as writer:
            for columns in self._source.stream(statement, self._limits.batch_rows, self._limits.batch_bytes):
                copied.rows_read += len(columns[0])
                writer.write(columns)
                if self._progress is not None:
                    self._progress.advance(len(columns[0]))
        copied.files.update(writer.files)
        verify(spec.label, spec.date_column, expected, totals.slices)
        for item in expected:
            files = tuple(totals.slices[item.slice].files) if item.slice in totals.slices else ()
            copied.slices.append(
                Slice(
                    slice=item.slice,
                    rows=item.rows,
                    sums=item.sums,
                    fingerprint=self._fingerprint(item, [writer.files[name] for name in files]),
                    files=files,
                    copied_business_date=self._business_date.isoformat(),
                )
            )

    def _decode(self, columns: Columns, schema: pa.Schema, copied: _Copied) -> pa.RecordBatch:
        arrays = []
        for plan, raw in zip(self._plans, columns, strict=True):
            array, substituted = decode_column(plan, raw)
            arrays.append(array)
            for reason, count in substituted.items():
                counts = copied.substitutions.setdefault(plan.name, {})
                counts[reason] = counts.get(reason, 0) + count
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _fingerprint(self, item: SourceSlice, files: Sequence[BronzeFile]) -> str:
        if item.checksum is None and self._spec.change_detection == "full":
            # No checksum was asked of the server, so the slice's version is that of the files which hold it.
            digest = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
            item = replace(item, checksum=int(digest, 16))
        return fingerprint_of(item, self._plans)

    def _next_part(self) -> str:
        """The next name that is free: a retry of the same run must not touch files that a manifest may name."""
        while True:
            name = part_name(self._business_date, self._run_id, next(self._numbers))
            with storage_errors("look for", self._folder / name):
                if not (self._folder / name).exists():
                    return name

    def _manifest(self, plan: SlicePlan, copied: _Copied, copied_at: str) -> Manifest:
        spec = self._spec
        slices = tuple(sorted([*plan.carry, *copied.slices], key=lambda item: item.slice))
        known = {**(self._previous.files if self._previous else {}), **copied.files}
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
            columns=tuple(Column(p.name, p.mysql_type, str(p.arrow_type), p.nullable) for p in self._plans),
            files={name: known[name] for name in sorted({name for item in slices for name in item.files})},
            slices=slices,
            rows=sum(item.rows for item in slices),
            sums={
                **{plan.name: "0" for plan in self._plans if plan.sum_sql},
                **add_sums(item.sums for item in slices),
            },
            rows_not_yet_due=plan.rows_not_yet_due,
            substitutions=copied.substitutions,
        )
