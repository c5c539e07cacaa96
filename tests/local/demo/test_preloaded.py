"""What the demo's scheduler imports for its tasks."""

from __future__ import annotations

import subprocess
import sys

from local.demo.addresses import REPOSITORY


def test_tasks_find_it_imported_and_airflow_finds_no_setting_in_it() -> None:
    program = "import airflow_local_settings as own, sys; print(own.__all__, 'pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY / "local/demo/preloaded",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] True\n"
