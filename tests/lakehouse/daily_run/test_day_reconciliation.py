"""A run's reconciliation, from its ledger to its ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lakehouse.daily_run.day_reconciliation import reconcile_day
from lakehouse.daily_run.planning import TablePlan
from lakehouse.errors import ReconciliationError
from lakehouse.ledger import LedgerRow, read_rows, write_row

DAY = date(2026, 11, 20)
SALES = TablePlan(
    schema="shop", table="sales", label="sales", contracted=True, lake_name="sales", kind="fact", date_column="day"
)


def write_silver(lake: Path, rows_silver: int, **detail_too: str) -> None:
    """The ledger row of a silver run that read three rows and kept so many."""
    figures = {"slice": "2026-11-20", "rows_bronze": 3, "rows_silver": rows_silver, "sums": {}}
    landed = {
        "run_id": "run", "business_date": "2026-11-20", "copied_at": "2026-11-21T00:00:00Z",
        "slices": [{"slice": "2026-11-20", "rows": 3, "sums": {}}],
    }  # fmt: skip
    detail = {"dates": [figures], "landed": landed, **detail_too}
    write_row(
        lake,
        LedgerRow(
            "shop", "sales", "silver", "2026-11-20", "run", "success", "refreshed", 3, 3, 1, 1, "", "", None, detail
        ),
    )


def test_a_schema_without_a_one_big_table_is_reconciled_up_to_silver_under_its_own_name(tmp_path: Path) -> None:
    write_silver(tmp_path, 3)

    figures = reconcile_day(tmp_path, "shop", [SALES], None, DAY, "run", lambda: datetime(2026, 11, 21, tzinfo=UTC))

    assert figures == {"slices_compared": 1, "not_compared": {}, "overtaken": {}, "unchanged_since": {}}
    outcomes = {(row.table, row.stage): row.outcome for row in read_rows(tmp_path, "shop", DAY, "run")}
    assert outcomes == {("sales", "silver"): "refreshed", ("shop", "reconcile"): "reconciled"}


def test_a_table_that_no_run_was_sent_for_is_compared_and_said_to_be_unchanged(tmp_path: Path) -> None:
    write_silver(tmp_path, 3, unchanged_since="2026-11-18")

    figures = reconcile_day(tmp_path, "shop", [SALES], None, DAY, "run", lambda: datetime(2026, 11, 21, tzinfo=UTC))

    assert (figures["slices_compared"], figures["unchanged_since"]) == (1, {"silver.sales": "2026-11-18"})


def test_a_difference_is_in_the_ledger_and_fails(tmp_path: Path) -> None:
    write_silver(tmp_path, 2)

    with pytest.raises(ReconciliationError, match="rows, silver"):
        reconcile_day(tmp_path, "shop", [SALES], None, DAY, "run", lambda: datetime(2026, 11, 21, tzinfo=UTC))

    (row,) = [row for row in read_rows(tmp_path, "shop", DAY, "run") if row.stage == "reconcile"]
    assert (row.status, row.outcome) == ("failed", "differs")
    assert row.error == ("sales 2026-11-20: rows, silver + quarantined + duplicates = bronze: expected 3, found 2 (-1)")
