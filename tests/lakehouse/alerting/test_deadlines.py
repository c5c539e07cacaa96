"""The deadline of scheduled runs, as Airflow itself stores it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow


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
