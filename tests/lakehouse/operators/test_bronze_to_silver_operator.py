"""When silver is asked for: at once, never, or only after the dimensions that a fact is judged against."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException
from lakehouse.ledger import LedgerRow, read_rows, write_row
from lakehouse.operators.bronze_to_silver_operator import LONGEST_WAIT, LOOK_AGAIN, BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator

from tests.lakehouse.quiet_lake import NEXT, make_lake, plan_of

DAY, RUN = "2026-11-20", "manual__1"
PLAN = {"schema": "shop", "table": "sales", "lake_name": "sales", "contracted": True}


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The tables whose run was submitted; Databricks itself is the concern of other tests."""
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    found: list[str] = []

    def execute(self: Any, context: Any) -> None:
        found.append(self.plan["lake_name"])

    monkeypatch.setattr(DatabricksRunOperator, "execute", execute)
    return found


def operator(copied: str = "copied", **plan: Any) -> BronzeToSilverOperator:
    return BronzeToSilverOperator(
        task_id="silver", plan=PLAN | plan, copied={"outcome": copied}, business_date=DAY, run_slug=RUN
    )


def note(lake: Path, table: str, stage: str, status: str, outcome: str, minute: int = 0) -> None:
    began, ended = f"{DAY}T00:{minute:02}:00", f"{DAY}T00:{minute:02}:01"
    row = LedgerRow("shop", table, stage, DAY, RUN, status, outcome, 0, 0, None, 0.0, began, ended)
    write_row(lake, row)


def test_a_table_that_needs_no_other_is_submitted_at_once(submitted: list[str]) -> None:
    operator().execute({})

    assert submitted == ["sales"]


def test_what_silver_has_nothing_to_do_for_is_skipped(submitted: list[str]) -> None:
    for skipped in (operator(contracted=False), operator(copied="no_snapshot")):
        with pytest.raises(AirflowSkipException):
            skipped.execute({})
    assert submitted == []


def test_an_unchanged_table_starts_no_run_and_has_its_row_and_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submitted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    make_lake(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))

    def quiet(**flags: Any) -> BronzeToSilverOperator:
        return BronzeToSilverOperator(
            task_id="silver", plan=plan_of("customer"), copied={"outcome": "unchanged"},
            business_date=NEXT.isoformat(), run_slug="quiet", **flags,
        )  # fmt: skip

    figures = quiet(asked_for="False").execute({})

    assert submitted == []
    assert "customer: unchanged since 2026-11-18: no Databricks run" in capsys.readouterr().out
    (row,) = read_rows(tmp_path, "atliqsale", NEXT, "quiet")
    assert figures == {**row.summary(), "unchanged_since": "2026-11-18"}
    assert (row.stage, row.status, row.outcome) == ("silver", "success", "unchanged")
    for flag in ("rebuild", "accept_deletes", "asked_for"):
        quiet(**{flag: "True"}).execute({})
    assert submitted == ["customer"] * 3


def test_unchanged_silver_starts_no_gold_run_but_where_gold_is_to_be_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_lake(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    sent: list[str] = []
    monkeypatch.setattr(DatabricksRunOperator, "execute", lambda self, _: sent.append(self.table))

    def gold(rebuild: str) -> SilverToGoldOperator:
        return SilverToGoldOperator(
            task_id="gold", schema="atliqsale", table="sales_obt", rebuild=rebuild, business_date=NEXT.isoformat(),
            run_slug="quiet",
        )  # fmt: skip

    assert gold("False").execute({})["outcome"] == "unchanged"
    assert sent == []
    gold("True").execute({})
    assert sent == ["sales_obt"]


PRODUCT = {"table": "Products", "lake_name": "product", "map_index": 0}
MARKET = {"table": "Markets", "lake_name": "market", "map_index": 1}


class Waiting:
    """A task instance that has waited so long, in a run whose `silver` tasks are in these states."""

    dag_id, run_id, task_id = "shop_daily", "manual__1", "table.silver"

    def __init__(self, waited: timedelta | None = None, **states: str) -> None:
        self.waited = waited
        self.states = {f"table.silver_{name.removeprefix('at_')}": state for name, state in states.items()}

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        return None if self.waited is None else datetime.now(UTC) - self.waited

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        assert (dag_id, task_ids) == ("shop_daily", ["table.silver"])
        return dict.fromkeys(run_ids, self.states)


def test_a_fact_waits_for_the_dimensions_it_is_judged_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submitted: list[str]
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    fact = operator(waits_for=[PRODUCT, MARKET])
    with pytest.raises(AirflowRescheduleException):
        fact.execute({"ti": Waiting()})

    # A dimension that Airflow will try again may still come; one without a snapshot has nothing to bring.
    note(tmp_path, "product", "silver", "failed", "failed")
    note(tmp_path, "Markets", "copy", "skipped", "no_snapshot")
    with pytest.raises(AirflowRescheduleException) as rescheduled:
        fact.execute({"ti": Waiting(LONGEST_WAIT / 2, at_0="up_for_retry", at_1="skipped")})
    assert rescheduled.value.reschedule_date <= datetime.now(UTC) + LOOK_AGAIN
    with pytest.raises(
        AirflowFailException, match="sales is judged against product, which this run did not bring to silver within"
    ):
        fact.execute({"ti": Waiting(LONGEST_WAIT + LOOK_AGAIN, at_0="running")})

    note(tmp_path, "product", "silver", "success", "refreshed", minute=1)
    fact.execute({"ti": Waiting()})
    assert submitted == ["sales"]


@pytest.mark.airflow
def test_in_a_run_a_fact_looks_again_and_fails_at_once_when_a_dimension_has_failed(
    airflow_environment: dict[str, str], tmp_path: Path
) -> None:
    script = Path(shutil.copy(Path(__file__).with_name("waiting_run.py"), tmp_path))
    environment = airflow_environment | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path),
        "LAKEHOUSE_LAKE_ROOT": f"file://{tmp_path / 'lake'}",
    }

    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=180)

    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("TASKS ")]
    assert json.loads(line.removeprefix("TASKS ")) == {
        "product": ["success", 1],
        "market": ["failed", 1],
        "returns": ["success", 1],
        "sales": ["failed", 1],
    }
    assert (
        "sales is judged against market, and the silver of market is failed in this run: mend that, clear its silver, "
        "then clear this one"
    ) in done.stdout + done.stderr
