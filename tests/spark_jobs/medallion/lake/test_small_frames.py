"""Small intermediate results that are kept on the driver."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from medallion.lake.small_frames import fetch_together

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_frames_fetched_together_keep_their_columns_types_and_rows(spark: SparkSession) -> None:
    numbers = spark.range(2).selectExpr("id AS `a.b`", "array(CAST(id AS STRING)) AS same")
    empty = spark.sql("SELECT DATE'2026-11-20' AS day, CAST(1.5 AS DECIMAL(10,2)) AS same WHERE FALSE")
    nulls = spark.sql("SELECT DATE'2026-11-20' AS day, CAST(NULL AS DECIMAL(10,2)) AS same")
    wide = spark.sql("SELECT CAST(1.50 AS DECIMAL(38,2)) AS amount, map('k', 'v') AS names, X'00FF' AS bytes")

    found = [one.frame for one in fetch_together(spark, [numbers, empty, nulls, wide])]

    assert [frame.dtypes for frame in found] == [frame.dtypes for frame in (numbers, empty, nulls, wide)]
    assert [[tuple(row) for row in frame.collect()] for frame in found] == [
        [(0, ["0"]), (1, ["1"])],
        [],
        [(date(2026, 11, 20), None)],
        [(Decimal("1.50"), {"k": "v"}, bytearray(b"\x00\xff"))],
    ]


def test_frames_that_have_too_many_rows_together_are_given_back_as_they_are(spark: SparkSession) -> None:
    one, other = spark.range(3), spark.range(3)

    assert [(a.frame, a.table) for a in fetch_together(spark, [one, other], 5)] == [(one, None), (other, None)]
    assert [a.rows for a in fetch_together(spark, [one, other], 6)] == [3, 3]


def test_no_frames_are_no_pass(spark: SparkSession) -> None:
    assert fetch_together(spark, []) == []
