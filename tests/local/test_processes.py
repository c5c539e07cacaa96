"""Processes that a program started end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from local.processes import end_session, is_alive

# Starts a process in a group of its own, as Airflow does with each task.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_the_end_of_a_session_reaches_what_the_end_of_its_group_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        assert is_alive(child)

        end_session(parent.pid, 60)

        assert not is_alive(child)


def test_a_session_that_has_ended_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as parent:
        parent.wait()
        end_session(parent.pid, 60)
    assert is_alive(os.getpid())
