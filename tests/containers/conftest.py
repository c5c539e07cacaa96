"""docker-compose.yml, built and started once for all tests of the stage, and removed after them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.containers.composed import Composed
from local.containers.engine import Engine
from local.processes import is_port_free
from tests.end_to_end.lake_content import LAST_DATE

ROWS = 2_000
# Makes the loss of a task known sooner than in five minutes.
_SOONER = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "90",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
    # Spark may need minutes to be back.
    "LAKEHOUSE_TASK_RETRIES": "4",
    "LAKEHOUSE_RETRY_DELAY_SECONDS": "30",
    # The schedule itself must start no other day.
    "LAKEHOUSE_SCHEDULE_START": "2100-01-01",
}
_AIRFLOW = ("airflow-init", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
_STARTED = time.monotonic()


def say(line: str) -> None:
    """Prints a line of progress."""
    print(f"\n  {time.monotonic() - _STARTED:5.0f} s  {line}", end="", flush=True)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Everything of the profile demo, healthy, with few rows."""
    folder = tmp_path_factory.mktemp("containers")
    further = folder / "further.json"
    services = {name: {"environment": _SOONER} for name in (*_AIRFLOW, "edge-worker")}
    further.write_text(json.dumps({"services": services}))
    base = next(base for base in range(21_000, 29_000, 10) if all(is_port_free(base + more) for more in range(4)))
    names = ("AIRFLOW_PORT", "AZURITE_PORT", "DATABRICKS_PORT", "MYSQL_PORT")
    ports = {name: str(base + more) for more, name in enumerate(names)}
    demo = {"DEMO_ROWS": str(ROWS), "DEMO_LAST_DATE": LAST_DATE.isoformat()}
    compose = Path(os.environ["LAKEHOUSE_COMPOSE"]) / "docker-compose"
    with Engine(Path(os.environ["LAKEHOUSE_CACHE"]) / "docker") as engine:
        composed = Composed(engine, compose, folder, {**ports, **demo}, further, say)
        composed.build()
        # What a run that was killed left behind.
        composed.down()
        try:
            composed.up()
            yield composed
        finally:
            composed.down()
