"""Files that the index names and that are lost or damaged: noticed, and their slices copied again, no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lake_model.contracts.copy_spec import ChangeScope, CopySpec
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql

DAYS = ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20")
NUMBERS = [(day, number) for number, day in enumerate(DAYS)]


@pytest.fixture
def sales(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> tuple[Bench, CopySpec]:
    """A fact with a row and a file for each of five days."""
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    bench.sql("CREATE TABLE sales (d DATE, n INT)")
    for day, number in NUMBERS:
        bench.sql(f"INSERT INTO sales VALUES ('{day}', {number})")
        bench.copy(bench.spec("sales", "d"), day)
    return bench, bench.spec("sales", "d")


def file_of(bench: Bench, day: str) -> Path:
    """The file that holds a day's row."""
    (name,) = next(item.files for item in bench.visible("sales").slices if item.slice == day)
    return bench.folder("sales") / name


def numbers(bench: Bench) -> list[tuple[str, int]]:
    """All that readers see."""
    return [(day.isoformat(), number) for day, number in bench.rows("sales")]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(("damage", "problem"), [(Path.unlink, "is gone"), (cut, "has {less:,} bytes, not {bytes:,}")])
def test_a_file_that_is_lost_or_cut_is_copied_again_and_no_other(
    sales: tuple[Bench, CopySpec], damage: Callable[[Path], None], problem: str
) -> None:
    bench, spec = sales
    lost, size = file_of(bench, "2026-11-17"), file_of(bench, "2026-11-17").stat().st_size
    damage(lost)
    again = bench.copy(spec, "2026-11-20", "again")
    assert (again.outcome, again.slices_copied, again.rows_read) == ("copied", 1, 1)
    assert again.notes == (
        f"1 files that the index names are lost or damaged (first: business_date=2026-11-17/{lost.name} "
        f"{problem.format(less=size - 1, bytes=size)}): the run that looks at their 1 slices copies them again",
    )
    assert numbers(bench) == NUMBERS
    after = bench.copy(spec, "2026-11-20", "after")
    assert (after.outcome, after.notes) == ("unchanged", ())


def test_a_run_that_looks_at_few_dates_looks_everywhere_where_a_file_is_lost(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    narrow = replace(spec, change_scope=ChangeScope(100, trailing_days=1))
    bench.copy(narrow, "2026-11-20")
    file_of(bench, "2026-11-16").unlink()
    assert bench.copy(narrow, "2026-11-20").slices_copied == 1
    assert numbers(bench) == NUMBERS


def test_a_full_pass_finds_other_bytes_of_the_same_number(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    weekly = replace(spec, change_scope=ChangeScope(7, trailing_days=1))
    bench.copy(weekly, "2026-11-20")
    path = file_of(bench, "2026-11-17")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert bench.copy(weekly, "2026-11-21").outcome == "unchanged"
    found = bench.copy(weekly, "2026-11-28")
    assert (found.outcome, found.slices_copied) == ("copied", 1)
    assert "has other bytes than were written" in found.notes[0]
    assert numbers(bench) == NUMBERS


def test_a_backfill_leaves_other_dates_and_says_so(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    file_of(bench, "2026-11-17").unlink()
    backfill = bench.copy(spec, "2026-11-18")
    assert (backfill.outcome, len(backfill.notes)) == ("unchanged", 1)
    assert bench.copy(spec, "2026-11-20").slices_copied == 1
    assert numbers(bench) == NUMBERS


def test_a_lost_slice_that_is_gone_at_the_source_too_goes(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    file_of(bench, "2026-11-17").unlink()
    bench.sql("DELETE FROM sales WHERE d = '2026-11-17'")
    assert bench.copy(spec, "2026-11-20").slices_dropped == 1
    assert numbers(bench) == [NUMBERS[0], *NUMBERS[2:]]


def test_the_newest_snapshot_of_a_dimension_is_copied_again(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    bench.sql("CREATE TABLE product (code INT)", "INSERT INTO product VALUES (7)")
    bench.copy(bench.spec("product"), "2026-11-19")
    (name,) = bench.visible("product").files
    (bench.folder("product") / name).unlink()
    assert bench.copy(bench.spec("product"), "2026-11-20").outcome == "copied"
    assert bench.rows("product") == [(7,)]
