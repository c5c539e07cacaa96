"""The deadline of scheduled runs, as Airflow itself stores it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lakehouse.conftest import PROJECT

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with our plugins and an empty, migrated metadata database."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LAKEHOUSE"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }
    migrated = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], env=environment, capture_output=True, text=True, timeout=180
    )
    assert migrated.returncode == 0, migrated.stderr
    return environment


def test_scheduled_runs_alone_have_a_deadline_counted_from_their_intervals_end(
    airflow_environment: dict[str, str],
) -> None:
    script = Path(__file__).with_name("deadline_rows.py")

    done = subprocess.run(
        [sys.executable, str(script)], env=airflow_environment, capture_output=True, text=True, timeout=180
    )

    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("DEADLINES ")]
    assert json.loads(line.removeprefix("DEADLINES ")) == {
        "scheduled__run": "2026-11-21T01:30:00+00:00",
        "manual__run": None,
        "backfill__run": None,
    }
