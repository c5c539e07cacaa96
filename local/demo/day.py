"""One business date through Airflow's scheduler, with each task's progress on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from local.demo.airflow_client import TERMINAL
from local.demo.stack import Stack, StackError

DAG_ID = "atliqsale_daily"
_RUN_SECONDS = 3600
_SHOWN = {
    "success": "done",
    "failed": "FAILED",
    "skipped": "skipped",
    "upstream_failed": "not run",
    "up_for_retry": "retrying",
}


@dataclass(frozen=True)
class DayRun:
    """A DAG run that ended."""

    business_date: str
    run_id: str
    state: str
    seconds: float


def wait_for_dag(stack: Stack) -> None:
    """Waits until the DAG is parsed, and unpauses it.

    Raises:
        StackError: the DAG file does not load, with the reason.
    """
    while not stack.airflow.has_dag(DAG_ID):
        errors = stack.airflow.import_errors()
        if errors:
            raise StackError(f"the DAG does not load:\n{errors[0]}")
        stack.require_alive()
        time.sleep(0.5)
    stack.airflow.unpause(DAG_ID)


def end_unfinished_runs(stack: Stack, say: Callable[[str], None]) -> None:
    """Ends the manual runs that a killed demo left: Airflow would wait minutes for a sign of life from their tasks."""
    for run in stack.airflow.runs(DAG_ID):
        if run["run_type"] == "manual" and run["state"] not in TERMINAL:
            say(f"ending the run {run['dag_run_id']}, which was cut off")
            stack.airflow.fail(DAG_ID, run["dag_run_id"])


def run_day(stack: Stack, business_date: date, say: Callable[[str], None]) -> DayRun:
    """Runs one business date and returns when its run has ended, well or not."""
    started = time.monotonic()
    run_id = stack.airflow.trigger(DAG_ID, {"business_date": business_date.isoformat()})
    progress = Progress(say)
    state = stack.airflow.wait(DAG_ID, run_id, _RUN_SECONDS, progress.watch, stack.require_alive)
    return DayRun(business_date.isoformat(), run_id, state, time.monotonic() - started)


class Progress:
    """Says each task instance's end once, in the order in which they end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[tuple[str, int, int, str]] = set()

    def watch(self, instances: list[dict[str, Any]]) -> None:
        """Takes the task instances as Airflow's API gives them."""
        for instance in sorted(instances, key=lambda instance: instance["end_date"] or "~"):
            state = instance["state"]
            key = (instance["task_id"], instance["map_index"], instance["try_number"], state)
            if state not in _SHOWN or key in self._told:
                continue
            self._told.add(key)
            name, table = instance["task_id"], instance.get("rendered_map_index") or ""
            seconds = f"{instance['duration']:6.1f} s" if instance["duration"] is not None else ""
            self._say(f"  {name:17} {table:32} {_SHOWN[state]:8} {seconds}")
