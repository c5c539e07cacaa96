"""What the tasks of every DAG have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.alerting.notifiers import AlertNotifier
    from lakehouse.settings import WiringSettings


def default_args(settings: WiringSettings, alert: AlertNotifier, owner: str = "data-platform") -> dict[str, Any]:
    """A DAG's `default_args`: retries with backoff by the settings, a limit of time, and the alert on failure."""
    return {
        "owner": owner,
        "retries": settings.task_retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": [alert],
    }
