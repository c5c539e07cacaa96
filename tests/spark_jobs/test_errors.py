"""What a user got wrong gives one clear message, a failed ledger row, and nothing half written."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS, MARKET, BronzeLake
from tests.spark_jobs.jobs import ledger_row, run_failure

if TYPE_CHECKING:
    from medallion.run.cli import JobArguments
    from medallion.run.run_ledger import Outcome
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAY = "2026-11-18"


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """The contracts, free to be spoilt."""
    return Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))


def spoil(contracts: Path, table: str, old: str, new: str) -> None:
    path = contracts / f"{table}.odcs.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_fact_that_was_never_landed(spark: SparkSession, tmp_path: Path) -> None:
    failure = run_failure("silver", "transactions", DAY, tmp_path)
    assert failure is not None
    assert f"{tmp_path}/bronze/atliqsale/transactions/_latest.json: nothing was landed" in failure
    row = ledger_row("silver", "transactions", DAY, tmp_path)
    assert (row["status"], row["detail"]) == ("failed", {})
    assert row["error"] in failure


def test_gold_before_silver(spark: SparkSession, tmp_path: Path) -> None:
    failure = run_failure("gold", "sales_obt", DAY, tmp_path)
    assert failure is not None
    assert "run silver for table transactions first" in failure
    assert not (tmp_path / "gold").exists()


def test_an_unreadable_manifest(spark: SparkSession, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("market", MARKET, DAY, [])
    manifest = lake.folder("market") / f"business_date={DAY}/_manifest.json"
    manifest.write_text("{")
    failure = run_failure("silver", "market", DAY, tmp_path)
    assert failure is not None
    assert f"{manifest}: it is not JSON" in failure
    manifest.write_text(json.dumps({"manifest_version": 2}))
    assert "this code reads version 1" in str(run_failure("silver", "market", DAY, tmp_path))


def test_expressions_and_columns_that_the_source_has_not(spark: SparkSession, tmp_path: Path, contracts: Path) -> None:
    BronzeLake(tmp_path).land_snapshot("market", MARKET, DAY, [("Mark001", "Delhi", "North")])
    spoil(contracts, "market", "transformLogic: trim(market_code)", "transformLogic: trim(market_kode)")
    spoil(contracts, "market", "name: zone", "name: zones")
    spoil(contracts, "market", "[market_name, zone]", "[market_name, zones]")
    failure = run_failure("silver", "market", DAY, tmp_path, contracts)
    assert failure is not None
    lines = (contracts / "market.odcs.yaml").read_text().splitlines()
    column = lines.index("      - name: zones") + 1
    assert f"market.odcs.yaml line {column}: properties.zones: 'zones':" in failure
    assert "has no such column; it has market_code, market_name, zone" in failure
    expression = lines.index("        transformLogic: trim(market_kode)") + 1
    assert f"market.odcs.yaml line {expression}: properties.market_code.transformLogic: " in failure
    assert "trim(market_kode)" in failure
    assert not (tmp_path / "silver").exists()


def test_a_value_that_a_cleaning_expression_cannot_take(spark: SparkSession, tmp_path: Path, contracts: Path) -> None:
    BronzeLake(tmp_path).land_snapshot("market", MARKET, DAY, [("Mark001", "Delhi", "North")])
    spoil(contracts, "market", "nullif(trim(market_name), '')", "cast(cast(market_name as int) as string)")
    failure = run_failure("silver", "market", DAY, tmp_path, contracts)
    assert failure is not None
    assert "use try_cast" in failure
    assert "transformLogic: [CAST_INVALID_INPUT]" in failure
    assert "Delhi" not in failure + json.dumps(ledger_row("silver", "market", DAY, tmp_path))


def test_a_table_whose_log_is_damaged(spark: SparkSession, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("market", MARKET, DAY, [("Mark001", "Delhi", "North")])
    assert run_failure("silver", "market", DAY, tmp_path) is None
    for commit in (tmp_path / "silver/market/_delta_log").glob("*.json"):
        commit.write_text("{")
    lake.land_snapshot("market", MARKET, DAY, [])
    failure = run_failure("silver", "market", DAY, tmp_path)
    assert failure is not None
    assert failure.startswith(f"silver market {DAY}: Spark refused: ")
    assert "\n" not in failure
    assert ledger_row("silver", "market", DAY, tmp_path)["status"] == "failed"


def test_what_the_operating_system_refuses(spark: SparkSession, tmp_path: Path) -> None:
    from medallion.run.cli import parse_arguments
    from medallion.run.job import run_jobs

    def work(spark: SparkSession, job: JobArguments, before: object) -> Outcome:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    argv = ["--contracts", str(CONTRACTS), "--tables", "market", "--business-date", DAY, "--run-id", "manual__1"]
    failure = run_jobs("silver", work, parse_arguments("silver", [*argv, "--lake-root", str(tmp_path)]))
    told = f"the system refused: [Errno 28] No space left on device: '{tmp_path}'; mend that and run this again"
    assert failure == f"silver market {DAY}: {told}"
    assert ledger_row("silver", "market", DAY, tmp_path)["error"] == told


def test_a_lake_where_no_ledger_row_can_be_written(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the ledger's folder should be")
    failure = run_failure("silver", "market", DAY, tmp_path)
    assert failure is not None
    assert f"no ledger row could be written to {tmp_path}/ledger/schema=atliqsale/" in failure
