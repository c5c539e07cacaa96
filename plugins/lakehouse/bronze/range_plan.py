"""Deciding by the source's indexes into which ranges a copy is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from lake_model.contracts.copy_spec import CopySpec
from lakehouse.bronze.copy_ranges import CopyRange, Estimate, Span, key_parts, ranges_of_days, ranges_of_slices
from lakehouse.bronze.row_copy import CopyLimits
from lakehouse.source.fingerprint import (
    SourceSlice,
    due_predicate,
    spans_predicate,
    undated_predicate,
)
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.sql_text import quote_identifier
from lakehouse.source.table_indexes import (
    estimated_rows_of,
    extremes,
    has_undated,
    leads_an_index,
    leads_the_primary_key,
    whole_number_key,
)
from lakehouse.source.type_map import ColumnPlan

# An earlier literal would keep the server from using an index.
_FIRST_TIMESTAMP = date(1970, 1, 1)
# How often a key may lie in the ranges of keys of several ranges of dates, on the average.
_MOST_OVERLAP = 2
# How many ranges are worth while where each of them may cost a look at every row.
_MOST_SCANS = 4


@dataclass
class RangePlanner:
    """Cuts what a run copies.

    Attributes:
        source: a session with nothing else to do.
        spec: the table.
        plans: its columns.
        limits: how large ranges are.
        readers: how many ranges are read at once.
        notes: what could not be done, for the run's ledger.
    """

    source: MySqlSource
    spec: CopySpec
    plans: Sequence[ColumnPlan]
    limits: CopyLimits
    readers: int
    notes: list[str] = field(default_factory=list)

    def of_slices(self, wanted: Sequence[SourceSlice], may_be_undated: bool) -> list[CopyRange]:
        """The ranges of slices that the source has counted, in order of their dates.

        Raises:
            SourceError: the server refuses a question.
        """
        rows = sum(item.rows for item in wanted)
        whole = ranges_of_slices(self._date_plan, wanted, may_be_undated, None)
        if rows <= self._most_rows(rows):
            return whole
        if self._date_plan is None or not self._is_indexed():
            return self._by_key(whole, rows)
        dated = self._date_plan
        return self._by_date(rows, whole, lambda most: ranges_of_slices(dated, wanted, may_be_undated, most))

    def of_first_load(self, business_date: date, rows: int, landed: Collection[date]) -> list[CopyRange]:
        """The ranges of all that is due.

        Args:
            business_date: the last date that is due.
            rows: of the table, as the server estimates them.
            landed: dates that are taken over from a draft.

        Raises:
            SourceError: the server refuses a question.
        """
        dated = self._date_plan
        is_large = rows > self._most_rows(rows)
        if dated is None:
            return self._by_key([CopyRange(None)], rows) if is_large else [CopyRange(None)]
        whole = [CopyRange(due_predicate(dated, business_date))]
        if not is_large and not landed:
            return whole
        is_indexed = self._is_indexed()
        if not is_indexed and not landed:
            return self._by_key(whole, rows)
        first = _FIRST_TIMESTAMP if dated.kind == "timestamp" else date.min
        due = (first.toordinal(), business_date.toordinal() + 1)
        # Without an index the server knows nothing of a range, and would read the table for each.
        estimate = self._rows_between(dated, rows, due) if is_indexed else lambda *_: None

        is_undated = has_undated(self.source, self.spec.schema, self.spec.table, dated)

        def ranges_of(most: int) -> list[CopyRange]:
            ranges = ranges_of_days(dated, due, landed, is_undated, most, estimate)
            return [*ranges, CopyRange(undated_predicate(dated))] if is_undated else ranges

        return self._by_date(rows, [] if landed else whole, ranges_of)

    def _by_date(
        self, rows: int, whole: Sequence[CopyRange], ranges_of: Callable[[int], list[CopyRange]]
    ) -> list[CopyRange]:
        """Ranges of dates that the server need not read the whole table for.

        Args:
            rows: how many there are.
            whole: the same rows in as few ranges as can be; empty: they cannot be had so.
            ranges_of: gives ranges of dates of at most so many rows.
        """
        ranges = ranges_of(self._most_rows(rows))
        bounded = self._bounded_by_key(ranges)
        if bounded is not None:
            return bounded
        if self.readers > 1 and whole and rows <= self.limits.range_rows:
            return self._by_key(whole, rows)
        # Each may cost the server a look at every row.
        return ranges if len(ranges) <= _MOST_SCANS else ranges_of(math.ceil(rows / _MOST_SCANS))

    def _bounded_by_key(self, ranges: Sequence[CopyRange]) -> list[CopyRange] | None:
        """Ranges of dates, each between the first and the last key of its rows; None where keys do not rise with dates.

        A range of keys is read in one go. Through the date's index rows are fetched one by one, so that the server
        rather reads the table from end to end, for each range.
        """
        spec = self.spec
        if len(ranges) < 2 or leads_the_primary_key(self.source, spec.schema, spec.table, spec.date_column or ""):
            return list(ranges)
        key = whole_number_key(self.source, spec.schema, spec.table, self.plans)
        if key is None:
            return None
        name, bounded, width = quote_identifier(key.name), list[CopyRange](), 0
        ends = list[int]()
        for one in ranges:
            if self._date_plan is not None and one.predicate == undated_predicate(self._date_plan):
                bounded.append(one)
                continue
            low, high = extremes(self.source, spec.schema, spec.table, name, one.predicate or "TRUE", self._date_plan)
            if low is None or high is None:
                continue
            bounded.append(replace(one, predicate=f"({one.predicate}) AND {name} BETWEEN {int(low)} AND {int(high)}"))
            ends += (int(low), int(high))
            width += int(high) - int(low) + 1
        if ends and width > _MOST_OVERLAP * (max(ends) - min(ends) + 1):
            return None
        return bounded

    @property
    def _date_plan(self) -> ColumnPlan | None:
        return next((plan for plan in self.plans if plan.name == self.spec.date_column), None)

    def _most_rows(self, rows: int) -> int:
        if self.readers == 1 or rows < self.limits.large_table_rows:
            return self.limits.range_rows
        return min(self.limits.range_rows, math.ceil(rows / self.readers))

    def _is_indexed(self) -> bool:
        return leads_an_index(self.source, self.spec.schema, self.spec.table, self.spec.date_column or "")

    def _rows_between(self, dated: ColumnPlan, rows: int, whole: Span) -> Estimate:
        spec = self.spec

        def estimate(first: int, after: int) -> int | None:
            days = (date.fromordinal(first), date.fromordinal(after - 1))
            found = estimated_rows_of(
                self.source, spec.schema, spec.table, dated.name, spans_predicate(dated, [days], False)
            )
            # Of a range of most rows the server knows only that it is large.
            return max(found or 0, rows) if (first, after) == whole else found

        return estimate

    def _by_key(self, ranges: Sequence[CopyRange], rows: int) -> list[CopyRange]:
        """The same ranges, each large one shared out by the primary key if there is more than one to read it."""
        spec, column = self.spec, self.spec.date_column
        if self.readers == 1:
            if column is not None:
                self.notes.append(f"no index begins with {column}: one range, and a retry copies from the start")
            return list(ranges)
        key = whole_number_key(self.source, spec.schema, spec.table, self.plans)
        if key is None:
            self.notes.append(
                "parallelRanges: no index begins with the date column, and no primary key with a whole number: "
                "one session reads"
            )
            return list(ranges)
        name = quote_identifier(key.name)
        low, high = extremes(self.source, spec.schema, spec.table, name, "TRUE")
        if low is None or high is None:
            return list(ranges)
        span: Span = (int(low), int(high) + 1)

        def estimate(first: int, after: int) -> int | None:
            predicate = f"{name} >= {first} AND {name} < {after}"
            found = estimated_rows_of(self.source, spec.schema, spec.table, key.name, predicate)
            return max(found or 0, rows) if (first, after) == span else found

        most = math.ceil(rows / self.readers)
        return [
            replace(one, parts=tuple(key_parts(key, one.predicate, span, most, estimate)))
            if not one.slices or sum(item.rows for item in one.slices) >= self.limits.large_table_rows
            else one
            for one in ranges
        ]
