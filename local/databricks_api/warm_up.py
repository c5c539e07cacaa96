"""Writes one tiny Delta table, so that the first real job does not pay for loading Spark and Delta.

Run as a task of its own: `warm_up.py warm-up FOLDER`. It is also the proof that Spark and Delta work on this machine.
Or `warm_up.py rehearsal FOLDER`, for what jobs do with tables: two thirds of a first job's time are for loading classes
and for code that Java has not compiled yet.
"""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DAYS = ("2026-01-01", "2026-01-02")
_FINDINGS = "array<struct<name:string,message:string>>"


def warm_up(spark: SparkSession, folder: str) -> None:
    """Write a table to `folder`; any failure of Spark or Delta shows here."""
    spark.range(0, 2, 1, 1).write.format("delta").mode("overwrite").save(folder)


def rehearse(spark: SparkSession, folder: str) -> None:
    """Reads files, judges rows, compares them with a table, replaces some of its rows and sums it up, twice."""
    import pyarrow as pa
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    # An earlier driver may have rehearsed here, and Delta would skip transactions of the same id.
    folder = f"{folder}/{uuid.uuid4().hex}"
    table, landed = f"delta.`{folder}/versions`", f"{folder}/landed"
    spark.sql(
        f"CREATE TABLE {table} (code STRING, label STRING, since DATE, amount DECIMAL(12, 2), "
        f"findings {_FINDINGS}) USING delta TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    )
    rows = pa.table({"code": ["1", "2", "3"], "label": ["a", " b", None], "amount": ["1.5", "2", "x"]})
    spark.createDataFrame(rows).coalesce(1).write.mode("overwrite").parquet(landed)
    key = fn.sha2(fn.to_json(fn.array("code")), 256)
    by_code = Window.partitionBy("code")
    for number, day in enumerate(_DAYS):
        cleaned = spark.read.parquet(landed).select(
            "code",
            fn.expr("nullif(trim(label), '')").alias("label"),
            fn.expr(f"DATE'{day}'").alias("since"),
            fn.expr("try_cast(amount AS DECIMAL(12, 2))").alias("amount"),
            fn.to_json(fn.struct("*")).alias("raw"),
        )
        finding = "named_struct('name', 'amount', 'message', 'no number')"
        judged = cleaned.withColumn("copies", fn.count(fn.lit(1)).over(by_code)).withColumn(
            "findings",
            fn.expr(f"CAST(IF(amount IS NULL, array_compact(array({finding})), NULL) AS {_FINDINGS})"),
        )
        stored = spark.table(table)
        new, old = judged.withColumn("key", key).alias("new"), stored.withColumn("key", key).alias("old")
        newer = [fn.coalesce(f"new.{name}", f"old.{name}").alias(name) for name in stored.columns]
        fetched = new.join(old, "key", "full").where("copies <=> 1").select(newer).toArrow()
        local = spark.createDataFrame(fetched, schema=stored.schema)
        ordered = local.withColumn("before", fn.lag("label").over(by_code.orderBy("since")))
        last = fn.max_by(fn.struct("label", "since", "amount", "findings"), "since").alias("last")
        latest = ordered.groupBy("code").agg(last)
        options = {"txnAppId": "rehearsal", "txnVersion": str(number), "userMetadata": day}
        writer = latest.select("code", "last.*").write.format("delta").mode("overwrite").options(**options)
        writer.option("replaceWhere", "code IN ('1', '2', '3')").saveAsTable(table)
        spark.sql(f"DESCRIBE HISTORY {table} LIMIT 50").collect()
        spark.sql(f"DESCRIBE DETAIL {table}").collect()
        figures = spark.table(table).groupBy(fn.col("since").cast("string"), fn.col("findings.name"))
        summed = figures.agg(fn.count(fn.lit(1)), fn.array(fn.sum("amount").cast("string")))
        summed.unionByName(summed).collect()
        local.coalesce(1).write.format("delta").mode("append").saveAsTable(table)


def main() -> None:
    """Do what the command line says."""
    from pyspark.sql import SparkSession

    what, folder = sys.argv[1:]
    {"warm-up": warm_up, "rehearsal": rehearse}[what](SparkSession.builder.getOrCreate(), folder)


if __name__ == "__main__":
    main()
