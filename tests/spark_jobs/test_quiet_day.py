"""A day without changes: what the jobs left is enough for Airflow to send none of them, and its ledger reconciles."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from lakehouse.daily_run.day_reconciliation import reconcile_day
from lakehouse.daily_run.planning import TablePlan
from lakehouse.daily_run.unchanged import QuietDay, ReasonToRunError
from lakehouse.ledger import write_row

from lake_model.contracts.table_contracts import read_one_big_table_contract
from tests.spark_jobs.bronze_lake import CONTRACTS, TRANSACTIONS, BronzeLake
from tests.spark_jobs.first_day import DAY, SALES, SNAPSHOTS, FirstDay
from tests.spark_jobs.jobs import date, run_job, sale, version

pytestmark = pytest.mark.spark
D1, D2 = DAY, "2026-11-20"
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
# Of the fact, and as many of gold.
SLICES = len({one[3] for one in SALES})


def plan(table: str) -> TablePlan:
    is_fact = table == "transactions"
    return TablePlan(
        schema="atliqsale", table=table, label=table, contracted=True, lake_name=table,
        kind="fact" if is_fact else "dimension", measures=("sales_qty", "sales_amount") if is_fact else (),
    )  # fmt: skip


def land(lake: BronzeLake, day: str, sales: list[tuple[Any, ...]]) -> None:
    for table, (columns, rows) in SNAPSHOTS.items():
        lake.land_snapshot(table, columns, day, rows)
    lake.land_fact("transactions", TRANSACTIONS, day, sales, "order_date")


def reason(day: QuietDay, table: str) -> str | None:
    """Why a table goes to Databricks; None, and its row in the ledger, where it need not."""
    try:
        row = day.gold_row(table) if table == "sales_obt" else day.silver_row(plan(table).as_dict())
    except ReasonToRunError as error:
        return str(error)
    write_row(day.lake, row)
    return None


def test_after_a_day_s_runs_a_day_without_changes_needs_none_and_reconciles(
    first_day: FirstDay, tmp_path: Path
) -> None:
    contracts = Path(shutil.copytree(CONTRACTS, tmp_path / "contracts" / "atliqsale"))
    path = contracts / "transactions.odcs.yaml"
    document = yaml.safe_load(path.read_text())
    code = next(one for one in document["schema"][0]["properties"] if one["name"] == "market_code")
    code["relationships"][0]["customProperties"] = [{"property": "severity", "value": "error"}]
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    lake = first_day.copied_to(tmp_path / "lake")
    tables = [*SNAPSHOTS, "transactions"]

    run_job("silver", "transactions", D1, lake.root, contracts)
    run_job("gold", "sales_obt", D1, lake.root, contracts)
    versions = {table: version(lake.root, f"silver/{table}") for table in tables}

    land(lake, D2, SALES)
    quiet = QuietDay(lake.root, contracts, True, date(D2), "quiet", lambda: NOW)
    assert {table: reason(quiet, table) for table in [*tables, "sales_obt"]} == dict.fromkeys([*tables, "sales_obt"])
    figures = reconcile_day(
        lake.root, "atliqsale", [plan(table) for table in tables], read_one_big_table_contract(contracts, "sales_obt"),
        date(D2), "quiet", lambda: NOW,
    )  # fmt: skip
    assert (figures["gold_rows"], figures["slices_compared"]) == (len(SALES) - 1, 2 * SLICES + len(SNAPSHOTS))
    assert set(figures["unchanged_since"].values()) == {D1}

    # The fact alone changes: it goes, though Spark was never told of its dimensions' snapshots of the day.
    land(lake, D2, [*SALES, sale("Prod001", "Cus001", "Mark001", D2, 2, "20.00")])
    assert {table: reason(quiet, table) for table in tables} == {
        **dict.fromkeys(SNAPSHOTS), "transactions": "what is landed changed"
    }  # fmt: skip
    assert run_job("silver", "transactions", D2, lake.root, contracts)["rows_written"] == 1
    assert reason(quiet, "sales_obt") == "silver.transactions was written since"
    assert run_job("gold", "sales_obt", D2, lake.root, contracts)["outcome"] == "incremental"
    assert reason(quiet, "sales_obt") is None
    assert {table: version(lake.root, f"silver/{table}") for table in SNAPSHOTS} == {
        table: versions[table] for table in SNAPSHOTS
    }
