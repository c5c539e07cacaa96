"""A private engine of Docker leaves nothing of its network and mounts, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.containers.composed import REPOSITORY
from tests.waiting import wait_until

pytestmark = pytest.mark.containers

# Starts an engine with one network more than its own, says its process id, and ends it when the test closes its input.
STAGE = """
import os, sys
from pathlib import Path
from local.containers.engine import Engine
engine = Engine(Path(sys.argv[1]))
engine.start()
engine.docker("network", "create", f"of-{os.getpid()}")
print(engine.pid, flush=True)
sys.stdin.read()
engine.stop()
"""


def left_behind(home: Path) -> dict[str, object]:
    """What an engine would leave of itself on this machine."""
    rules = "".join(
        subprocess.run(["iptables", "--table", table, "-S"], capture_output=True, text=True, check=True).stdout
        for table in ("filter", "nat")
    )
    forwards = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    bridges = sorted(map(str, Path("/sys/class/net").glob("*/bridge")))
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line]
    return {"rules": rules, "forwards": forwards, "bridges": bridges, "mounts": mounts}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        pytest.skip("an engine runs already, and no private one is started")
    return tmp_path


@contextmanager
def stage(home: Path) -> Generator[tuple[subprocess.Popen[str], int]]:
    """A process that has started an engine, and the engine's process id; at the end the process has ended."""
    one = subprocess.Popen(
        [sys.executable, "-c", STAGE, str(home)], cwd=REPOSITORY, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert one.stdout is not None
    with one:
        try:
            yield one, int(one.stdout.readline())
        finally:
            one.kill()


def test_a_stage_that_ends_leaves_the_machine_as_it_was(home: Path) -> None:
    before = left_behind(home)
    with stage(home) as (one, _):
        changed = left_behind(home)
        assert changed["rules"] != before["rules"]
        assert changed["bridges"] != before["bridges"]
        one.communicate("")
    assert left_behind(home) == before


def test_a_stage_that_is_killed_leaves_the_machine_as_it_was(home: Path) -> None:
    before = left_behind(home)
    with stage(home) as (one, _):
        one.kill()
    wait_until(lambda: left_behind(home) == before, lambda: str(left_behind(home)))


def test_what_a_killed_engine_left_is_gone_after_the_next_one(home: Path) -> None:
    before = left_behind(home)
    with stage(home) as (one, engine):
        os.kill(engine, signal.SIGKILL)
        one.kill()
    with stage(home) as (one, _):
        one.communicate("")
    assert left_behind(home) == before
