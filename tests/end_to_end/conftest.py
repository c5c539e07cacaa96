"""One running platform for all end-to-end tests: MySQL, the local Databricks, Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.demo.addresses import REPOSITORY, Home, Ports
from local.demo.day import wait_for_dag
from local.demo.stack import Stack
from local.demo_data import PlantedDefects, generate
from local.mysql_server import SOURCE_SCHEMA
from local.processes import is_port_free
from tests.end_to_end.lake_content import LAST_DATE

ROWS = 4_000
LINEAGE_FILE = "lineage.jsonl"
"""In the platform's home: what its tasks report to OpenLineage, an event a line."""


@pytest.fixture(scope="session")
def free_ports() -> Ports:
    """Four free ports in a row."""
    for base in range(21_000, 29_000, 10):
        if all(is_port_free(base + offset) for offset in range(4)):
            return Ports.from_base(base)
    raise AssertionError("no four free ports in a row")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, free_ports: Ports) -> Iterator[Stack]:
    """The whole platform, its source filled, its DAG loaded and unpaused."""
    home = Home(tmp_path_factory.mktemp("stack"))
    reports = {"type": "file", "log_file_path": str(home.root / LINEAGE_FILE), "append": True}
    overrides = {
        "LAKEHOUSE_TASK_RETRIES": "0",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(reports),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [_bundle("project", REPOSITORY / "dags"), _bundle("tests", Path(__file__).parent / "dags")]
        ),
    }
    with Stack(home, free_ports, lambda line: print(f"  {line}", flush=True), overrides) as running:
        wait_for_dag(running)
        yield running


def _bundle(name: str, folder: Path) -> dict[str, Any]:
    kind = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return {"name": name, "classpath": kind, "kwargs": {"path": str(folder)}}


@pytest.fixture(scope="session")
def planted(stack: Stack) -> PlantedDefects:
    """Fills the source and tells what was planted."""
    stack.mysql.create_schema(SOURCE_SCHEMA)
    return generate(stack.mysql.connect(SOURCE_SCHEMA), ROWS, last_date=LAST_DATE)


@pytest.fixture
def source(stack: Stack, planted: PlantedDefects) -> Iterator[Any]:
    """A connection with which to edit and to count at the source."""
    connection = stack.mysql.connect(SOURCE_SCHEMA)
    yield connection
    connection.close()


@pytest.fixture
def lake(stack: Stack) -> Path:
    """The lake's root."""
    return stack.home.lake
