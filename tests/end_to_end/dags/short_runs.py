"""Many Databricks runs that are over within seconds, for the test of that name; wired by Airflow's own processes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

SCRIPT = Path(__file__).resolve().parent.parent / "short_job.py"
# Each ends at another moment, so that some end just while their tasks are being deferred.
SECONDS = [number * 0.5 for number in range(10)]


class ShortRunOperator(DatabricksRunOperator):
    """Runs a script that sleeps; `wait` is that of the setting `databricks_worker_wait_seconds`."""

    template_fields = (*DatabricksRunOperator.template_fields, "seconds")

    def __init__(self, *, seconds: float, wait: int, **kwargs: Any) -> None:
        super().__init__(business_date="2026-11-20", run_slug="run", **kwargs)
        self.seconds = seconds
        self.worker_wait = timedelta(seconds=wait)

    def build_run(self, settings: object, business_date: date, attempt: str) -> dict[str, Any]:
        """A run of one Python file."""
        task = {
            "task_key": "short",
            "environment_key": "default",
            "spark_python_task": {"python_file": str(SCRIPT), "parameters": [str(self.seconds), attempt]},
        }
        environment = {"environment_key": "default", "spec": {"environment_version": "4"}}
        return {"tasks": [task], "environments": [environment]}


with DAG(dag_id="short_runs", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    ShortRunOperator.partial(task_id="waited_for", wait=30, retries=1).expand(seconds=SECONDS[::2])
    ShortRunOperator.partial(task_id="deferred", wait=0, retries=1).expand(seconds=SECONDS)
