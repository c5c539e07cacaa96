"""silver.py with several tables: one session, and each table stands for itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import silver

from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, MARKET, BronzeLake
from tests.spark_jobs.jobs import ledger_row, stored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAY = "2026-11-18"


def test_a_table_that_fails_holds_no_other_up_and_each_has_its_own_row(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("customer", CUSTOMER, DAY, [("Cus001", "Surge", "E-Commerce")])
    lake.land_snapshot("market", MARKET, DAY, [("Mark001", "Delhi", "North")])
    where = ["--contracts", str(CONTRACTS), "--business-date", DAY, "--run-id", "r", "--lake-root", str(tmp_path)]

    failure = silver.main([*where, "--tables", "customer,nothing,market"])

    assert failure is not None
    assert failure.startswith(f"silver nothing {DAY}: ")
    assert len(failure.splitlines()) == 1
    statuses = {
        table: ledger_row("silver", table, DAY, tmp_path, run_id="r")["status"]
        for table in ("customer", "nothing", "market")
    }
    assert statuses == {"customer": "success", "nothing": "failed", "market": "success"}
    assert stored(tmp_path, "silver/market", ["market_code", "market_name"]) == [("Mark001", "Delhi")]
    parts = [line for line in capsys.readouterr().out.splitlines() if line.startswith("===")]
    assert parts == ["=== silver customer (1 of 3)", "=== silver nothing (2 of 3)", "=== silver market (3 of 3)"]
