"""Run by test_deadlines in a process of its own: makes a run of each type in a fresh Airflow, prints the deadlines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pendulum
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.timetables.base import DataInterval
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from lakehouse.alerting.deadlines import scheduled_run_deadline
from lakehouse.alerting.notifiers import AlertNotifier
from sqlalchemy import select

END = pendulum.datetime(2026, 11, 21, tz="UTC")
with DAG(
    dag_id="with_deadline",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    deadline=scheduled_run_deadline(timedelta(minutes=90), AlertNotifier()),
) as dag:
    pass

with create_session() as session:
    session.add(DagBundleModel(name="testing"))
    session.flush()
    SerializedDAG.bulk_write_to_db("testing", None, [LazyDeserializedDAG.from_dag(dag)], session=session)
    SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="testing", session=session)

with create_session() as session:
    stored = SerializedDagModel.get("with_deadline", session=session)
    assert stored is not None
    for number, run_type in enumerate((DagRunType.SCHEDULED, DagRunType.MANUAL, DagRunType.BACKFILL_JOB)):
        instant = END.subtract(days=number + 1)
        stored.dag.create_dagrun(
            run_id=f"{run_type.value}__run",
            logical_date=instant,
            data_interval=DataInterval(instant, instant.add(days=1)),
            run_after=END,
            run_type=run_type,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        )
    session.flush()
    query = (
        select(DagRun.run_id, Deadline.deadline_time)
        .outerjoin(Deadline, Deadline.dagrun_id == DagRun.id)
        .where(DagRun.dag_id == dag.dag_id)
    )
    rows = {run_id: due.isoformat() if due else None for run_id, due in session.execute(query)}
print("DEADLINES " + json.dumps(rows))
