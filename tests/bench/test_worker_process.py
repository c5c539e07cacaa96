"""A way's process answers, fails, dies or hangs: each is told apart, and nothing of it is left running."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.worker_process import WayFailedError, WayTooSlowError, WorkerLostError, WorkerProcess
from local.processes import is_alive
from tests.waiting import wait_until

_WORKER = """
import json, os, subprocess, sys
print(json.dumps({"ready": {"greeted": sys.stdin.readline().strip()}}), flush=True)
for line in sys.stdin:
    if line == "fail\\n":
        print(json.dumps({"error": "Panic: no such type"}), flush=True)
    elif line == "die\\n":
        print("last words", file=sys.stderr, flush=True)
        os.abort()
    elif line == "hang\\n":
        child = subprocess.Popen(["sleep", "600"])
        open(sys.argv[1], "w").write(str(child.pid))
        child.wait()
    else:
        held = bytearray(64 * 2**20)
        print(json.dumps({"done": True}), flush=True)
"""


def _worker(note: Path) -> WorkerProcess:
    return WorkerProcess([sys.executable, "-c", _WORKER, str(note)], {}, os.getpid(), {"schema": "s"})


def test_what_a_copy_took_is_measured(tmp_path: Path) -> None:
    with _worker(tmp_path / "note") as worker:
        assert worker.versions == {"greeted": '{"schema": "s"}'}
        usage = worker.ask("copy", 20)
    assert usage.seconds > 0
    assert usage.peak_mb > 64
    assert usage.client_cpu_seconds >= 0


def test_a_failed_copy_leaves_the_process_for_the_next(tmp_path: Path) -> None:
    with _worker(tmp_path / "note") as worker:
        with pytest.raises(WayFailedError, match=r"^Panic: no such type$") as caught:
            worker.ask("fail", 20)
        assert not isinstance(caught.value, WorkerLostError)
        worker.ask("copy", 20)


def test_the_death_of_the_process_is_told_with_its_last_words(tmp_path: Path) -> None:
    with (
        _worker(tmp_path / "note") as worker,
        pytest.raises(WorkerLostError, match="was ended by SIGABRT: last words"),
    ):
        worker.ask("die", 20)


def test_a_slow_way_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with _worker(note) as worker, pytest.raises(WayTooSlowError, match="took more than 2 s"):
        worker.ask("hang", 2)
    child = int(note.read_text())
    # A kill is carried out by the kernel in its own time.
    wait_until(lambda: not is_alive(child), f"process {child} ended", 20)
