"""The benchmark of the copy ends with one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.mysql
def test_two_ways_are_compared_on_a_small_table(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "copy", "--rows", "2000", "--peers", "ours,wire", "--repeats", "1"),
            *("--small-tables", "3", "--home", str(tmp_path)),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "## One table of 2,000 rows and nine columns" in lines
    found = json.loads(lines[-1])
    assert found["rows"] == 2_000
    assert found["peers"] == {}
    assert 0 < found["wire_s"] < found["ours_s"]
    assert found["ratio_to_wire"] == pytest.approx(found["ours_s"] / found["wire_s"], rel=0.05)
    assert found["ours"]["error"] is None
    assert found["ours"]["differences"] == []
    assert found["ours"]["exactness"]["faults"] == 0
    assert 50 < found["peak_mb"] < 400
    assert [day["dates"] for day in found["changed_dates"]] == [0, 0, 3, 280]
    assert found["small_tables"]["tables"] == 3
    assert found["small_tables"]["ways"]["wire"]["connections"] == 3
