"""Keeps a small intermediate result on the driver, where a large one stays a plan.

A frame that several steps use would be computed by each of them; serverless compute has no cache to put it in. Changes
are few on most days, so they are fetched once, as Arrow, and go on as a local table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from medallion.lake.sql_text import identifier

MAX_ROWS = 20_000
_ARROW = {
    "string": pa.string(),
    "date": pa.date32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "array<string>": pa.list_(pa.string()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}


@dataclass(frozen=True)
class Fetched:
    """A frame that may now be local; ``table`` has its rows where they were few enough to fetch."""

    frame: DataFrame
    table: pa.Table | None

    @property
    def rows(self) -> int | None:
        """How many there are; None where they were too many to fetch."""
        return None if self.table is None else self.table.num_rows

    @property
    def is_empty(self) -> bool:
        """Whether it is known to have no rows."""
        return self.rows == 0


def fetch_small(spark: SparkSession, frame: DataFrame, max_rows: int = MAX_ROWS) -> Fetched:
    """Fetches a frame of at most ``max_rows`` rows; gives a larger one back as it is."""
    table = frame.limit(max_rows + 1).toArrow()
    return Fetched(frame, None) if table.num_rows > max_rows else _local(spark, table, frame.schema)


def fetch_all(spark: SparkSession, frame: DataFrame) -> Fetched:
    """Fetches a frame whose rows are known to be few: a limit would make Spark look at the table's files twice."""
    return _local(spark, frame.toArrow(), frame.schema)


def fetch_known(spark: SparkSession, frame: DataFrame, most_rows: int) -> Fetched:
    """Fetches a frame that has ``most_rows`` rows at most, if those are few; else as ``fetch_small``."""
    return fetch_all(spark, frame) if most_rows <= MAX_ROWS else fetch_small(spark, frame)


def fetch_together(spark: SparkSession, frames: Sequence[DataFrame], max_rows: int = MAX_ROWS) -> list[Fetched]:
    """Fetches several frames in one pass, if all together have few rows; else gives them back as they are."""
    if not frames:
        return []
    # Numbered, so that each column has its own, which is NULL in the rows of the other frames.
    sides = [
        frame.select(F.lit(number).alias("_side"), *[
            F.col(identifier(name)).alias(f"_{number}_{at}") for at, name in enumerate(frame.columns)
        ])
        for number, frame in enumerate(frames)
    ]  # fmt: skip
    union = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), sides)
    table = union.limit(max_rows + 1).toArrow()
    if table.num_rows > max_rows:
        return [Fetched(frame, None) for frame in frames]
    return [_local(spark, _rows_of(table, number, frame.columns), frame.schema) for number, frame in enumerate(frames)]


def _rows_of(table: pa.Table, number: int, names: Sequence[str]) -> pa.Table:
    own = table.filter(pc.equal(table["_side"], number))
    return own.select([f"_{number}_{at}" for at in range(len(names))]).rename_columns(list(names))


def rows_where(spark: SparkSession, fetched: Fetched, condition: str) -> Fetched:
    """Those rows for which a boolean column of theirs is TRUE, without asking Spark where they are local."""
    frame = fetched.frame.where(F.col(condition))
    if fetched.table is None:
        return Fetched(frame, None)
    return _local(spark, fetched.table.filter(fetched.table.column(condition)), fetched.frame.schema)


def _local(spark: SparkSession, table: pa.Table, schema: T.StructType) -> Fetched:
    # Spark sends empty lists without an offsets buffer, and Arrow 26 crashes (SIGSEGV) when it then measures the table.
    rebuilt = table.take(pa.array(range(table.num_rows), pa.int64()))
    return Fetched(spark.createDataFrame(rebuilt, schema=schema), rebuilt)


def local_frame(spark: SparkSession, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> DataFrame:
    """A frame of a few rows, given in the order of its (name, type) columns; a map is a list of pairs.

    Through Arrow, since a classic session sends a list of rows through Python worker processes.
    """
    arrays = [pa.array([row[place] for row in rows], _ARROW[kind]) for place, (_, kind) in enumerate(columns)]
    schema = ", ".join(f"`{name}` {kind}" for name, kind in columns)
    return spark.createDataFrame(pa.table(arrays, names=[name for name, _ in columns]), schema).coalesce(1)
