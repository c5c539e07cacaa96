"""What a copy that failed had finished is not read again, where the source still holds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.bronze_upkeep import sweep_bronze
from lakehouse.bronze.copy_outcome import CopyOutcome
from lakehouse.bronze.manifest import read_manifest
from lakehouse.bronze.row_copy import CopyLimits
from lakehouse.bronze.table_copy import copy_table
from lakehouse.lake.lake_path import files_below
from lakehouse.source.mysql_source import MySqlSource

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import DRAFT_NAME
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of, slices

pytestmark = pytest.mark.mysql

DAYS = [f"2026-11-{day}" for day in range(11, 21)]
# Each of the ten dates is a range of its own.
RANGES = CopyLimits(large_table_rows=10**9, range_rows=150)
FIRST_LOAD = replace(RANGES, large_table_rows=0)


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze", RANGES)


@pytest.fixture
def sales(bench: Bench) -> tuple[Bench, CopySpec]:
    """A hundred rows on each of ten dates, five of no date, and some that are not due on the last of the ten."""
    bench.sql(
        "CREATE TABLE sales (id INT PRIMARY KEY, sold_on DATE NULL, note VARCHAR(40), KEY (sold_on)) ENGINE=InnoDB",
        "INSERT INTO sales SELECT seq, '2026-11-11' + INTERVAL (seq DIV 100) DAY, LEFT(SHA2(seq, 256), 32) "
        f"FROM {number_rows(0, 999)}",
        f"INSERT INTO sales SELECT seq, NULL, 'undated' FROM {number_rows(2001, 2005)}",
        f"INSERT INTO sales SELECT seq, '2026-11-25', 'not due' FROM {number_rows(3001, 3009)}",
        "ANALYZE TABLE sales",
    )
    return bench, bench.spec("sales", "sold_on")


def draft(bench: Bench) -> Manifest | None:
    return read_manifest(bench.folder("sales"), DRAFT_NAME)


def drafted(bench: Bench) -> set[str]:
    found = draft(bench)
    return {item.slice for item in found.slices} if found else set()


def afresh(bench: Bench, spec: CopySpec, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What a copy that nothing went before brings."""
    other = replace(bench, root=tmp_path / "afresh", limits=CopyLimits())
    other.copy(spec, "2026-11-20")
    return other.rows("sales")


@pytest.mark.parametrize("limits", [RANGES, FIRST_LOAD], ids=["by fingerprint", "first load"])
def test_a_retry_reads_only_what_was_not_finished(
    sales: tuple[Bench, CopySpec], tmp_path: Path, limits: CopyLimits
) -> None:
    bench, spec = sales
    bench.limits = limits
    bench.fail(spec, 7)
    assert not (bench.folder("sales") / "_latest.json").exists()
    finished = drafted(bench)
    assert 3 <= len(finished) <= 6
    retry = bench.copy(spec, "2026-11-20", "retry")
    assert (retry.slices_resumed, retry.slices_copied) == (len(finished), 11 - len(finished))
    assert retry.rows_read == 1005 - 100 * len(finished)
    assert (retry.outcome, retry.rows_in_table, retry.rows_not_yet_due) == ("copied", 1005, 9)
    assert slices(bench.visible("sales")) == {**dict.fromkeys(DAYS, 100), "undated": 5}
    assert bench.rows("sales") == afresh(bench, spec, tmp_path)
    assert draft(bench) is None
    known = {item.slice for item in bench.visible("sales").slices if item.source_fingerprint is not None}
    assert finished <= known
    assert bench.copy(spec, "2026-11-20", "next").outcome == "unchanged"


@pytest.mark.parametrize("limits", [RANGES, FIRST_LOAD], ids=["by fingerprint", "first load"])
def test_what_changed_since_is_read_again(sales: tuple[Bench, CopySpec], tmp_path: Path, limits: CopyLimits) -> None:
    bench, spec = sales
    bench.limits = limits
    bench.fail(spec, 7)
    first, second, third, *rest = sorted(drafted(bench))
    bench.sql(
        f"UPDATE sales SET note = 'changed' WHERE sold_on = '{first}' LIMIT 1",
        f"DELETE FROM sales WHERE sold_on = '{second}'",
        f"UPDATE sales SET sold_on = NULL WHERE sold_on = '{third}' LIMIT 1",
    )
    retry = bench.copy(spec, "2026-11-20", "retry")
    assert retry.slices_resumed == len(rest)
    assert second not in slices(bench.visible("sales"))
    assert slices(bench.visible("sales"))["undated"] == 6
    assert bench.rows("sales") == afresh(bench, spec, tmp_path)


def test_every_failure_adds_to_what_those_before_had_finished(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    read = set[str]()
    for attempt in range(4):
        bench.fail(spec, 3, run_id="same run")
        assert read < drafted(bench), attempt
        read = drafted(bench)
    assert len(read) == 8
    outcome = bench.copy(spec, "2026-11-20", "same run")
    assert (outcome.slices_resumed, outcome.rows_read) == (8, 205)


def test_a_later_date_goes_on_from_it(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-10", "before")
    bench.fail(spec, 5)
    outcome = bench.copy(spec, "2026-11-25", "next day")
    assert (outcome.slices_resumed, outcome.rows_read) == (4, 600 + 9)


@pytest.mark.parametrize(
    "spoil",
    ["column", "file gone", "file cut", "file old", "damaged", "everything", "full"],
)
def test_what_cannot_be_trusted_is_read_again(sales: tuple[Bench, CopySpec], tmp_path: Path, spoil: str) -> None:
    bench, spec = sales
    bench.fail(spec, 7)
    found = draft(bench)
    assert found is not None
    file = bench.folder("sales") / found.slices[0].files[0]
    resumed = 0
    if spoil == "column":
        bench.sql("ALTER TABLE sales ADD COLUMN more INT NULL")
    elif spoil == "file gone":
        file.unlink()
        resumed = 5
    elif spoil == "file cut":
        file.write_bytes(file.read_bytes()[:-1])
        resumed = 5
    elif spoil == "file old":
        # By the lake's clock: this machine's, which is days behind it here, makes nothing younger.
        assert datetime.now(UTC) - NOW > bench.limits.draft_age
        old = (datetime.now(UTC) - bench.limits.draft_age - timedelta(minutes=1)).timestamp()
        os.utime(file, (old, old))
        resumed = 5
    elif spoil == "damaged":
        (bench.folder("sales") / DRAFT_NAME).write_text("{")
    elif spoil == "everything":
        spec = replace(spec, everything=True)
    elif spoil == "full":
        spec = replace(spec, change_detection="full")
    outcome = bench.copy(spec, "2026-11-20", "retry")
    assert (outcome.slices_resumed, outcome.rows_read) == (resumed, 1005 - 100 * resumed)
    assert bench.rows("sales") == afresh(bench, spec, tmp_path)


def test_a_copy_that_is_overtaken_leaves_its_files_to_the_one_that_took_them_over(
    sales: tuple[Bench, CopySpec],
) -> None:
    bench, spec = sales
    with MySqlSource(info_of(bench.server)) as source:
        stream, streamed, other = source.stream, iter(range(1, 1000)), list[CopyOutcome]()

        def overtaken(*arguments: Any) -> Iterator[Any]:
            if next(streamed) == 5:
                other.append(bench.copy(spec, "2026-11-20", "other"))
            return stream(*arguments)

        source.stream = overtaken  # type: ignore[method-assign, assignment]
        with pytest.raises(Exception, match="published the table meanwhile"):
            copy_table(source, bench.root, spec, date(2026, 11, 20), "slow", lambda: NOW, bench.limits)
    assert other[0].slices_resumed == 4
    assert len(bench.rows("sales")) == 1005
    slow = {name.rpartition("/")[2] for name in bench.visible("sales").files if "slow" in name}
    assert len(slow) == 4
    assert slow <= bench.files("sales")


def test_counts_of_substituted_values_are_taken_over_whole_or_not_at_all(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.sql("ALTER TABLE sales ADD COLUMN paid DATE", "UPDATE sales SET paid = '0000-00-00' WHERE id % 100 = 7")
    bench.fail(spec, 7)
    assert bench.copy(spec, "2026-11-20", "retry").slices_resumed == 6
    counted = bench.visible("sales").substitutions
    assert sum(counted["paid"].values()) == 10
    bench.sql("UPDATE sales SET note = CONCAT(note, '!')")
    bench.fail(spec, 7)
    bench.sql("UPDATE sales SET note = 'another' WHERE id = 1")
    assert bench.copy(spec, "2026-11-20", "retry").slices_resumed == 0
    assert bench.visible("sales").substitutions == counted


def test_a_copy_without_checksums_keeps_no_draft_for_nothing_could_prove_it(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.fail(replace(spec, change_detection="full"), 7)
    assert [path for path in bench.root.rglob("*") if path.is_file()] == []


def test_a_backfill_leaves_the_draft_of_a_larger_copy_alone(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20", "before")
    bench.sql("UPDATE sales SET note = CONCAT(note, '!')")
    bench.fail(spec, 7)
    bench.sql("UPDATE sales SET note = 'another' WHERE id = 901")
    assert bench.copy(spec, "2026-11-19", "backfill").rows_read == 100
    assert len(drafted(bench)) == 6
    assert bench.copy(spec, "2026-11-20", "retry").slices_resumed == 6


def test_upkeep_sweeps_a_draft_and_its_files_by_their_age(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.fail(spec, 7)
    week = timedelta(days=7)
    (left,) = sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=6), week)
    assert left.removed == ()
    (swept,) = sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=8), week)
    assert len(swept.removed) == 7
    assert files_below(bench.root) == []


def test_a_table_whose_date_has_no_index_is_one_range_and_that_is_said(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.sql("ALTER TABLE sales DROP KEY sold_on")
    outcome = bench.copy(spec, "2026-11-20")
    assert outcome.notes == ("no index begins with sold_on: one range, and a retry copies from the start",)
    assert outcome.files == 2


def test_an_index_that_is_gone_leaves_a_retry_one_range_to_read(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.limits = FIRST_LOAD
    bench.fail(spec, 7)
    finished = len(drafted(bench))
    bench.sql("ALTER TABLE sales DROP KEY sold_on", "ANALYZE TABLE sales")
    retry = bench.copy(spec, "2026-11-20", "retry")
    assert (retry.slices_resumed, retry.rows_read, retry.files) == (finished, 1005 - 100 * finished, 2)


def test_a_first_load_without_a_retry_brings_what_an_ordinary_copy_brings(
    sales: tuple[Bench, CopySpec], tmp_path: Path
) -> None:
    bench, spec = sales
    bench.limits = FIRST_LOAD
    bench.sql("UPDATE sales SET sold_on = '1970-01-01' WHERE id = 500", "UPDATE sales SET sold_on = 0 WHERE id = 501")
    outcome = bench.copy(spec, "2026-11-20")
    assert outcome.files > 5
    assert (outcome.rows_read, outcome.rows_not_yet_due) == (1005, 9)
    assert slices(bench.visible("sales")) == {
        **dict.fromkeys(DAYS, 100),
        "2026-11-16": 98,
        "1970-01-01": 1,
        "undated": 6,
    }
    assert bench.rows("sales") == afresh(bench, spec, tmp_path)
