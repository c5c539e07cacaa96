"""What Airflow loads at each start of each of its components."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import PROJECT

HEAVY = ("duckdb", "deltalake", "pyarrow", "sqlglot", "kpi.web_app", "kpi.read_model", "lake_model.contracts")


def test_loading_the_plugin_imports_nothing_of_the_page() -> None:
    program = (
        "import sys, json; import airflow.plugins_manager; before = set(sys.modules); import kpi.plugin;"
        f"print(json.dumps([name for name in {HEAVY!r} if name in set(sys.modules) - before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_airflow_finds_the_plugin_and_no_other_file_of_the_page() -> None:
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(str(PROJECT / "plugins"), ".airflowignore")
    names = [path.removeprefix(f"{PROJECT / 'plugins'}/") for path in found if path.endswith(".py")]
    assert sorted(names) == ["kpi/plugin.py", "lakehouse/plugin.py"]
