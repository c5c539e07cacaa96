"""Which tables of a batch are sent to Databricks, and what the task tells of those that did not come to silver."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from lakehouse.ledger import LedgerRow, read_rows, write_row
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator
from lakehouse.operators.table_assets import layer_alias

from tests.lakehouse.quiet_lake import DAY, NEXT, Lake, make_lake, plan_of

TABLES = ("customer", "market", "transactions")
DATE = NEXT.isoformat()
ROW = LedgerRow("atliqsale", "", "silver", DATE, "quiet", "success", "", 0, 0, None, 0.0, f"{DATE}T00", f"{DATE}T00")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake on a day on which nothing changed, after its copies."""
    made = make_lake(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    for table in TABLES:
        note(made, table, "copy", NEXT, "quiet")
    return made


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The tables of each run that was submitted; Databricks itself is the concern of other tests."""
    found: list[list[str]] = []
    monkeypatch.setattr(DatabricksRunOperator, "execute", lambda self, _: found.append(self._tables))
    return found


def note(
    lake: Lake, table: str, stage: str, business_date: date, run: str, error: str | None = None, minute: int = 0
) -> None:
    status = "failed" if error else "success"
    began = f"2026-11-20T00:{minute:02}:00"
    row = LedgerRow(
        "atliqsale", table, stage, business_date.isoformat(), run, status, status, 0, 0, None, 0.0, began, began, error
    )
    write_row(lake.root, row)


def silver(*tables: str, business_date: date = NEXT, run: str = "quiet", **flags: Any) -> BronzeToSilverOperator:
    batch = {"label": ", ".join(tables), "plans": [plan_of(table) for table in tables]}
    return BronzeToSilverOperator(
        task_id="silver", schema="atliqsale", batch=batch, business_date=business_date.isoformat(), run_slug=run,
        **flags,
    )  # fmt: skip


def test_only_what_changed_is_sent_and_the_row_of_the_others_is_written(
    lake: Lake, submitted: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    lake.land("market", NEXT, "2")

    silver("customer", "market").execute({})

    assert submitted == [["market"]]
    shown = capsys.readouterr().out
    assert "customer: unchanged since 2026-11-18: no Databricks run" in shown
    assert "market: a Databricks run is needed: what is landed changed" in shown
    (row,) = (one for one in read_rows(lake.root, "atliqsale", NEXT, "quiet") if one.stage == "silver")
    assert (row.table, row.status, row.outcome) == ("customer", "success", "unchanged")


def test_what_is_asked_for_is_sent_though_nothing_changed(lake: Lake, submitted: list[list[str]]) -> None:
    for flag in ("rebuild", "accept_deletes", "asked_for"):
        silver("customer", **{flag: "True"}).execute({})
        silver("customer", "market", **{flag: "False"}).execute({})

    assert submitted == [["customer"]] * 3


@pytest.mark.parametrize("flags", [{}, {"rebuild": "True"}, {"asked_for": "True"}], ids=["plain", "rebuild", "asked"])
def test_another_try_works_only_on_what_this_run_has_not_done(
    lake: Lake, submitted: list[list[str]], flags: dict[str, str]
) -> None:
    """The states of the lake are those of the run `run` of `DAY`: what is asked for is done there too."""
    for table in TABLES:
        note(lake, table, "copy", DAY, "run")
    (lake.root / "state/schema=atliqsale/market.silver.json").unlink()
    before = read_rows(lake.root, "atliqsale", DAY, "run")

    silver("customer", "market", business_date=DAY, run="run", **flags).execute({})

    assert submitted == [["market"]]
    assert read_rows(lake.root, "atliqsale", DAY, "run") == before


def test_a_table_that_was_not_copied_is_left_out_and_holds_no_other_up(
    lake: Lake, submitted: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for table in ("customer", "market"):
        lake.land(table, NEXT, "2")
    note(lake, "market", "copy", NEXT, "quiet", "the source is away", minute=1)
    note(lake, "market", "silver", NEXT, "quiet")

    silver("customer", "market").execute({})

    assert submitted == [["customer"]]
    assert "market: was not copied in this run: silver keeps what it has" in capsys.readouterr().out


def test_a_fact_without_the_dimensions_it_is_judged_against_fails_alone_and_at_once(
    lake: Lake, submitted: list[list[str]]
) -> None:
    lake.land("transactions", NEXT, "2")
    note(lake, "customer", "silver", NEXT, "quiet", "3 rows have no name")
    fact = silver("transactions")
    fact.batch["plans"][0]["waits_for"] = [{"table": name, "lake_name": name} for name in ("customer", "market")]

    with pytest.raises(AirflowFailException) as failed:
        fact.execute({})

    assert submitted == []
    assert str(failed.value) == (
        "transactions: it is judged against customer, market, and its silver failed (3 rows have no name); "
        "market was not brought to silver in this run: mend that and clear it first"
    )
    for table in ("customer", "market"):
        note(lake, table, "silver", NEXT, "quiet", minute=1)
    fact.execute({})
    assert submitted == [["transactions"]]


def test_the_error_of_a_failed_run_names_each_table_that_failed_with_its_cause(lake: Lake) -> None:
    note(lake, "customer", "silver", NEXT, "quiet")
    note(lake, "market", "silver", NEXT, "quiet", "3 rows have no name")
    state = {"life_cycle_state": "TERMINATED", "result_state": "FAILED", "state_message": "lost"}
    event = {"run_id": 1, "run_page_url": "http://databricks/1", "run_state": json.dumps(state), "errors": []}

    with pytest.raises(AirflowException) as failed:
        silver(*TABLES).execute_complete({}, event)

    lines = str(failed.value).splitlines()
    assert lines[:2] == ["market: 3 rows have no name", "transactions: this run did not bring it to silver"]
    assert lines[2].startswith("Job run failed with terminal state: ")
    assert len(lines) == 3


def test_the_tables_that_a_run_changed_are_announced_when_all_of_the_batch_are_there(lake: Lake) -> None:
    alias, events = layer_alias("silver", "atliqsale"), OutletEventAccessors()
    event = {"run_id": 1, "run_page_url": "http://databricks/1", "errors": []}
    state = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
    task = silver(*TABLES)
    task.outlets = [alias]
    for table, outcome in (("customer", "refreshed"), ("market", "unchanged"), ("calendar", "refreshed")):
        write_row(lake.root, replace(ROW, table=table, outcome=outcome))

    with pytest.raises(AirflowFailException, match="transactions: this run did not bring it to silver"):
        task.execute_complete({"outlet_events": events}, event | {"run_state": json.dumps(state)})
    assert events[alias].asset_alias_events == []

    write_row(lake.root, replace(ROW, table="transactions", outcome="rebuilt", rows_written=7))
    task.execute_complete({"outlet_events": events}, event | {"run_state": json.dumps(state)})
    announced = [
        (one.dest_asset_key.name, one.dest_asset_key.uri, one.extra) for one in events[alias].asset_alias_events
    ]
    assert sorted(announced) == [
        (
            "silver.atliqsale.customer",
            "lakehouse://silver/atliqsale/customer",
            {"business_date": DATE, "rows_written": 0},
        ),
        (
            "silver.atliqsale.transactions",
            "lakehouse://silver/atliqsale/transactions",
            {"business_date": DATE, "rows_written": 7},
        ),
    ]


def test_unchanged_silver_starts_no_gold_run_but_where_gold_is_to_be_made_anew(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.airflow
def test_in_a_run_one_table_that_fails_keeps_only_those_from_silver_that_are_judged_against_it(
    airflow_environment: dict[str, str], tmp_path: Path
) -> None:
    script = Path(shutil.copy(Path(__file__).with_name("silver_batches_run.py"), tmp_path))
    environment = airflow_environment | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path),
        "LAKEHOUSE_LAKE_ROOT": f"file://{tmp_path / 'lake'}",
        "LAKEHOUSE_SILVER_BATCH_TABLES": "2",
    }

    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("BATCHES ")]
    assert json.loads(line.removeprefix("BATCHES ")) == [
        ["silver_dimensions", "market, product", "failed"],
        ["silver_facts", "returns, sales", "failed"],
        ["silver_facts", "visits", "failed"],
    ]
    shown = done.stdout + done.stderr
    for sentence in (
        "calendar: was not copied in this run: silver keeps what it has",
        "notes: has no contract: it stays in bronze until one is written",
        "market: 3 rows have no name",
        "sales: it is judged against market, and its silver failed (3 rows have no name): mend that and clear it first",
        "visits: it is judged against calendar, and its copy failed (the source is away): mend that and clear it first",
    ):
        assert sentence in shown
    rows = read_rows(tmp_path / "lake", "shop", "2026-11-20", "run")
    assert {row.table for row in rows if row.stage == "silver" and row.status == "success"} == {"product", "returns"}
