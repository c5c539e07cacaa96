"""Finds tasks that no worker begins: Airflow shows them queued, or up for reschedule, and never red.

It asks Airflow's database, since no task could report it: where workers are missing, none runs.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.alerting.alerts import WaitingTask

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def waiting_tasks(session: Session, dag_ids: Collection[str], before: datetime) -> list[WaitingTask]:
    """Tasks that wait since before an instant, the oldest first.

    One that stands in a pool's line is `scheduled` and not among them. A sensor's waiting counts from the first time
    that it was given back.

    Args:
        session: of Airflow's database.
        dag_ids: of these DAGs alone.
        before: with a time zone.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import and_, func, or_, select

    given_back = (
        select(
            TaskReschedule.ti_id,
            func.min(TaskReschedule.start_date).label("first"),
            func.count(TaskReschedule.id).label("times"),
        )
        .group_by(TaskReschedule.ti_id)
        .subquery()
    )
    is_queued = TaskInstance.state == TaskInstanceState.QUEUED
    is_given_back = TaskInstance.state == TaskInstanceState.UP_FOR_RESCHEDULE
    query = (
        select(TaskInstance, DagRun.conf, DagRun.data_interval_start, given_back.c.first, given_back.c.times)
        .join(DagRun, and_(DagRun.dag_id == TaskInstance.dag_id, DagRun.run_id == TaskInstance.run_id))
        .outerjoin(given_back, given_back.c.ti_id == TaskInstance.id)
        .where(
            TaskInstance.dag_id.in_(dag_ids),
            or_(and_(is_queued, TaskInstance.queued_dttm < before), and_(is_given_back, given_back.c.first < before)),
        )
    )
    found = [
        WaitingTask(
            dag_id=one.dag_id,
            run_id=one.run_id,
            task_id=one.task_id,
            map_index=one.map_index,
            state=str(one.state),
            since=one.queued_dttm if one.state == TaskInstanceState.QUEUED else first,
            tries=times or 0,
            label=one.rendered_map_index if one.map_index >= 0 else None,
            queue=one.queue or "",
            executor=one.executor,
            conf=conf,
            interval_start=interval_start,
        )
        for one, conf, interval_start, first, times in session.execute(query)
    ]
    return sorted(found, key=lambda task: (task.since, task.dag_id, task.run_id, task.task_id, task.map_index))
