"""The deadline by which a scheduled run must have succeeded; backfills and manual runs have none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from lakehouse.alerting.notifiers import AlertNotifier

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ScheduledRunDeadline(BaseDeadlineReference):
    """Counts from the end of a scheduled run's data interval.

    Airflow's own references do not fit: counted from the logical date every backfilled run is late at once, and with
    one that is counted from queueing a run cannot be cleared any more (Airflow 3.3, issue 70368).
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **kwargs: Any) -> datetime | None:
        from airflow.models import DagRun
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        query = select(DagRun.data_interval_end).where(
            DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.run_type == DagRunType.SCHEDULED
        )
        end: datetime | None = session.scalar(query)
        return end


def scheduled_run_deadline(interval: timedelta, notifier: AlertNotifier) -> DeadlineAlert:
    """Alerts through the notifier's class, in the triggerer, when a scheduled run is not done in time.

    Args:
        interval: time from the end of the data interval to the deadline.
        notifier: the DAG's notifier; Airflow makes another one of its class where the deadline is missed.
    """
    return DeadlineAlert(
        reference=ScheduledRunDeadline(),
        interval=interval,
        callback=AsyncCallback(type(notifier), kwargs={"raise_when_undelivered": True, "timezone": notifier.timezone}),
        name="scheduled run",
    )
