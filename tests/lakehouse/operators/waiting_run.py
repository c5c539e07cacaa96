"""Run by test_bronze_to_silver_operator in a process of its own: facts that wait in a run, by Airflow's own scheduling.

Databricks is replaced: a dimension starts only after both facts have looked once, and market fails.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowRescheduleException
from lakehouse.lake.lake_root import lake_root
from lakehouse.ledger import LedgerRow, write_row
from lakehouse.operators import bronze_to_silver_operator
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator
from lakehouse.settings import settings_at_run

DAY = "2026-11-20"
TABLES = ["product", "market", "returns", "sales"]
AWAITED = {"returns": ["product"], "sales": ["product", "market"]}
LOOKED: set[str] = set()

bronze_to_silver_operator.LOOK_AGAIN = timedelta(seconds=0.2)


def plan(table: str) -> dict[str, Any]:
    """The plan of a table of the shop."""
    awaited = [{"table": name, "lake_name": name, "map_index": TABLES.index(name)} for name in AWAITED.get(table, ())]
    return {"schema": "shop", "table": table, "lake_name": table, "contracted": True, "waits_for": awaited}


class WatchedOperator(BronzeToSilverOperator):
    """Lets a dimension start only after both facts have looked for it."""

    def execute(self, context: Any) -> None:
        LOOKED.add(self.plan["table"])
        if self.plan["table"] not in AWAITED and not LOOKED.issuperset(AWAITED):
            raise AirflowRescheduleException(datetime.now(UTC))
        super().execute(context)


def run_on_databricks(self: Any, context: Any) -> None:
    """Writes the row that Spark would."""
    status = "failed" if self.plan["table"] == "market" else "success"
    row = LedgerRow("shop", self.plan["table"], "silver", DAY, "run", status, status, 0, 0, 0, 0.0, DAY, DAY)
    write_row(lake_root(settings_at_run()), row)
    if status == "failed":
        raise RuntimeError("the data is not as its contract expects it")


DatabricksRunOperator.execute = run_on_databricks

with DAG(dag_id="waiting", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
    WatchedOperator.partial(
        task_id="silver", copied={"outcome": "copied"}, business_date=DAY, run_slug="run", pool="default_pool"
    ).expand(plan=[plan(table) for table in TABLES])

if __name__ == "__main__":
    run = dag.test()
    found = {TABLES[one.map_index]: [one.state, one.try_number] for one in run.get_task_instances()}
    print("TASKS " + json.dumps(found))
