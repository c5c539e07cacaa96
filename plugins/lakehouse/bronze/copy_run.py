"""One copy of one table, as a task or a command runs it: stoppable from outside, and recorded in the run ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from lake_model.contracts.copy_spec import CopySpec
from lakehouse.bronze.copy_outcome import CopyOutcome, CopyProgress
from lakehouse.errors import LakehouseError, StorageError
from lakehouse.ledger import LedgerRow, write_row

if TYPE_CHECKING:
    from lakehouse.lake.lake_path import LakePath
    from lakehouse.settings import Settings
    from lakehouse.source.mysql_source import MySqlSource
    from lakehouse.source.source_connection import ConnectionInfo


class CopyRun:
    """A copy that is yet to run.

    Args:
        lake: the lake's root.
        spec: the table and how it is copied.
        business_date: of the run.
        run_slug: the run's name in paths.
        settings: of the platform.
        connection: gives the source's connection when the copy starts.
        clock: gives the present instant, with a time zone.
        progress: is called with how far the copy has come, from the thread that copies.
    """

    def __init__(
        self,
        lake: LakePath,
        spec: CopySpec,
        business_date: date,
        run_slug: str,
        settings: Settings,
        connection: Callable[[], ConnectionInfo],
        clock: Callable[[], datetime],
        progress: CopyProgress | None = None,
    ) -> None:
        self._lake = lake
        self._spec = spec
        self._business_date = business_date
        self._run_slug = run_slug
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._progress = progress
        self._source: MySqlSource | None = None
        self._stopped = False

    def execute(self) -> LedgerRow:
        """Copy the table, and give the row that the ledger now holds.

        Raises:
            LakehouseError: the copy failed; the ledger holds a row that says so.
        """
        started = self._clock()
        try:
            # In a thread of its own: a signal (and so `stop`) waits while this one is inside the driver's C code.
            with ThreadPoolExecutor(1, "copy") as pool:
                copy = pool.submit(self._copy)
                try:
                    outcome = copy.result()
                except BaseException:
                    # A timeout or Ctrl-C stops this thread alone, and leaving the pool waits for the one that copies.
                    if not copy.done():
                        self.stop()
                    raise
        except LakehouseError as error:
            # A lake that is away cannot take the row either: what is raised is why the copy failed.
            with contextlib.suppress(StorageError):
                self.note_failure(started, error)
            raise
        return self._record(outcome, started, None)

    def note_failure(self, started: datetime, error: BaseException) -> None:
        """Write the ledger's row of a copy that failed.

        Raises:
            StorageError: the lake cannot be written.
        """
        self._record(CopyOutcome("failed"), started, str(error) or type(error).__name__)

    def stop(self) -> None:
        """End the session at the source, or keep it from starting: the copy fails and removes what it wrote."""
        self._stopped = True
        if self._source is not None:
            self._source.cancel()

    def _copy(self) -> CopyOutcome:
        # Here, not above: they import Arrow, which a DAG file and `--help` should not wait for.
        from lake_model.lake_layout import bronze_root
        from lakehouse.bronze.bronze_writer import FileLimits
        from lakehouse.bronze.row_copy import LONGEST_COPY, CopyLimits
        from lakehouse.bronze.table_copy import copy_table
        from lakehouse.source.mysql_source import MySqlSource
        from lakehouse.source.source_load import source_load

        limits = CopyLimits(
            batch_rows=self._settings.copy_batch_rows,
            files=FileLimits(row_group_rows=self._settings.row_group_rows),
            draft_age=timedelta(days=self._settings.bronze_grace_days) - LONGEST_COPY,
        )
        self._source = MySqlSource(self._connection(), source_load(self._settings))
        if self._stopped:
            self._source.cancel()
        with self._source as source:
            return copy_table(
                source,
                bronze_root(self._lake),
                self._spec,
                self._business_date,
                self._run_slug,
                self._clock,
                limits,
                self._progress,
            )

    def _record(self, outcome: CopyOutcome, started: datetime, error: str | None) -> LedgerRow:
        ended = self._clock()
        row = LedgerRow(
            schema=self._spec.schema,
            table=self._spec.table,
            stage="copy",
            business_date=self._business_date.isoformat(),
            run_id=self._run_slug,
            status="failed" if error else "skipped" if outcome.outcome == "no_snapshot" else "success",
            outcome=outcome.outcome,
            rows_read=outcome.rows_read,
            rows_written=outcome.rows_written,
            bytes_written=outcome.bytes_written,
            seconds=round((ended - started).total_seconds(), 3),
            started_at=started.isoformat(),
            ended_at=ended.isoformat(),
            error=error,
            detail=outcome.detail(),
        )
        write_row(self._lake, row)
        return row
