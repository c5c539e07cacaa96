"""What the tasks of every DAG have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.alerting.notifiers import AlertNotifier
    from lakehouse.settings import WiringSettings


def default_args(settings: WiringSettings, alert: AlertNotifier, owner: str = "data-platform") -> dict[str, Any]:
    """A DAG's `default_args`: its retries with growing delays, limit of time, alert on failure, and source."""
    return {
        "owner": owner,
        "retries": settings.task_retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": [alert],
        "mysql_conn_id": settings.mysql_conn_id,
    }


def beside_source(settings: WiringSettings) -> dict[str, Any]:
    """Where the tasks that ask the source run: perhaps on a worker beside it, which alone can reach it."""
    return {"queue": settings.copy_queue, "executor": settings.copy_executor or None}
