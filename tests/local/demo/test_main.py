"""The demo's command, as far as it goes without starting anything."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from local.demo.__main__ import Memory
from local.demo.report import write_json
from local.demo.shell import shell_environment
from local.processes import free_port

REPOSITORY = Path(__file__).resolve().parents[3]


def test_a_taken_port_ends_the_demo_with_one_message_and_leaves_nothing_running(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = subprocess.run(
            [sys.executable, "-m", "local.demo", "--home", str(tmp_path / "home"), "--port", str(port), "--once"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert f"bin/demo: port {port} (airflow)" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["running", "secrets.json", "state.json"]


def test_what_was_done_is_remembered_by_the_next_start(tmp_path: Path) -> None:
    Memory(tmp_path / "state.json").remember("planted", {"twin_rows": 7})
    Memory(tmp_path / "state.json").remember("edits", {"rows": 140})

    again = Memory(tmp_path / "state.json")
    assert again.recall("planted") == {"twin_rows": 7}
    assert again.recall("edits") == {"rows": 140}
    assert again.recall("run of 2026-06-30") is None


def test_a_file_with_logins_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_json(tmp_path / "addresses.json", {"airflow_password": "secret"})

    assert stat.S_IMODE((tmp_path / "addresses.json").stat().st_mode) == 0o600


def demo_shell(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.demo", "shell", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_runs_in_the_environment_of_the_demo_that_is_up(tmp_path: Path) -> None:
    environment = shell_environment(
        {"AIRFLOW_HOME": "/demo/airflow", "LAKEHOUSE_LAKE_ROOT": "file:///demo/lake", "LANG": "C"}, 4711, "secret"
    )
    assert "LANG" not in environment
    write_json(tmp_path / "environment.json", environment)

    done = demo_shell("--home", str(tmp_path), "sh", "-c", "echo $AIRFLOW_HOME $MYSQL_HOST:$MYSQL_TCP_PORT; which ruff")

    assert done.stdout.splitlines() == ["/demo/airflow 127.0.0.1:4711", str(REPOSITORY / ".venv" / "bin" / "ruff")]


def test_a_shell_without_a_demo_says_what_to_do(tmp_path: Path) -> None:
    done = demo_shell("--home", str(tmp_path), "true")

    assert (done.returncode, done.stderr) == (
        1, f"bin/demo: no demo is up in {tmp_path}: start one by bin/demo, or give its --home\n",
    )  # fmt: skip
