"""`bin/demo` as its user meets it: killed in the middle, stopped by Ctrl-C, started again and run to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.demo.addresses import REPOSITORY
from local.processes import is_port_free
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

ROWS = 2_000
MARK = "MARK_OF_THE_DEMO_UNDER_TEST"


class Demo:
    """One home, in which the demo is started again and again; all of its processes carry the home as their mark."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home.with_suffix(".log")
        self.port = next(
            base for base in range(29_000, 32_000, 10) if all(is_port_free(base + offset) for offset in range(6))
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Starts it as a shell would, in a process group of its own."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "local.demo",
                    "--home", str(self.home), "--rows", str(ROWS), "--port", str(self.port), *options,
                ],
                cwd=REPOSITORY,
                env={**os.environ, MARK: str(self.home)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        return self.process

    def said(self, text: str) -> bool:
        """Whether it has printed this; fails where it ended instead."""
        assert self.process is not None
        said = self.output.read_text()
        assert self.process.poll() is None, said
        return text in said

    def processes(self) -> list[str]:
        """Command lines of everything alive that the demo started, at any depth."""
        mark = f"{MARK}={self.home}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:150])
            except OSError:
                continue
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is not running at the end, whatever the test found."""
    made = Demo(tmp_path / "home")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.send_signal(signal.SIGINT)
        made.process.wait(60)


def test_a_killed_demo_takes_up_where_it_stopped_and_comes_to_its_end(demo: Demo) -> None:
    killed = demo.start()
    wait_until(lambda: demo.said("copy_to_bronze"), "a table was copied", 600)
    killed.kill()
    killed.wait()

    # At once, while parts of the killed one are still ending.
    stopped = demo.start()
    wait_until(lambda: demo.said("running 2026-06-30"), "the second start came to the first date", 600)
    assert "filling MySQL" not in demo.output.read_text()
    addresses = json.loads((demo.home / "addresses.json").read_text())
    assert addresses["airflow_url"] == f"http://127.0.0.1:{demo.port}"
    os.killpg(stopped.pid, signal.SIGINT)
    assert stopped.wait(60) == 130
    assert demo.processes() == []
    assert not (demo.home / "addresses.json").exists()
    assert "Traceback" not in demo.output.read_text()

    assert demo.start("--once").wait(1800) == 0, demo.output.read_text()
    assert demo.processes() == []
    report = json.loads((demo.home / "report.json").read_text())
    assert report["held"]
    assert [(day["business_date"], day["reconciled"]) for day in report["days"]] == [
        ("2026-06-30", True),
        ("2026-07-01", True),
    ]
    assert report["planted"]["rows"] == ROWS
    # A copy that was whole before the kill is found unchanged, and read no more.
    assert report["days"][0]["rows_read"]["transactions"] in (0, ROWS)
    assert report["independent_check"]["differing"] == 0
    assert len(report["changes"]) == 6
    assert "everything held" in demo.output.read_text()


def test_an_empty_demo_comes_up_without_dates_and_gives_its_shell(demo: Demo) -> None:
    up = demo.start("--empty")
    wait_until(lambda: demo.said("Ctrl-C stops everything"), "the demo is up", 600)

    shell = [sys.executable, "-m", "local.demo", "shell", "--home", str(demo.home)]
    listed = subprocess.run([*shell, "airflow", "pools", "list"], cwd=REPOSITORY, capture_output=True, text=True)
    assert "lakehouse_silver" in listed.stdout, listed.stderr
    schemas = subprocess.run(
        [*shell, "mariadb", "-u", "owner", "-N", "-e", "SHOW DATABASES"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert "mysql" in schemas.stdout.split(), schemas.stderr
    assert "atliqsale" not in schemas.stdout.split()

    os.killpg(up.pid, signal.SIGINT)
    assert up.wait(60) == 0
    assert demo.processes() == []
    assert not (demo.home / "environment.json").exists()
