"""Databricks runs that end within seconds, by Airflow's own scheduler, triggerer and workers."""

from __future__ import annotations

import pytest

from local.demo.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end


def test_no_task_is_tried_again_whose_run_ends_while_airflow_is_busy_with_it(stack: Stack) -> None:
    wait_until(lambda: stack.airflow.has_dag("short_runs"), "the DAG was found", 120)
    stack.airflow.unpause("short_runs")

    run_id = stack.airflow.trigger("short_runs", {})
    state = stack.airflow.wait("short_runs", run_id, 600, alive=stack.require_alive)

    mismatches = stack.airflow.request("GET", "/eventLogs?dag_id=short_runs&event=state%20mismatch")["event_logs"]
    assert [entry["extra"] for entry in mismatches] == []
    found = stack.airflow.task_instances("short_runs", run_id)
    tries = {(one["task_id"], one["map_index"]): one["try_number"] for one in found}
    assert (state, len(tries), set(tries.values())) == ("success", 15, {1}), tries
