"""Killed runs and runs at the same time leave a dimension that ends as its definition has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs import thing_model as model
from tests.spark_jobs.delta_logs import add_upkeep_commits, clean_log
from tests.spark_jobs.interruptions import Killed, before_commit, kill
from tests.spark_jobs.jobs import run_failure
from tests.spark_jobs.test_dimension_histories import Things

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SNAPSHOTS: dict[int, list[model.Row]] = {
    1: [("K1", "a", 1, None, None), ("K2", "a", 1, None, None), ("K3", None, 1, None, None)],
    2: [("K1", "b", 1, None, None), ("K3", "a", 1, None, None), ("K4", None, 1, None, None)],
    3: [("K1", "a", 1, None, None), ("K2", None, 1, None, None), ("K3", "a", 2, None, None)],
    5: [("K2", "c", 2, None, "e"), ("K3", "a", 2, None, "e"), ("K4", "d", 1, None, "e")],
}


def with_snapshots(root: Path) -> Things:
    things = Things.at(root)
    for day, rows in SNAPSHOTS.items():
        things.land(day, rows)
    return things


@pytest.fixture(scope="module")
def two_days(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Things:
    """A lake with four snapshots, of which the first and the third are processed."""
    things = with_snapshots(tmp_path_factory.mktemp("two_days"))
    for day in (1, 3):
        things.silver(day)
    return things


# Of quality metrics, silver, quarantine and progress. Before the first two silver is as it was.
@pytest.mark.parametrize("commit", [pytest.param(1, marks=pytest.mark.soak), 2, 3, 4])
def test_a_run_that_ends_before_any_commit_of_a_landing(two_days: Things, tmp_path: Path, commit: int) -> None:
    things = two_days.copied_to(tmp_path)
    with pytest.raises(Killed), before_commit(commit, kill):
        things.silver(2)
    # Another date comes before the one whose run was killed.
    things.silver(5)
    things.silver(2)
    things.check()


@pytest.mark.parametrize(
    "is_clean",
    # With many commits the same code looks for it as for a fact's.
    [pytest.param(False, marks=pytest.mark.soak, id="many_commits"), pytest.param(True, id="cleaned_log")],
)
def test_a_killed_run_whose_commit_is_out_of_sight_is_finished_or_the_dimension_made_anew(
    spark: SparkSession, two_days: Things, tmp_path: Path, is_clean: bool
) -> None:
    things = two_days.copied_to(tmp_path)
    with pytest.raises(Killed), before_commit(3, kill):
        things.silver(2)
    add_upkeep_commits(tmp_path / "silver/thing", 60)
    if is_clean:
        clean_log(spark, tmp_path / "silver/thing")
    things.silver(5)
    things.silver(2)
    things.check()


def test_a_run_that_ends_between_the_commits_of_a_rebuild(two_days: Things, tmp_path: Path) -> None:
    things = two_days.copied_to(tmp_path)
    things.use(model.OTHER_TRACKED)
    # Silver is committed, its quarantine stays as it is, and the note of what is processed is missing.
    with pytest.raises(Killed), before_commit(2, kill):
        things.silver(3)
    things.silver(5)
    # What nobody ran yet stays for its own run: it might be stopped there.
    assert things.processed == {1, 3, 5}
    things.check()


@pytest.fixture(scope="module")
def a_day_was_skipped(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Things:
    """Of three landed snapshots the first is processed, and of the third, which repeats it, a run was not needed."""
    things = Things.at(tmp_path_factory.mktemp("skipped"))
    for day in (1, 2, 3):
        things.land(day, SNAPSHOTS[2 if day == 2 else 1])
    things.silver(1)
    things.run(3)
    assert things.skipped == 1
    return things


@pytest.mark.parametrize("commit", [1, 2, 3], ids=["silver", "quarantine", "progress"])
def test_a_run_that_ends_while_it_notes_dates_that_had_no_run(
    a_day_was_skipped: Things, tmp_path: Path, commit: int
) -> None:
    things = a_day_was_skipped.copied_to(tmp_path)
    with pytest.raises(Killed), before_commit(commit, kill):
        things.silver(2)
    assert things.reason_to_run(3) == "no silver run has finished since one last began"
    things.silver(1)
    things.silver(2)
    things.check()


def test_runs_of_several_dates_at_once_end_right_or_fail_cleanly(
    spark: SparkSession, tmp_path: Path, soak: bool
) -> None:
    things = with_snapshots(tmp_path)

    def silver(day: int) -> str | None:
        return run_failure("silver", "thing", model.day_of(day).isoformat(), tmp_path, things.contracts, f"run_{day}")

    order = (5, 1, 3, 2) if soak else (5, 1, 2)
    with ThreadPoolExecutor(len(order)) as pool:
        failures = dict(zip(order, pool.map(silver, order), strict=True))
    for day, failure in failures.items():
        if failure is not None:
            assert "another run" in failure, failures
            assert silver(day) is None
    things.processed = set(order)
    things.check()
