"""The files of one Delta table: counted, put together where small and many, removed when no kept version has them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from medallion.errors import SPARK_ERRORS, is_conflict
from medallion.lake.sql_text import identifier

SMALL_BYTES = 16 * 2**20
"""A file below this size is small."""
MANY = 8
"""So many small files in one folder are put together: a day's one file of a table by dates is nothing to mend."""
LEAST_DAYS = 7
"""Delta removes no younger files, and keeps them as long where nothing is said."""
# How long a removed file stays and its version can be read, and how long the log has it; with Delta's own days.
_RETENTION = {"delta.deletedFileRetentionDuration": LEAST_DAYS, "delta.logRetentionDuration": 30}
_DAYS = re.compile(r"(?:interval )?(\d+) (day|week)s?", re.IGNORECASE)


@dataclass(frozen=True)
class Files:
    """Files of a table's newest version.

    Attributes:
        small: those below `SMALL_BYTES`.
        most_small: of one folder, of the folder that has the most.
    """

    files: int
    bytes: int
    small: int
    most_small: int


@dataclass(frozen=True)
class Tended:
    """What was found and done.

    Attributes:
        before: the files as they were found.
        after: as they were left.
        files_removed: of older versions; at most 1000 are counted.
        left: why something was not done; empty where all was.
    """

    before: Files
    after: Files
    files_removed: int
    left: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.before != self.after or self.files_removed > 0

    def to_detail(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)


def tend(spark: SparkSession, table: str, days: int, clustered_by: str | None = None) -> Tended:
    """Puts a table's small files together where they are many, and removes files that no version of the last days has.

    A commit of another run at the same moment wins: what could not be done is done the next time.

    Args:
        days: for which older versions stay readable, at least `LEAST_DAYS`.
        clustered_by: the column by whose values rows are put together in files.
    """
    before, left = files_of(spark, table), ""
    keep_for(spark, table, days)
    if clustered_by:
        cluster(spark, table, clustered_by)
    if before.most_small >= MANY:
        try:
            spark.sql(f"OPTIMIZE {table}").collect()
        except SPARK_ERRORS as error:
            if not is_conflict(error):
                raise
            left = "another run was writing: small files are put together the next time"
    # Asked first: also one that removes nothing commits.
    removed = len(spark.sql(f"VACUUM {table} DRY RUN").collect())
    if removed:
        spark.sql(f"VACUUM {table}").collect()
    after = files_of(spark, table) if before.most_small >= MANY else before
    return Tended(before, after, removed, left)


def files_of(spark: SparkSession, table: str) -> Files:
    """Counts the files of a table's newest version."""
    (detail,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    found = Files(detail["numFiles"], detail["sizeInBytes"], 0, 0)
    if not found.files:
        return found
    files = spark.table(table).select("_metadata.file_path", "_metadata.file_size").distinct()
    folder = F.regexp_replace("file_path", "/[^/]*$", "").alias("folder")
    small = files.where(F.col("file_size") < SMALL_BYTES).groupBy(folder).count()
    (row,) = small.agg(F.coalesce(F.sum("count"), F.lit(0)), F.coalesce(F.max("count"), F.lit(0))).collect()
    return Files(found.files, found.bytes, row[0], row[1])


def keep_for(spark: SparkSession, table: str, days: int) -> None:
    """Has a table keep the files of versions that are younger than some days, and read those alone.

    Delta refuses to read a version whose commit is older, though it was the newest until a moment ago, and Databricks
    removes files by this alone. So what can be read and what is removed cannot differ.
    """
    rows = {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {table}").collect()}
    wanted = {name: max(days, own) if "log" in name else days for name, own in _RETENTION.items()}
    wrong = [
        f"'{name}' = 'interval {number} days'"
        for name, number in wanted.items()
        if _number(rows.get(name, f"{_RETENTION[name]} days")) != number
    ]
    if wrong:
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({', '.join(wrong)})")


def cluster(spark: SparkSession, table: str, column: str) -> None:
    """Has Delta put rows together by a column whenever it puts files together; a table with folders is left."""
    (detail,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    if not detail["partitionColumns"] and detail["clusteringColumns"] != [column]:
        spark.sql(f"ALTER TABLE {table} CLUSTER BY ({identifier(column)})")


def _number(text: str) -> int | None:
    found = _DAYS.fullmatch(text)
    return int(found[1]) * {"day": 1, "week": 7}[found[2].lower()] if found else None
