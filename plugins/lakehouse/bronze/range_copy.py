"""Reading ranges, one after the other or several at once; a range that is verified is kept in the draft."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import date

from lake_model.bronze_manifest import Slice
from lakehouse.bronze.bronze_writer import remove_files
from lakehouse.bronze.copy_ranges import CopyRange
from lakehouse.bronze.drafts import Draft
from lakehouse.bronze.row_copy import CopiedRows, RowCopy, add_substitutions
from lakehouse.bronze.slice_index import indexed_slices
from lakehouse.bronze.slice_totals import Totals, added_up
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import SourceSlice
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.type_map import ColumnPlan

# Gives what the source holds of a range, by its number, once what was written of it agrees with that; asked with a
# session that is in the snapshot and has nothing else to do. Raises VerificationError where it does not agree.
Verified = Callable[[int, Mapping[str, Totals], MySqlSource], Sequence[SourceSlice]]


class RangeCopy:
    """Copies the ranges of one run.

    Args:
        sessions: all in one snapshot; each reads one statement at a time.
        folder: the table's folder.
        rows: copies the rows of a statement.
        draft: keeps what is finished.
        plans: the source's columns.
        business_date: the run's.
        draft_rows: how many rows must have been finished before it is worth while to write them into the draft.

    Attributes:
        copied: the files and figures of all that was read so far.
        slices: the entries of the index of all ranges that are finished.
    """

    def __init__(
        self,
        sessions: Sequence[MySqlSource],
        folder: LakePath,
        rows: RowCopy,
        draft: Draft,
        plans: Sequence[ColumnPlan],
        business_date: date,
        draft_rows: int,
    ) -> None:
        self.copied = CopiedRows()
        self.slices: list[Slice] = []
        self._sessions = tuple(sessions)
        self._folder = folder
        self._rows = rows
        self._draft = draft
        self._plans = plans
        self._business_date = business_date
        self._draft_rows = draft_rows
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, ranges: Sequence[CopyRange], verified: Verified) -> None:
        """Copy them.

        Raises:
            SourceError: the source refuses, or a connection is lost.
            StorageError: a file cannot be written or read.
            VerificationError: what was written is not what the source holds.
        """
        statements = [(number, predicate) for number, one in enumerate(ranges) for predicate in one.statements]
        work = _Work(statements, [len(one.statements) for one in ranges])
        readers = self._sessions[: len(statements)]
        if len(readers) <= 1:
            self._read(self._sessions[0], work, verified)
            return
        with ThreadPoolExecutor(len(readers), "range") as pool:
            reading = [pool.submit(self._read, session, work, verified) for session in readers]
            try:
                done, _ = wait(reading, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
            except BaseException:
                self._stopped.set()
                # A thread that waits for the server learns of it at once; to cancel the first cancels the others.
                if not all(one.done() for one in reading):
                    self._sessions[0].cancel()
                raise

    def _read(self, session: MySqlSource, work: _Work, verified: Verified) -> None:
        while (task := work.next()) is not None:
            number, predicate = task
            copied = self._rows.copy(session, predicate, self._stopped)
            with self._lock:
                self.copied.add_figures(copied)
                parts = work.done(number, copied)
            if parts:
                self._finish(number, parts, session, work, verified)

    def _finish(
        self, number: int, parts: Sequence[CopiedRows], session: MySqlSource, work: _Work, verified: Verified
    ) -> None:
        totals = added_up([part.totals for part in parts])
        found = verified(number, totals, session)
        with self._lock:
            self.slices += indexed_slices(found, totals, self.copied.files, self._plans, self._business_date)
            if work.finish(parts, self._draft_rows):
                known = {**self.copied.files, **self._draft.files}
                self._draft.write(self.slices, known, work.substitutions(self._draft))

    def discard(self) -> None:
        """Remove the files of a run that failed, but for those that a draft names."""
        remove_files(self._folder, [name for name in self.copied.files if name not in self._draft.kept])


class _Work:
    """Which statements are yet to be read, and what was brought of each range."""

    def __init__(self, statements: Sequence[tuple[int, str | None]], parts: Sequence[int]) -> None:
        self._waiting = deque(statements)
        self._brought: list[list[CopiedRows]] = [[] for _ in parts]
        self._parts = parts
        self._unfinished = len(parts)
        self._undrafted = 0
        self._finished: list[CopiedRows] = []

    def next(self) -> tuple[int, str | None] | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def done(self, number: int, copied: CopiedRows) -> list[CopiedRows]:
        """Note a part; all parts of its range if it was the last of them, else none."""
        self._brought[number].append(copied)
        return self._brought[number] if len(self._brought[number]) == self._parts[number] else []

    def finish(self, parts: Sequence[CopiedRows], draft_rows: int) -> bool:
        """Note that a range is verified; whether it is time for a draft: there is enough for one, and more to come."""
        self._finished += parts
        self._undrafted += sum(part.rows_read for part in parts)
        self._unfinished -= 1
        if not self._unfinished or self._undrafted < draft_rows:
            return False
        self._undrafted = 0
        return True

    def substitutions(self, draft: Draft) -> dict[str, dict[str, int]]:
        """Of all that is finished and of what was taken over."""
        total: dict[str, dict[str, int]] = {}
        for counts in itertools.chain([draft.substitutions], (part.substitutions for part in self._finished)):
            add_substitutions(total, counts)
        return total
