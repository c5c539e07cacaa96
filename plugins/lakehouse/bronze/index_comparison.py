"""Which slices of a table a run looks at, and which it copies: the visible index held against the source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.copy_spec import CopySpec
from lakehouse.bronze.change_scope import (
    EVERYWHERE,
    ScanScope,
    needs_full_pass,
    since_watermark,
    touched_sql,
    trailing_window,
    watermark_sql,
)
from lakehouse.bronze.index_check import Damage
from lakehouse.bronze.slice_index import index_columns
from lakehouse.bronze.stored_fingerprints import asked_beside_stored, without_earlier
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import (
    SlicePlan,
    SourceSlice,
    date_key_sql,
    fingerprint_of,
    fingerprint_sql,
    plan_slices,
    slice_name,
)
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.type_map import ColumnPlan


@dataclass(frozen=True)
class IndexComparison:
    """A table's visible index beside the source, for one run.

    Attributes:
        source: a session in the run's snapshot.
        folder: of the table in bronze.
        spec: the table and how it is copied.
        plans: the columns as they are at the source.
        business_date: of the run.
        previous: the visible index; None of a table that was never copied.
        newest: the newest business date that was published.
    """

    source: MySqlSource
    folder: LakePath
    spec: CopySpec
    plans: tuple[ColumnPlan, ...]
    business_date: date
    previous: Manifest | None
    newest: date | None

    @property
    def date_plan(self) -> ColumnPlan | None:
        """The column that dates the rows, if one does."""
        return next((plan for plan in self.plans if plan.name == self.spec.date_column), None)

    @property
    def compares(self) -> bool:
        """Whether only slices that differ from the visible index are copied."""
        return self.spec.change_detection != "full" and not self.spec.everything

    @property
    def is_backfill(self) -> bool:
        """Whether a newer business date than the run's was published."""
        return self.date_plan is not None and self.newest is not None and self.business_date < self.newest

    def _is_replaced(self, previous: Manifest) -> bool:
        """Whether no slice of an index can be carried over, so that a backfill copies all dates too.

        One index has one list of columns: files of before and after a change of them would be read as though they were
        alike.
        """
        stored = [(column.name, column.arrow_type) for column in previous.columns]
        columns = [(column.name, column.arrow_type) for column in index_columns(self.plans)]
        is_other = previous.date_column != self.spec.date_column or stored != columns
        return is_other or self._lacks_sums(previous)

    def _lacks_sums(self, previous: Manifest) -> bool:
        """Whether the contract got a measure that the index has no sum of."""
        return any(plan.sum_sql and plan.name not in previous.sums for plan in self.plans)

    def choose_scope(self, damage: Damage) -> ScanScope:
        """The slices to hold against the source."""
        spec, scope, previous, newest, date_plan = (
            self.spec, self.spec.change_scope, self.previous, self.newest, self.date_plan,
        )  # fmt: skip
        if previous is None or newest is None or self._is_replaced(previous):
            return EVERYWHERE
        if self.is_backfill:
            return ScanScope(days=(self.business_date,))
        if (
            scope is None
            or date_plan is None
            or damage.slices
            or spec.everything
            or needs_full_pass(scope, previous, index_columns(self.plans), self.business_date)
        ):
            return EVERYWHERE
        if scope.trailing_days is not None:
            return trailing_window(scope.trailing_days, self.business_date, newest)
        key = date_key_sql(date_plan)
        touched = self.source.rows(touched_sql(spec.schema, spec.table, key, scope, previous.watermark or ""))
        return since_watermark({slice_name(row[0]) for row in touched}, newest)

    def decide(self, scanned: ScanScope, damage: Damage) -> tuple[dict[str, SourceSlice], SlicePlan]:
        """What the source holds of what was scanned, and what to copy, carry over and drop.

        Raises:
            SourceError: the source cannot be read.
            StorageError: the lake cannot be read.
        """
        spec, previous, scope, newest = self.spec, self.previous, self.business_date, self.newest
        old = {item.slice: item for item in previous.slices} if previous else {}
        unusable: Collection[str] = damage.slices
        if previous is not None and self._is_replaced(previous):
            scope = max(scope, newest or scope)
        if previous is not None and (previous.date_column != spec.date_column or self._lacks_sums(previous)):
            # The old slices mean another date, or lack a sum: none can be carried over, so all are copied anew.
            unusable = old
        old |= {name: replace(old[name], source_fingerprint=None) for name in unusable}
        date_plan = self.date_plan
        statement = fingerprint_sql(
            spec.schema,
            spec.table,
            self.plans,
            date_plan,
            with_checksum=spec.change_detection != "full",
            predicate=scanned.predicate(date_plan),
        )
        is_comparable = previous and previous.date_column == spec.date_column and not self._lacks_sums(previous)
        checked = without_earlier(previous) if previous and self.compares and is_comparable else None
        names = [name for name in old if name in scanned and name not in unusable]
        found, known = asked_beside_stored(
            self.source, statement, self.folder, checked, names, self.plans, date_plan is not None
        )
        fingerprints = {name: fingerprint_of(item, self.plans) for name, item in found.items()}
        old |= known
        plan = plan_slices(old, found, fingerprints, scope, newest, always=not self.compares, scanned=scanned)
        if previous is not None and self.is_backfill:
            # Rows past the newest date are not scanned in a backfill: the last run's figure stands.
            plan = replace(plan, rows_not_yet_due=previous.rows_not_yet_due)
        return found, plan

    def watermark(self) -> str | None:
        """The newest watermark of the snapshot; a backfill saw one date alone, so the last run's stands."""
        spec, scope = self.spec, self.spec.change_scope
        if scope is None or scope.watermark_column is None:
            return None
        if self.is_backfill:
            return self.previous.watermark if self.previous else None
        value = self.source.rows(watermark_sql(spec.schema, spec.table, scope))[0][0]
        return None if value is None else value.decode()

    def full_pass(self, scanned: ScanScope) -> str | None:
        """The date of the newest run that scanned everything, ISO."""
        if scanned.everywhere:
            return self.business_date.isoformat()
        return self.previous.full_pass if self.previous else None
