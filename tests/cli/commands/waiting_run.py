"""Run by test_waiting in a process of its own: makes tasks that wait in a fresh Airflow, and looks for them twice."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum
from airflow.models.connection import Connection
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskreschedule import TaskReschedule
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from cli.commands import waiting
from cli.main import main

NOW = datetime.now(UTC)
# Of each task: its state, for how many minutes it is queued, and how long ago it was given back.
TASKS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "sent": ("queued", 95, ()),
    "sent_just_now": ("queued", 85, ()),
    "given_back": ("up_for_reschedule", 1, (100, 60, 2)),
    "sensor": ("up_for_reschedule", 1, (59, 30, 2)),
    "in_line": ("scheduled", 500, ()),
    "at_work": ("running", 500, (500,)),
}


def dag_of(dag_id: str) -> DAG:
    """A DAG with these tasks."""
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG(dag_id=dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        for name in TASKS:
            EmptyOperator(task_id=name, queue="onprem" if name == "sent" else "default", on_success_callback=print)
    return dag


def begin(dag: DAG, session: Any) -> None:
    """A run of the DAG whose tasks are in these states."""
    SerializedDAG.bulk_write_to_db("testing", None, [LazyDeserializedDAG.from_dag(dag)], session=session)
    SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="testing", session=session)
    session.flush()
    stored = SerializedDagModel.get(dag.dag_id, session=session)
    assert stored is not None
    run = stored.dag.create_dagrun(
        run_id="manual__1", run_after=pendulum.instance(NOW), run_type=DagRunType.MANUAL, state=DagRunState.RUNNING,
        triggered_by=DagRunTriggeredByType.TEST, conf={"business_date": "2026-11-20"}, session=session,
    )  # fmt: skip
    for one in run.get_task_instances(session=session):
        state, queued, given_back = TASKS[one.task_id]
        one.state, one.queued_dttm = state, NOW - timedelta(minutes=queued)
        for minutes in given_back:
            at = NOW - timedelta(minutes=minutes)
            session.add(TaskReschedule(one.id, at, at, at + timedelta(minutes=1)))


if __name__ == "__main__":
    with create_session() as session:
        session.add(DagBundleModel(name="testing"))
        session.add(Connection(conn_id="oncall", conn_type="http", schema="http", host="127.0.0.1", port=sys.argv[1]))
        session.flush()
        # Another team's DAG is none of the platform's.
        for dag_id in ("lakehouse_upkeep", "another_team_s"):
            begin(dag_of(dag_id), session)
    told: set[str] = set()
    looks = [[alert.title for alert in waiting._look(NOW, told)] for _ in range(2)]
    status = main(["waiting"])
    print("WAITING " + json.dumps({"looks": looks, "told": sorted(told), "status": status}))
