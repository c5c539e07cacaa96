"""`bin/test` with pretended stages: which of them run beside each other, and what it says of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]

# Notes when its stage begins and ends; may wait for a note of another one, and may fail.
PRETENDED = """#!{python}
import os, signal, sys, time
from pathlib import Path
notes = Path({notes!r})
name = os.path.basename(sys.argv[0])
words = sys.argv[3:]
marked = words[words.index("-m") + 1] if "-m" in words else ""
stage = marked.split()[0].replace("not", "unit") if marked else "lint"
def note(text):
    with (notes / "order").open("a") as file:
        file.write(text + chr(10))
def interrupted(*_):
    note(stage + " was interrupted")
    sys.exit(2)
signal.signal(signal.SIGINT, interrupted)
if name == "ruff" or name == "mypy":
    sys.exit(0)
note(stage + " begins")
until = notes / (stage + ".until")
while until.exists() and until.read_text() not in (notes / "order").read_text():
    time.sleep(0.02)
print("output of", stage, *words[words.index("--durations=10") + 1:])
note(stage + " ends")
sys.exit((notes / (stage + ".fails")).exists())
"""


class Clone:
    """A clone whose Python, ruff and mypy only pretend."""

    def __init__(self, root: Path) -> None:
        self.notes = root / "notes"
        self.notes.mkdir()
        (self.notes / "order").touch()
        self.command = root / "clone" / "bin" / "test"
        for folder in ("bin", "local/setup", ".venv/bin"):
            (root / "clone" / folder).mkdir(parents=True)
        shutil.copy(REPOSITORY / "bin" / "test", self.command)
        tests = root / "clone" / "tests"
        tests.mkdir()
        (tests / "test_both.py").write_text("@pytest.mark.mysql\ndef test_it(): ...\ndef test_more(): ...\n")
        for stage in ("browser", "mysql", "airflow", "spark", "end_to_end"):
            (tests / f"test_{stage}.py").write_text(f"pytestmark = pytest.mark.{stage}\n")
        (tests / "test_unit.py").touch()
        self.cache = root / "cache"
        self.cache.mkdir()
        setup = f"SETUP_MYSQL_MISSING=\nLAKEHOUSE_CACHE={self.cache}\ndigest_of() {{ echo digest; }}\n"
        (root / "clone" / "local" / "setup" / "install.sh").write_text(setup)
        for program in ("python", "ruff", "mypy"):
            file = root / "clone" / ".venv" / "bin" / program
            file.write_text(PRETENDED.format(python=sys.executable, notes=str(self.notes)))
            file.chmod(0o755)

    def order(self) -> list[str]:
        """Which stages began and ended, in order."""
        return (self.notes / "order").read_text().splitlines()

    def lasts_until(self, stage: str, note: str) -> None:
        """Let a stage not end before that is noted."""
        (self.notes / f"{stage}.until").write_text(note)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [str(self.command), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_what_waits_much_runs_beside_the_other_stages_and_is_shown_after_them(clone: Clone) -> None:
    clone.lasts_until("unit", "end_to_end begins")
    clone.lasts_until("end_to_end", "spark begins")
    clone.lasts_until("spark", "airflow begins")
    clone.lasts_until("airflow", "spark ends")
    done = clone.run()
    assert done.returncode == 0, done.stderr
    assert clone.order()[-5:] == ["spark begins", "end_to_end ends", "airflow begins", "spark ends", "airflow ends"]
    said = [line for line in done.stdout.splitlines() if line.startswith(("===", "output"))]
    assert said == [
        "=== lint",
        *(line for stage in ("unit", "browser", "mysql", "spark", "end_to_end", "airflow") for line in shown(stage)),
    ]


def shown(stage: str) -> tuple[str, str]:
    """What stands in the output of a stage: its name, and the arguments of pytest after its marker."""
    workers = " -n 2 --dist loadfile --no-loadscope-reorder" if stage in {"unit", "browser", "mysql", "spark"} else ""
    both = " tests/test_both.py" if stage in {"unit", "mysql"} else ""
    return f"=== {stage}", f"output of {stage}{workers}{both} tests/test_{stage}.py"


def test_only_the_files_that_are_asked_for_are_read(clone: Clone) -> None:
    file = "tests/test_both.py::test_it"
    assert clone.run("airflow", "-x", file).stdout.splitlines()[2] == f"output of airflow -x {file}"


@pytest.mark.parametrize("stage", ["unit", "end_to_end", "spark"])
def test_a_stage_that_fails_fails_all_and_the_others_run(clone: Clone, stage: str) -> None:
    (clone.notes / f"{stage}.fails").touch()
    done = clone.run("unit", "spark", "end_to_end")
    assert done.returncode == 1
    outcomes = dict(line.split()[:2] for line in done.stdout.splitlines() if line.endswith(" s"))
    assert outcomes == {one: "FAILED" if one == stage else "passed" for one in ("unit", "end_to_end", "spark")}


def test_lint_begins_with_what_another_clone_found_out_and_keeps_its_own_for_others(clone: Clone) -> None:
    own, kept = clone.command.parents[1] / ".mypy_cache", clone.cache / "mypy-digest"
    (own / "3.11").mkdir(parents=True)
    assert clone.run("lint").returncode == 0
    assert [path.name for path in clone.cache.rglob("*")] == ["mypy-digest", "3.11"]
    shutil.rmtree(own)
    (kept / "of another").touch()
    assert clone.run("lint").returncode == 0
    assert {path.name for path in own.iterdir()} == {"3.11", "of another"}


def test_with_arguments_each_stage_waits_for_the_one_before_it(clone: Clone) -> None:
    assert clone.run("unit", "end_to_end", "-x").returncode == 0
    assert clone.order() == ["unit begins", "unit ends", "end_to_end begins", "end_to_end ends"]


def test_ctrl_c_stops_what_runs_beside(clone: Clone) -> None:
    for stage in ("unit", "end_to_end"):
        clone.lasts_until(stage, "that never comes")
    running = subprocess.Popen(
        [str(clone.command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(lambda: {"unit begins", "end_to_end begins"} <= set(clone.order()), lambda: str(clone.order()))
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(60) == 130
    assert {"unit was interrupted", "end_to_end was interrupted"} <= set(clone.order())
