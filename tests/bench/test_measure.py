"""CPU and memory are those of the whole tree of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.measure import cpu_seconds, high_water_mb, parse_cpu_ticks, parse_status_kib, resident_mb, tree_of

_GRANDCHILD = "held = bytearray(64 * 2**20)\nprint('ready', flush=True)\ninput()"
_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {_GRANDCHILD!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
sum(range(5_000_000))
print("ready", flush=True)
input()
child.communicate(b"\\n")
print("ended", flush=True)
input()
"""


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


def test_memory_and_cpu_of_grandchildren_count(family: subprocess.Popen[bytes]) -> None:
    tree = tree_of(family.pid)
    assert tree[0] == family.pid
    assert len(tree) == 2
    assert resident_mb(family.pid) > 64
    assert high_water_mb(family.pid) > 64
    assert cpu_seconds(family.pid) > 0


def test_the_cpu_of_a_child_that_ended_stays_counted(family: subprocess.Popen[bytes]) -> None:
    before = cpu_seconds(family.pid)
    assert family.stdin is not None
    assert family.stdout is not None
    family.stdin.write(b"\n")
    family.stdin.flush()
    assert family.stdout.readline() == b"ended\n"
    assert tree_of(family.pid) == [family.pid]
    assert cpu_seconds(family.pid) >= before
    assert resident_mb(family.pid) < 64


def test_a_process_that_is_gone_uses_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert (cpu_seconds(process.pid), resident_mb(process.pid), high_water_mb(process.pid)) == (0, 0, 0)


def test_a_program_may_have_any_name() -> None:
    stat = f"{os.getpid()} (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1 0"
    assert parse_cpu_ticks(stat) == 127


def test_a_process_without_memory_has_no_size() -> None:
    assert parse_status_kib("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS") == 2048
    assert parse_status_kib("Name:\tx\nState:\tZ (zombie)\n", "VmRSS") == 0
