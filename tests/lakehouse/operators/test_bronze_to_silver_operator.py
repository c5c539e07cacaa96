"""When silver is asked for: at once, never, or only after the dimensions that a fact is judged against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowSkipException, TaskDeferred
from lakehouse.daily_run.ledger import LedgerRow, write_row
from lakehouse.operators.bronze_to_silver_operator import LONGEST_WAIT, LOOK_AGAIN, BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

DAY, RUN = "2026-11-20", "manual__1"
PLAN = {"schema": "shop", "table": "sales", "lake_name": "sales", "contracted": True}


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose run was submitted; Databricks itself is the concern of other tests."""
    found: list[str] = []

    def execute(self: Any, context: Any) -> None:
        found.append(self.plan["lake_name"])

    monkeypatch.setattr(DatabricksRunOperator, "execute", execute)
    return found


def operator(copied: str = "copied", **plan: Any) -> BronzeToSilverOperator:
    return BronzeToSilverOperator(
        task_id="silver", plan=PLAN | plan, copied={"outcome": copied}, business_date=DAY, run_slug=RUN
    )


def note(lake: Path, table: str, stage: str, status: str, outcome: str) -> None:
    row = LedgerRow(
        "shop", table, stage, DAY, RUN, status, outcome, 0, 0, None, 0.0, f"{DAY}T00:00:00", f"{DAY}T00:00:01"
    )
    write_row(lake, row)


def test_a_table_that_needs_no_other_is_submitted_at_once(submitted: list[str]) -> None:
    operator().execute({})

    assert submitted == ["sales"]


def test_what_silver_has_nothing_to_do_for_is_skipped(submitted: list[str]) -> None:
    for skipped in (operator(contracted=False), operator(copied="no_snapshot")):
        with pytest.raises(AirflowSkipException):
            skipped.execute({})
    assert submitted == []


def test_a_fact_waits_for_the_dimensions_it_is_judged_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submitted: list[str]
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    fact = operator(waits_for=[["Products", "product"], ["Markets", "market"]])
    with pytest.raises(TaskDeferred) as deferred:
        fact.execute({})
    assert (deferred.value.method_name, deferred.value.kwargs) == ("submit_when_judgeable", {"looked": 1})

    note(tmp_path, "product", "silver", "failed", "failed")
    note(tmp_path, "Markets", "copy", "skipped", "no_snapshot")
    with pytest.raises(TaskDeferred):
        fact.submit_when_judgeable({}, looked=1)
    with pytest.raises(
        AirflowException, match="sales is judged against product, which this run did not bring to silver"
    ):
        fact.submit_when_judgeable({}, looked=LONGEST_WAIT // LOOK_AGAIN)

    note(tmp_path, "product", "silver", "success", "refreshed")
    fact.submit_when_judgeable({}, looked=2)
    assert submitted == ["sales"]
