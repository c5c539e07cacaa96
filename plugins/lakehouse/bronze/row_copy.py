"""Bringing the rows of one statement into Parquet files, which are read back and added up by slice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

from lake_model.bronze_manifest import BronzeFile
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import part_name
from lakehouse.bronze.bronze_reader import read_back
from lakehouse.bronze.bronze_writer import BronzeWriter, FileLimits
from lakehouse.bronze.copy_outcome import CopyProgress
from lakehouse.bronze.slice_totals import SliceTotals, Totals
from lakehouse.errors import SourceUnavailableError
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import select_sql
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.source_errors import TRANSIENT
from lakehouse.source.type_map import ColumnPlan, arrow_schema, decode_column
from lakehouse.source.wire_rows import Columns

# A copy is stopped after two hours; so much room leaves a file out of reach of the sweep for six times that.
LONGEST_COPY = timedelta(hours=12)


@dataclass(frozen=True)
class CopyLimits:
    """What bounds memory, file sizes and the server's work.

    Attributes:
        batch_rows, batch_bytes: of a batch that is fetched through the driver.
        files: the limits of files.
        large_table_rows: from how many rows on the first load leaves the fingerprints to the run after it, and ranges
            are read in parallel where the contract says so.
        range_rows: how many rows a copy reads until what it has is kept for a retry.
        draft_age: how old files of an unfinished copy may be when they are taken over: so much less than the grace
            period of upkeep that none is swept away while the copy lasts.
    """

    batch_rows: int = 4_096
    batch_bytes: int = 8 * 2**20
    files: FileLimits = field(default_factory=FileLimits)
    large_table_rows: int = 200_000
    range_rows: int = 10_000_000
    draft_age: timedelta = timedelta(days=1) - LONGEST_COPY


@dataclass
class CopiedRows:
    """What statements brought.

    Attributes:
        totals: what the files hold, by slice: as read back, not as it was meant to be.
        files: every file that was written.
        rows_read: how many rows came from the source.
        substitutions: values that could not be held as they were, by column and reason.
    """

    totals: Mapping[str, Totals] = field(default_factory=dict)
    files: dict[str, BronzeFile] = field(default_factory=dict)
    rows_read: int = 0
    substitutions: dict[str, dict[str, int]] = field(default_factory=dict)

    def add_figures(self, other: CopiedRows) -> None:
        """Add all but the totals."""
        self.files.update(other.files)
        self.rows_read += other.rows_read
        add_substitutions(self.substitutions, other.substitutions)


def add_substitutions(total: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]) -> None:
    """Add counts by column and reason to others."""
    for column, reasons in more.items():
        counts = total.setdefault(column, {})
        for reason, count in reasons.items():
            counts[reason] = counts.get(reason, 0) + count


class RowCopy:
    """Writes what statements give; several threads may copy at once, each with a session of its own."""

    def __init__(
        self,
        folder: LakePath,
        spec: CopySpec,
        plans: Sequence[ColumnPlan],
        business_date: date,
        run_id: str,
        attempt: str,
        limits: CopyLimits,
        progress: CopyProgress | None,
    ) -> None:
        self._folder = folder
        self._spec = spec
        self._plans = plans
        self._schema = arrow_schema(plans)
        self._business_date = business_date
        self._run_id = run_id
        self._attempt = attempt
        self._limits = limits
        self._progress = progress
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def copy(self, source: MySqlSource, predicate: str | None, stopped: threading.Event) -> CopiedRows:
        """Copy the rows of a predicate (None: all of them).

        Raises:
            SourceError: the source refuses, the connection is lost, or `stopped` was set meanwhile.
            StorageError: a file cannot be written or read.
            VerificationError: a file does not hold what was written.
        """
        copied = CopiedRows()
        totals = SliceTotals(self._plans, self._spec.date_column)

        def check(name: str, file: BronzeFile) -> None:
            for rows in read_back(self._folder, name, file, totals.columns):
                totals.add(name, rows)

        statement = select_sql(self._spec.schema, self._spec.table, self._plans)
        if predicate is not None:
            statement += f" WHERE {predicate}"
        with BronzeWriter(
            self._folder,
            self._next_part,
            self._schema,
            self._limits.files,
            lambda columns: self._decode(columns, copied.substitutions),
            check,
        ) as writer:
            for columns in source.stream(statement, self._limits.batch_rows, self._limits.batch_bytes):
                if stopped.is_set():
                    raise SourceUnavailableError(f"{self._spec.full_name}: the copy was stopped: {TRANSIENT}")
                copied.rows_read += len(columns[0])
                writer.write(columns)
                if self._progress is not None:
                    with self._lock:
                        self._progress.advance(len(columns[0]))
        copied.files.update(writer.files)
        copied.totals = totals.slices
        return copied

    def _decode(self, columns: Columns, substitutions: dict[str, dict[str, int]]) -> pa.RecordBatch:
        arrays = []
        for plan, raw in zip(self._plans, columns, strict=True):
            array, substituted = decode_column(plan, raw)
            arrays.append(array)
            if substituted:
                add_substitutions(substitutions, {plan.name: substituted})
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _next_part(self) -> str:
        # No other attempt has such a name: not even an attempt of the same run, by a worker that was thought dead.
        return part_name(self._business_date, self._run_id, self._attempt, next(self._numbers))
