"""Bringing the rows of one statement into Parquet files, which are read back and added up by slice."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from lakehouse.bronze.bronze_layout import part_name
from lakehouse.bronze.bronze_reader import read_back
from lakehouse.bronze.bronze_writer import BronzeWriter, FileLimits
from lakehouse.bronze.copy_spec import CopyProgress, CopySpec
from lakehouse.bronze.manifest import BronzeFile
from lakehouse.bronze.slice_totals import SliceTotals, Totals
from lakehouse.lake.lake_path import LakePath
from lakehouse.lake.storage_errors import storage_errors
from lakehouse.source.fingerprint import select_sql
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.type_map import ColumnPlan, arrow_schema, decode_column
from lakehouse.source.wire_rows import Columns


@dataclass(frozen=True)
class CopyLimits:
    """What bounds memory, file sizes and the server's work.

    Attributes:
        batch_rows, batch_bytes: of a batch that is fetched through the driver.
        files: the limits of files.
        large_table_rows: from how many rows on the first load leaves the fingerprints to the run after it.
    """

    batch_rows: int = 4_096
    batch_bytes: int = 8 * 2**20
    files: FileLimits = field(default_factory=FileLimits)
    large_table_rows: int = 200_000


class RowCopy:
    """Writes what statements give, one after the other, and knows afterwards what is in the files.

    Attributes:
        files: every file that was written.
        rows_read: how many rows came from the source.
        substitutions: values that could not be held as they were, by column and reason.
    """

    def __init__(
        self,
        source: MySqlSource,
        folder: LakePath,
        spec: CopySpec,
        plans: Sequence[ColumnPlan],
        business_date: date,
        run_id: str,
        limits: CopyLimits,
        progress: CopyProgress | None,
    ) -> None:
        self.files: dict[str, BronzeFile] = {}
        self.rows_read = 0
        self.substitutions: dict[str, dict[str, int]] = {}
        self._source = source
        self._folder = folder
        self._spec = spec
        self._plans = plans
        self._schema = arrow_schema(plans)
        self._business_date = business_date
        self._run_id = run_id
        self._limits = limits
        self._progress = progress
        self._numbers = itertools.count()

    def copy(self, predicate: str | None) -> Mapping[str, Totals]:
        """Copy the rows of a predicate (None: all of them).

        Returns:
            What the files hold of them, by slice: as read back, not as it was meant to be.

        Raises:
            SourceError: the source refuses, or the connection is lost.
            StorageError: a file cannot be written or read.
            VerificationError: a file does not hold what was written.
        """
        totals = SliceTotals(self._plans, self._spec.date_column)

        def check(name: str, file: BronzeFile) -> None:
            for rows in read_back(self._folder, name, file, totals.columns):
                totals.add(name, rows)

        statement = select_sql(self._spec.schema, self._spec.table, self._plans)
        if predicate is not None:
            statement += f" WHERE {predicate}"
        with BronzeWriter(
            self._folder, self._next_part, self._schema, self._limits.files, self._decode, check
        ) as writer:
            for columns in self._source.stream(statement, self._limits.batch_rows, self._limits.batch_bytes):
                self.rows_read += len(columns[0])
                writer.write(columns)
                if self._progress is not None:
                    self._progress.advance(len(columns[0]))
        self.files.update(writer.files)
        return totals.slices

    def _decode(self, columns: Columns) -> pa.RecordBatch:
        arrays = []
        for plan, raw in zip(self._plans, columns, strict=True):
            array, substituted = decode_column(plan, raw)
            arrays.append(array)
            for reason, count in substituted.items():
                counts = self.substitutions.setdefault(plan.name, {})
                counts[reason] = counts.get(reason, 0) + count
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _next_part(self) -> str:
        """The next name that is free: a retry of the same run must not touch files that a manifest may name."""
        while True:
            name = part_name(self._business_date, self._run_id, next(self._numbers))
            with storage_errors("look for", self._folder / name):
                if not (self._folder / name).exists():
                    return name
