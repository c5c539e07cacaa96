"""A home belongs to one demo, and tells the next whether that one was cut off."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.demo.addresses import REPOSITORY
from local.demo.home_claim import HomeInUseError, claimed

HOLD = """
import sys
from pathlib import Path
from local.demo.home_claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_nobody_else_may_enter_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with claimed(home):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_demo_that_ended_well_leaves_nothing_to_wait_for(tmp_path: Path) -> None:
    with claimed(tmp_path / "home") as was_cut_off:
        assert not was_cut_off
    with claimed(tmp_path / "home") as was_cut_off:
        assert not was_cut_off


def test_a_second_demo_is_refused_and_one_after_a_kill_knows_of_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"

    with pytest.raises(HomeInUseError, match=rf"another demo runs in {tmp_path}: .*--home"), claimed(tmp_path):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()

    with claimed(tmp_path) as was_cut_off:
        assert was_cut_off
