"""`python -m bench` starts each bench, and lists them where none is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.__main__ import BENCHES
from tests.conftest import PROJECT

# Each bench in turn, as its command line would start it; a line stands between what they say.
PROGRAM = """
import sys
from bench.__main__ import main
for bench in sys.argv[1:]:
    try:
        main([bench, "--help"])
    except SystemExit as end:
        assert not end.code, (bench, end.code)
    print("====", flush=True)
"""


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, env={}, capture_output=True, text=True, check=False)


def test_each_bench_gives_its_help() -> None:
    done = ended("-c", PROGRAM, *BENCHES)

    assert (done.returncode, done.stderr) == (0, "")
    for bench, said in zip(BENCHES, done.stdout.split("====\n")[:-1], strict=True):
        assert said.startswith(f"usage: python -m bench {bench} ")
        assert "--rows" in said


def test_it_is_started_as_a_module() -> None:
    done = ended("-m", "bench", "copy", "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m bench copy ")


@pytest.mark.parametrize("arguments", [[], ["speed"]])
def test_where_no_bench_is_named_they_are_listed(arguments: list[str]) -> None:
    done = ended("-m", "bench", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split()[0] for line in done.stderr.splitlines()[2:]] == list(BENCHES)
