"""How the rows of a dated table lie in files: a folder for each date, or files of many dates."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TypedDict

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from medallion.lake.sql_text import identifier

_ROWS_OF_A_FILE = 1_000_000


class Layout(TypedDict):
    """As `delta_tables.create` and `overwrite` take it."""

    partitioned_by: str | None
    clustered_by: str | None


@dataclass(frozen=True)
class DatedLayout:
    """The layout that a contract asks for: by folders of the date column, or clustered by it."""

    column: str
    clustered: bool

    @property
    def of_table(self) -> Layout:
        """For the table's making."""
        if self.clustered:
            return {"partitioned_by": None, "clustered_by": self.column}
        return {"partitioned_by": self.column, "clustered_by": None}

    def spread(self, frame: DataFrame, rows: int) -> DataFrame:
        """Puts rows together as files are to hold them; `rows` is about how many there are."""
        day = F.col(identifier(self.column))
        if not self.clustered:
            # One file per date: the writer splits what a task has by date.
            return frame.repartition(day)
        files = ceil(rows / _ROWS_OF_A_FILE)
        # To find the bounds of ranges Spark goes through the rows once more.
        return frame.repartitionByRange(files, day) if files > 1 else frame.repartition(1)
