"""Run by test_bronze_to_silver_operator in a process of its own: silver in batches, by Airflow's own scheduling.

Databricks is replaced: it fails for market and brings every other table to silver.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task
from lakehouse.daily_run import tasks
from lakehouse.lake.lake_root import lake_root
from lakehouse.ledger import LedgerRow, write_row
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator
from lakehouse.settings import settings_at_run

DAY = "2026-11-20"
KINDS = {"calendar": "dimension", "market": "dimension", "notes": None, "product": "dimension",
         "returns": "fact", "sales": "fact", "visits": "fact"}  # fmt: skip
AWAITED = {"returns": ["product"], "sales": ["market", "product"], "visits": ["calendar"]}


def plan(table: str) -> dict[str, Any]:
    """The plan of a table of the shop."""
    awaited = [{"table": name, "lake_name": name} for name in AWAITED.get(table, ())]
    kind = KINDS[table]
    return {"schema": "shop", "table": table, "lake_name": table if kind else None, "contracted": kind is not None,
            "kind": kind, "measures": [], "waits_for": awaited}  # fmt: skip


def note(table: str, stage: str, error: str | None) -> None:
    """Writes the row that a stage would."""
    status = "failed" if error else "success"
    row = LedgerRow("shop", table, stage, DAY, "run", status, status, 0, 0, 0, 0.0, DAY, DAY, error)
    write_row(lake_root(settings_at_run()), row)


def run_on_databricks(self: Any, context: Any) -> None:
    """Ends as a run of these tables would."""
    for table in self._tables:
        note(table, "silver", "3 rows have no name" if table == "market" else None)
    lost = "market" in self._tables
    state = {"life_cycle_state": "TERMINATED", "state_message": "", "result_state": "FAILED" if lost else "SUCCESS"}
    event = {"run_id": 1, "run_page_url": "http://databricks/1", "run_state": json.dumps(state), "errors": []}
    self.execute_complete(dict(context), event)


DatabricksRunOperator.execute = run_on_databricks


@task(multiple_outputs=True)
def run_of() -> dict[str, Any]:
    """The run, and its copies: one of them failed."""
    for table in KINDS:
        note(table, "copy", "the source is away" if table == "calendar" else None)
    return {"business_date": DAY, "run_slug": "run"}


@task
def plans_of() -> list[dict[str, Any]]:
    """The plans."""
    return [plan(table) for table in KINDS]


with DAG(dag_id="batches", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
    run, plans = run_of(), plans_of()
    after: Any = [run, plans]
    for kind in ("dimension", "fact"):
        planned = tasks.plan_silver.override(task_id=f"plan_{kind}s")(run=run, plans=plans, schema="shop", kind=kind)
        after >> planned
        after = BronzeToSilverOperator.partial(
            task_id=f"silver_{kind}s", schema="shop", business_date=DAY, run_slug="run", pool="default_pool",
            map_index_template="{{ task.batch['label'] }}",
        ).expand(batch=planned)  # fmt: skip

if __name__ == "__main__":
    found = dag.test().get_task_instances()
    states = sorted([one.task_id, one.rendered_map_index, one.state] for one in found if one.map_index >= 0)
    print("BATCHES " + json.dumps(states))
