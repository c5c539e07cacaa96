"""docker-compose.yml, built and started once for all tests of the stage, and removed after them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.compose import env_file
from local.containers.composed import Composed
from local.containers.engine import Engine
from local.processes import free_port, is_port_free
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
    base = next(base for base in range(21_000, 29_000, 10) if all(is_port_free(base + more) for more in range(4)))
    names = ("AIRFLOW_PORT", "AZURITE_PORT", "DATABRICKS_PORT", "MYSQL_PORT")
    ports = {name: str(base + more) for more, name in enumerate(names)}
    demo = {"DEMO_ROWS": str(ROWS), "DEMO_LAST_DATE": LAST_DATE.isoformat()}
    compose = Path(os.environ["LAKEHOUSE_COMPOSE"]) / "docker-compose"
    with Engine(Path(os.environ["LAKEHOUSE_CACHE"]) / "docker") as engine:
        composed = Composed(engine, compose, folder, {**ports, **demo}, {"services": services()}, say)
        composed.build()
        yield from running(composed)


def services() -> dict[str, dict[str, Any]]:
    """What the services of Airflow have beside docker-compose.yml."""
    return {name: {"environment": _SOONER} for name in (*_AIRFLOW, "edge-worker")}


def running(composed: Composed) -> Iterator[Composed]:
    """Started, and removed at the end."""
    # What a run that was killed left behind.
    composed.down()
    try:
        composed.up()
        yield composed
    finally:
        composed.down()


@pytest.fixture
def prod(platform: Composed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The profile prod, whose own source, storage account and Databricks are those of the platform beside it."""
    theirs = platform.settings
    places = {name: re.sub(r"\$\{(\w+)\}", lambda found: theirs[found[1]], theirs[name]) for name in env_file.PLACES}
    changes = {
        **places,
        "AIRFLOW_PORT": str(free_port()),
        # A folder of its own beside theirs.
        **{name: f"{places[name]}_prod" for name in ("LAKE_ROOT", "SPARK_LAKE_ROOT")},
    }
    further = services()
    for name in ("edge-worker", "airflow-apiserver"):
        # Their storage account is there.
        further[name]["networks"] = ["databricks"]
    networks = {name: {"external": True, "name": f"{platform.project}_{name}"} for name in ("source", "databricks")}
    composed = Composed(
        platform.engine, platform.program, tmp_path_factory.mktemp("prod"), changes,
        {"services": further, "networks": networks}, say, project="lakehouse-test-prod", prod=True,
    )  # fmt: skip
    yield from running(composed)
