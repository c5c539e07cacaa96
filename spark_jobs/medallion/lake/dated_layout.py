"""How the rows of a dated table lie in files: a folder for each date, or files of many dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from medallion.lake import delta_tables
from medallion.lake.sql_text import identifier

_ROWS_OF_A_FILE = 1_000_000
# Delta keeps bounds of so many columns, the first ones where nothing is said, and passes over files by them.
_WITH_BOUNDS = 32


@dataclass(frozen=True)
class DatedLayout:
    """The layout that a contract asks for.

    Attributes:
        column: the date of a row.
        clustered: whether files hold many dates each; upkeep has Delta keep them clustered by the date.
    """

    column: str
    clustered: bool

    @property
    def folders(self) -> str | None:
        """The column that each has a folder for a value of, as `delta_tables` takes it."""
        return None if self.clustered else self.column

    def create(
        self, spark: SparkSession, table: str, columns: Sequence[tuple[str, str]], *, change_feed: bool = False
    ) -> None:
        """Creates an empty table of (name, type) columns, unless it is there.

        Where files hold many dates, a row that goes is marked beside its file, whose other rows are not written again.
        """
        names = [name for name, _ in columns]
        late = self.clustered and names.index(self.column) >= _WITH_BOUNDS
        bounds = [self.column, *names[: _WITH_BOUNDS - 1]] if late else ()
        delta_tables.create(
            spark, table, columns, partitioned_by=self.folders, change_feed=change_feed,
            deletion_vectors=self.clustered, statistics_of=bounds,
        )  # fmt: skip

    def spread(self, frame: DataFrame, rows: int) -> DataFrame:
        """Puts rows together as files are to hold them; `rows` is about how many there are."""
        day = F.col(identifier(self.column))
        if not self.clustered:
            # One file per date: the writer splits what a task has by date.
            return frame.repartition(day)
        files = ceil(rows / _ROWS_OF_A_FILE)
        if files <= 1:
            return frame.repartition(1)
        # To find the bounds of ranges Spark goes through the rows once more. Within a file they are in order, so that a
        # reader of a few dates passes over the pages with the others.
        return frame.repartitionByRange(files, day).sortWithinPartitions(day)
