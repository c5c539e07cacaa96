"""What Airflow must know of us by name: the deadline reference, which each of its components decodes."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from lakehouse.alerting.deadlines import ScheduledRunDeadline


class LakehousePlugin(AirflowPlugin):
    """Registers the platform's extensions."""

    name = "lakehouse"
    deadline_references: list[Any] = [ScheduledRunDeadline]  # ruff: ignore[mutable-class-default] - Airflow declares it so
