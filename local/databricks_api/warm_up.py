"""Writes one tiny Delta table, so that the first real job does not pay for loading Spark and Delta.

Run as a task of its own: `warm_up.py FOLDER`. It is also the proof that Spark and Delta work on this machine.
"""

from __future__ import annotations

import sys


def warm_up(folder: str) -> None:
    """Write a table to `folder`; any failure of Spark or Delta shows here."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    spark.range(0, 2, 1, 1).write.format("delta").mode("overwrite").save(folder)


if __name__ == "__main__":
    warm_up(sys.argv[1])
