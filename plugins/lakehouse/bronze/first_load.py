"""The first load of a large table: everything that is due is copied, and counted and summed meanwhile.

The server is asked for no checksum: the next run computes them from bronze (stored_fingerprints.py).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from lake_model.bronze_manifest import UNDATED, Manifest, Slice
from lake_model.contracts.copy_spec import CopySpec
from lakehouse.bronze.copy_ranges import CopyRange
from lakehouse.bronze.range_copy import RangeCopy
from lakehouse.bronze.slice_totals import Totals, agrees, verify
from lakehouse.bronze.stored_fingerprints import asked_beside_stored, unchanged_slices
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import (
    SlicePlan,
    SourceSlice,
    dated_predicate,
    fingerprint_sql,
    plan_slices,
    quick_sums_hold,
    since_predicate,
    slices_of,
)
from lakehouse.source.mysql_source import MySqlSource, Row
from lakehouse.source.side_questions import SideQuestions
from lakehouse.source.type_map import ColumnPlan


class FirstLoad:
    """Copies ranges while another session counts and sums what they hold.

    What that session sees may be newer. So where it differs from what was copied, the copy's own snapshot is asked.

    Args:
        source: the session of the snapshot.
        spec: the table.
        plans: its columns.
        business_date: the last date that is due.
    """

    def __init__(self, source: MySqlSource, spec: CopySpec, plans: Sequence[ColumnPlan], business_date: date) -> None:
        self._source = source
        self._spec = spec
        self._plans = plans
        self._date_plan = next((plan for plan in plans if plan.name == spec.date_column), None)
        self._business_date = business_date
        self._found: dict[str, SourceSlice] = {}
        self._lock = threading.Lock()

    def held(self, left: Manifest, folder: LakePath) -> tuple[dict[str, SourceSlice], dict[str, Slice]]:
        """What the source holds of the dates that an unfinished load brought, and those of them that it still holds.

        Args:
            left: what that load brought.
            folder: the table's folder.

        Raises:
            SourceError: the source refuses, or the connection is lost.
            StorageError: a file cannot be read.
        """
        spec, plans = self._spec, self._plans
        names = {item.slice for item in left.slices} - {UNDATED}
        days = [day for day in sorted(map(date.fromisoformat, names)) if day <= self._business_date]
        if not days or self._date_plan is None:
            return {}, {}
        predicate = dated_predicate(self._date_plan, days, True)
        statement = fingerprint_sql(spec.schema, spec.table, plans, self._date_plan, True, predicate)
        found, stored = asked_beside_stored(self._source, statement, folder, left, names, plans, True)
        return found, unchanged_slices(left, stored, found, plans)

    def copy(self, ranges: Sequence[CopyRange], copying: RangeCopy, is_all: bool) -> dict[str, SourceSlice]:
        """Copy the ranges, and give what the source holds of them and of what is not due.

        Args:
            ranges: what is to be copied.
            copying: copies them.
            is_all: whether it is one range of all that is due.

        Raises:
            SourceError: the source refuses, or a connection is lost.
            StorageError: a file cannot be written or read.
            VerificationError: what was written is not what the source holds.
        """
        # One question for the whole table also counts what is not due.
        predicates = [None if is_all else one.predicate for one in ranges]
        statements = [self._counts(predicate, quick_sums=self._date_plan is not None) for predicate in predicates]
        with SideQuestions(self._source.sibling(), statements) as questions:

            def verified(number: int, totals: Mapping[str, Totals], session: MySqlSource) -> Sequence[SourceSlice]:
                found = self._read(questions.answer(number) or ())
                due = self.plan(found).copy
                holds = quick_sums_hold(due, self._plans)
                if not holds or not agrees(self._spec.full_name, self._spec.date_column, due, totals):
                    found = self._read(session.rows(self._counts(predicates[number])))
                    verify(self._spec.full_name, self._spec.date_column, self.plan(found).copy, totals)
                with self._lock:
                    self._found.update(found)
                return self.plan(found).copy

            copying.run(ranges, verified)
        if not is_all and self._date_plan is not None and self._business_date < date.max:
            tomorrow = self._business_date + timedelta(days=1)
            self._found.update(self._read(self._source.rows(self._counts(since_predicate(self._date_plan, tomorrow)))))
        return self._found

    def plan(self, found: Mapping[str, SourceSlice]) -> SlicePlan:
        """What of it is due: all of that is copied."""
        return plan_slices({}, found, {}, self._business_date, None)

    def _counts(self, predicate: str | None, quick_sums: bool = False) -> str:
        spec = self._spec
        return fingerprint_sql(spec.schema, spec.table, self._plans, self._date_plan, False, predicate, quick_sums)

    def _read(self, answer: Sequence[Row]) -> dict[str, SourceSlice]:
        return slices_of(answer, self._plans, self._date_plan is not None)
