"""The closing table says what the ledger holds, and whatever did not hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lakehouse.ledger import LedgerRow, write_row

from local.demo.day import DayRun
from local.demo.independent_check import Comparison, Figures
from local.demo.report import DayReport, Report, day_report, failures_of, render

RUN = DayRun("2026-06-30", "manual__2026-06-30T10:00:00+00:00", "success", 61.25)
GROUP = ("2026-06-01", "Delhi", "Mice")
AGREED = Comparison({GROUP: Figures(2, 5, Decimal("850.00"))}, {GROUP: Figures(2, 5, Decimal("850.00"))})


def keep(lake: Path, table: str, stage: str, seconds: float, status: str = "success", **values: Any) -> None:
    """Write a row of the run's ledger."""
    row = LedgerRow(
        schema="atliqsale", table=table, stage=stage, business_date=RUN.business_date, run_id=RUN.run_id,
        status=status, outcome="copied", rows_read=values.pop("rows_read", 0),
        rows_written=values.pop("rows_written", 0), bytes_written=None, seconds=seconds,
        # The row that is kept last is of the attempt that began last.
        started_at=f"2026-06-30T10:00:{len(list(lake.rglob('*.json'))):02}+00:00",
        ended_at="2026-06-30T10:01:00+00:00", detail=values,
    )  # fmt: skip
    write_row(lake, row)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with the ledger of one run: a fact and a dimension, through all stages."""
    keep(tmp_path, "transactions", "copy", 3.04, rows_read=1000, rows_written=980)
    keep(tmp_path, "customer", "copy", 1.01, rows_read=39, rows_written=39)
    keep(
        tmp_path, "transactions", "silver", 20.0,
        quarantined_by_reason={"sales_amount_positive": 16}, dates=[{"rows_duplicate": 2}, {"rows_duplicate": 3}],
    )  # fmt: skip
    keep(tmp_path, "customer", "silver", 10.0, versions_opened=3, versions_closed=2, versions_total=41)
    keep(
        tmp_path, "sales_obt", "gold", 30.0,
        mode="incremental", dates_rewritten=["2026-06-30"], rows_unknown={"product": 7},
    )  # fmt: skip
    keep(tmp_path, "transactions", "reconcile", 0.4)
    return tmp_path


def test_a_days_figures_are_those_of_its_ledger(lake: Path) -> None:
    assert day_report(lake, RUN) == DayReport(
        business_date="2026-06-30",
        state="success",
        seconds=61.2,
        rows_read={"customer": 39, "transactions": 1000},
        rows_copied={"customer": 39, "transactions": 980},
        quarantined_by_reason={"transactions": {"sales_amount_positive": 16}},
        duplicates_removed=5,
        versions={"customer": {"opened": 3, "closed": 2, "total": 41}},
        gold={"mode": "incremental", "dates_rewritten": 1, "rows_unknown": {"product": 7}},
        reconciled=True,
        seconds_per_stage={"copy": 4.0, "silver": 30.0, "gold": 30.0, "reconcile": 0.4},
    )


def test_a_day_that_holds_has_no_failures_and_is_rendered_with_its_figures(lake: Path) -> None:
    report = report_of(day_report(lake, RUN), AGREED)

    assert report.held
    shown = render(report)
    for line in (
        "business date 2026-06-30: success in 61.2 s, reconciled",
        "  rows copied     customer 39, transactions 980",
        "  quarantined     transactions: sales_amount_positive 16",
        "  duplicates      5 removed from transactions",
        "  versions        customer opened 3, closed 2, total 41",
        "  gold            incremental, 1 dates rewritten, unknown members: product 7",
        "everything held",
    ):
        assert line in shown.splitlines()


def test_an_unreconciled_day_and_a_differing_group_do_not_hold_and_are_told(lake: Path) -> None:
    keep(lake, "transactions", "reconcile", 0.4, status="failed")
    one_row_less = Comparison(AGREED.source, {GROUP: Figures(1, 5, Decimal("850.00"))})

    report = report_of(day_report(lake, RUN), one_row_less)

    assert not report.held
    told = [line for line in render(report).splitlines() if line.startswith("DID NOT HOLD")]
    assert told == [
        "DID NOT HOLD: 2026-06-30 is not reconciled",
        "DID NOT HOLD: 1 groups differ between source and gold; the first: 2026-06-01 / Delhi / Mice: source "
        f"{AGREED.source[GROUP]}, gold {one_row_less.gold[GROUP]}",
    ]
    assert "everything held" not in render(report)


def test_a_day_that_was_never_reconciled_does_not_hold(tmp_path: Path) -> None:
    day = day_report(tmp_path, RUN)

    assert failures_of([day], AGREED) == ["2026-06-30 is not reconciled"]
    assert day.gold == {}


def report_of(day: DayReport, comparison: Comparison) -> Report:
    """The report of one day."""
    return Report(
        planted={}, days=[day], obt_rows=2, obt_quantity=5, obt_revenue_inr="850.00", open_quarantine={"customer": 1},
        independent_check={"groups": 1, "differing": len(comparison.differences)}, changes=[],
        failures=failures_of([day], comparison),
    )  # fmt: skip
