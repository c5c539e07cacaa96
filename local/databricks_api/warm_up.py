"""Writes and reads one tiny Delta table, so that the first real job does not pay for loading Spark and Delta.

Run as a task of its own: `warm_up.py FOLDER`.
"""

from __future__ import annotations

import sys


def warm_up(folder: str) -> None:
    """Write, rewrite in part, and read back a table in `folder`; any failure of Spark or Delta shows here."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    rows = spark.range(10).selectExpr("id", "id % 2 AS half", "cast(id AS decimal(10,2)) AS amount")
    rows.write.format("delta").mode("overwrite").partitionBy("half").save(folder)
    rows.where("half = 1").write.format("delta").mode("overwrite").option("replaceWhere", "half = 1").save(folder)
    if spark.read.format("delta").load(folder).groupBy("half").count().count() != 2:
        raise RuntimeError(f"The Delta table in {folder} was not read back as it was written.")


if __name__ == "__main__":
    warm_up(sys.argv[1])
