"""What stored tables hold is measured exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_sums_of_refused_rows_keep_every_digit(spark: SparkSession, tmp_path: Path) -> None:
    from medallion.quality import quarantine
    from medallion.reconcile import Figures, measure, open_quarantine

    from lake_model.contracts.table_contracts import read_silver_contract

    table = f"delta.`{tmp_path}/refused`"
    quarantine.create(spark, table)
    amounts = ("1234567890123456789.01", "0.02", "-5.00")
    raw = [json.dumps({"sales_qty": 2, "sales_amount": "AMOUNT"}).replace('"AMOUNT"', amount) for amount in amounts]
    entries = spark.createDataFrame([("open", text) for text in raw], "state string, raw_row string")
    entries.write.format("delta").mode("append").option("mergeSchema", "false").save(f"{tmp_path}/refused")

    (found,) = measure(open_quarantine(spark, table, read_silver_contract(CONTRACTS, "transactions")))

    assert found.slices == {"undated": Figures(3, {"sales_qty": "6", "sales_amount": "1234567890123456784.03"})}
