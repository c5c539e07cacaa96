"""Keeps a small intermediate result on the driver, where a large one stays a plan.

A frame that several steps use would be computed by each of them; serverless compute has no cache to put it in. Changes
are few on most days, so they are fetched once, as Arrow, and go on as a local table.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

MAX_ROWS = 20_000


@dataclass(frozen=True)
class Fetched:
    """A frame that may now be local; ``rows`` is None where it was too large to fetch."""

    frame: DataFrame
    rows: int | None

    @property
    def is_empty(self) -> bool:
        """Whether it is known to have no rows."""
        return self.rows == 0


def fetch_small(spark: SparkSession, frame: DataFrame, max_rows: int = MAX_ROWS) -> Fetched:
    """Fetches a frame of at most ``max_rows`` rows; gives a larger one back as it is."""
    table = frame.limit(max_rows + 1).toArrow()
    if table.num_rows > max_rows:
        return Fetched(frame, None)
    # Spark sends empty lists without an offsets buffer, and Arrow 26 crashes (SIGSEGV) when it then measures the table.
    rebuilt = table.take(pa.array(range(table.num_rows), pa.int64()))
    return Fetched(spark.createDataFrame(rebuilt, schema=frame.schema), table.num_rows)
