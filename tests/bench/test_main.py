"""`python -m bench` starts each bench, and lists them where none is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.__main__ import BENCHES
from tests.conftest import PROJECT


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=PROJECT, env={}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("bench", BENCHES)
def test_each_bench_gives_its_help(bench: str) -> None:
    done = ended(bench, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m bench {bench} ")
    assert "--rows" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["speed"]])
def test_where_no_bench_is_named_they_are_listed(arguments: list[str]) -> None:
    done = ended(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split()[0] for line in done.stderr.splitlines()[2:]] == list(BENCHES)
