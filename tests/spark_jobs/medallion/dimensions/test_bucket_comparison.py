"""Which buckets of keys a snapshot changes, seen without a join."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lake_model.contracts.silver_contract import Rule, Severity
from tests.spark_jobs.medallion.dimensions.thing_contract import thing_contract

if TYPE_CHECKING:
    from medallion.dimensions.bucket_comparison import Buckets
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
Row = tuple[str | None, str | None, str | None, float | None]
CONTRACT = thing_contract({"name": "string", "city": "string", "weight": "double"}, ("name", "city", "weight"))
SCHEMA = "code string, name string, city string, weight double"
STORED: list[Row] = [(f"K{number}", f"name {number}", None, number / 2) for number in range(200)]
# So many that hardly two keys share a bucket.
ROWS = 24 * 100_000


def compared(
    spark: SparkSession, said: list[Row], warned: str | None = None, noted: str | None = None, rows: int = ROWS
) -> Buckets:
    """What a snapshot changes of STORED; the row of one key is told something, and of another one was before."""
    from medallion.dimensions.bucket_comparison import compare
    from medallion.quality.row_judgement import FINDINGS, FINDINGS_TYPE, WARNINGS
    from pyspark.sql import functions as F  # ruff: ignore[lowercase-imported-as-non-lowercase]

    one = f"from_json('[{{\"name\": \"rule\"}}]', '{FINDINGS_TYPE}')"

    def told(key: str | None) -> str:
        return f"IF(code = '{key}', {one}, NULL)" if key else f"CAST(NULL AS {FINDINGS_TYPE})"

    judged = spark.createDataFrame(said, SCHEMA)
    judged = judged.withColumns({name: F.expr(told(warned if name == WARNINGS else None)) for name in FINDINGS})
    versions = spark.createDataFrame(STORED, SCHEMA).withColumn(WARNINGS, F.expr(told(noted)))
    return compare(judged, versions, CONTRACT, rows)


def left(spark: SparkSession, buckets: Buckets, rows: list[Row]) -> set[str | None]:
    """The keys whose rows are to be looked at."""
    frame = spark.createDataFrame(rows, SCHEMA)
    return {row["code"] for row in buckets.rows_of(spark, frame, CONTRACT).collect()}


def test_equal_values_in_any_order_differ_nowhere_zero_and_negative_zero_among_them(spark: SparkSession) -> None:
    said: list[Row] = [(*STORED[0][:3], -0.0), *STORED[:0:-1]]
    assert compared(spark, said).differing == []


def test_every_kind_of_difference_is_found(spark: SparkSession) -> None:
    changed: list[Row] = [
        ("K7", "another", None, 3.5),
        ("K8", None, None, 4.0),
        # A NULL in another place: a plain hash of the row would be the same.
        ("K9", None, "name 9", 4.5),
        ("K10", "name 10", None, None),
        ("K11", "name 11", "", 5.5),
    ]
    twice, thrice, new = STORED[3], STORED[4], ("new", None, None, None)
    untouched = {row[0]: row for row in STORED[1:]} | {row[0]: row for row in changed}
    # K0 went, and K5 and K6 have the same values but are or were warned of.
    said: list[Row] = [*untouched.values(), twice, thrice, thrice, new]
    buckets = compared(spark, said, warned="K5", noted="K6")
    differing = {*(row[0] for row in changed), "K0", "new", "K3", "K4", "K5", "K6"}
    assert left(spark, buckets, [*STORED, new]) == differing


def test_a_row_in_place_of_another_of_its_bucket_is_found(spark: SparkSession) -> None:
    # One bucket for all: the counts agree.
    assert compared(spark, [*STORED[1:], STORED[1]], rows=1).differing == [0]


def test_a_row_without_its_key_is_found(spark: SparkSession) -> None:
    said: list[Row] = [*STORED, (None, "nobody", None, None)]
    assert len(compared(spark, said).differing) == 1


def test_what_must_be_unique_over_other_columns_cannot_be_compared_by_keys() -> None:
    from medallion.dimensions.bucket_comparison import by_single_rows, can_be_compared

    def unique(*columns: str) -> Rule:
        return Rule("_".join(columns), "", columns, "is_unique", Severity.ERROR)

    over_key = replace(CONTRACT, rules=(unique("code"), unique("code", "name")))
    assert can_be_compared(over_key)
    assert not can_be_compared(replace(CONTRACT, rules=(unique("name"),)))
    assert by_single_rows(over_key) == CONTRACT
