"""Runs that do not scan everything: what they find, what they cannot find, and the full pass that finds the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.bronze.change_scope import EVERYWHERE, ScanScope, since_watermark, trailing_window
from lakehouse.source.type_map import SourceColumn, plan_column

from lake_model.contracts.copy_spec import ChangeScope, CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import Bench

D = plan_column(SourceColumn("d", "date", True))
WHOLE = "COALESCE(FROM_DAYS(TO_DAYS(`d`)) = DATE(`d`) AND YEAR(`d`) > 0, FALSE)"


def test_a_window_reaches_back_to_what_was_never_due() -> None:
    assert trailing_window(3, date(2026, 11, 20), date(2026, 11, 19)) == ScanScope(since=date(2026, 11, 18))
    assert trailing_window(3, date(2026, 11, 20), date(2026, 11, 10)) == ScanScope(since=date(2026, 11, 11))
    assert trailing_window(1, date(2026, 11, 20), date(2026, 11, 20)) == ScanScope(since=date(2026, 11, 20))


def test_predicates_use_an_index_of_the_date() -> None:
    assert EVERYWHERE.predicate(D) is None
    assert ScanScope(since=date(2026, 11, 18)).predicate(D) == f"(`d` >= '2026-11-18' AND {WHOLE})"
    scanned = since_watermark(["2026-11-20", "2026-10-01", "undated"], date(2026, 11, 19))
    assert scanned.predicate(D) == (
        f"(`d` >= '2026-11-20' AND {WHOLE}) OR (((`d` >= '2026-10-01' AND `d` < '2026-10-02')) AND {WHOLE}) "
        f"OR (NOT {WHOLE})"
    )
    assert ScanScope().predicate(D) == "FALSE"


days = st.dates(date(2026, 11, 1), date(2026, 11, 30))


@given(st.lists(days), st.none() | days, days, st.booleans())
def test_a_day_is_looked_at_once_it_is_named(named: list[date], since: date | None, day: date, undated: bool) -> None:
    scanned = ScanScope(days=tuple(named), since=since, undated=undated)
    assert (day.isoformat() in scanned) == (day in named or (since is not None and day >= since))
    assert ("undated" in scanned) == undated
    assert day.isoformat() in EVERYWHERE
    assert "undated" in EVERYWHERE


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    bench.sql(
        "CREATE TABLE sales (d DATE NULL, n INT, at TIMESTAMP(6) NULL, KEY (d), KEY (at))",
        "INSERT INTO sales SELECT '2026-11-01' + INTERVAL seq DAY, seq, '2026-11-01 12:00:00' + INTERVAL seq DAY "
        f"FROM {number_rows(0, 19)}",
        "INSERT INTO sales VALUES (NULL, 100, '2026-11-01')",
    )
    return bench


def numbers(bench: Bench) -> list[int]:
    return sorted(row[1] for row in bench.rows("sales"))


@pytest.mark.mysql
def test_a_trailing_window_leaves_older_changes_to_the_full_pass(bench: Bench) -> None:
    spec = replace(bench.spec("sales", "d"), change_scope=ChangeScope(7, trailing_days=3))
    assert bench.copy(spec, "2026-11-20").slices_checked == 21
    assert bench.visible("sales").full_pass == "2026-11-20"
    bench.sql("UPDATE sales SET n = n + 1000 WHERE n IN (4, 18, 100)", "DELETE FROM sales WHERE n = 17")
    bench.sql("INSERT INTO sales VALUES ('2026-11-21', 20, NULL), ('2026-11-22', 21, NULL)")
    outcome = bench.copy(spec, "2026-11-21", "window")
    # The 19th to the 22nd: one has changed, one is new, one is not due yet.
    assert (outcome.slices_checked, outcome.slices_copied, outcome.slices_dropped) == (4, 2, 0)
    assert outcome.rows_not_yet_due == 1
    assert bench.visible("sales").full_pass == "2026-11-20"
    assert numbers(bench) == [*range(18), 19, 20, 100, 1018]
    bench.copy(spec, "2026-11-26", "window")
    assert numbers(bench) == [*range(18), 19, 20, 21, 100, 1018]
    outcome = bench.copy(spec, "2026-11-27", "full pass")
    assert (outcome.slices_copied, outcome.slices_dropped) == (2, 1)
    assert bench.visible("sales").full_pass == "2026-11-27"
    assert numbers(bench) == [*range(4), *range(5, 17), 19, 20, 21, 1004, 1018, 1100]


@pytest.mark.mysql
def test_a_run_after_an_outage_looks_at_all_that_was_missed(bench: Bench) -> None:
    spec = replace(bench.spec("sales", "d"), change_scope=ChangeScope(100, trailing_days=2))
    bench.copy(spec, "2026-11-05")
    assert bench.copy(spec, "2026-11-20").slices_copied == 15
    assert numbers(bench) == [*range(20), 100]


@pytest.mark.mysql
def test_a_new_column_makes_a_full_pass(bench: Bench) -> None:
    spec = replace(bench.spec("sales", "d"), change_scope=ChangeScope(100, trailing_days=1))
    bench.copy(spec, "2026-11-20")
    bench.sql("ALTER TABLE sales ADD COLUMN extra INT DEFAULT 5")
    assert bench.copy(spec, "2026-11-20").slices_copied == 21
    assert bench.slice("sales", "2026-11-01")["extra"].to_pylist() == [5]


@pytest.mark.mysql
def test_a_backfill_leaves_window_and_watermark_as_they_were(bench: Bench) -> None:
    scope = ChangeScope(7, watermark_column="at", overlap_minutes=60)
    spec = replace(bench.spec("sales", "d"), change_detection="watermark", change_scope=scope)
    bench.copy(spec, "2026-11-20")
    bench.sql("UPDATE sales SET n = n + 1000, at = '2026-11-21' WHERE n IN (3, 4)")
    assert bench.copy(spec, "2026-11-04", "backfill").slices_copied == 1
    manifest = bench.visible("sales")
    assert (manifest.watermark, manifest.full_pass) == ("2026-11-20 12:00:00.000000", "2026-11-20")
    assert bench.copy(spec, "2026-11-21").slices_copied == 1
    assert numbers(bench) == [0, 1, 2, *range(5, 20), 100, 1003, 1004]


@pytest.fixture
def watermarked(bench: Bench) -> tuple[Bench, CopySpec]:
    scope = ChangeScope(7, watermark_column="at", overlap_minutes=90)
    return bench, replace(bench.spec("sales", "d"), change_detection="watermark", change_scope=scope)


@pytest.mark.mysql
def test_a_watermark_finds_new_changed_and_late_rows(watermarked: tuple[Bench, CopySpec]) -> None:
    bench, spec = watermarked
    bench.copy(spec, "2026-11-20")
    assert bench.visible("sales").watermark == "2026-11-20 12:00:00.000000"
    bench.sql(
        "UPDATE sales SET n = 1004, at = '2026-11-21 01:00' WHERE n = 4",
        "UPDATE sales SET n = 1100, at = '2026-11-21 01:00' WHERE n = 100",
        "INSERT INTO sales VALUES ('2026-11-10', 2000, '2026-11-20 10:31'), ('2026-11-21', 2001, '2026-11-20 09:00')",
    )
    outcome = bench.copy(spec, "2026-11-21", "watermark")
    # The 20th lies within the overlap, and has not changed.
    assert (outcome.slices_checked, outcome.slices_copied) == (5, 4)
    assert numbers(bench) == [*range(4), *range(5, 20), 1004, 1100, 2000, 2001]
    assert bench.visible("sales").watermark == "2026-11-21 01:00:00.000000"


@pytest.mark.mysql
def test_what_leaves_no_mark_is_left_to_the_full_pass(watermarked: tuple[Bench, CopySpec]) -> None:
    bench, spec = watermarked
    bench.copy(spec, "2026-11-20")
    bench.sql("DELETE FROM sales WHERE n = 3", "UPDATE sales SET n = 1004 WHERE n = 4")
    bench.sql("INSERT INTO sales VALUES ('2026-11-08', 2000, '2026-11-20 10:29'), ('2026-11-09', 2001, NULL)")
    assert bench.copy(spec, "2026-11-21").slices_copied == 0
    assert numbers(bench) == [*range(20), 100]
    bench.copy(spec, "2026-11-27")
    assert numbers(bench) == [0, 1, 2, *range(5, 20), 100, 1004, 2000, 2001]


@pytest.mark.mysql
def test_a_row_that_was_not_due_is_copied_when_it_is(watermarked: tuple[Bench, CopySpec]) -> None:
    bench, spec = watermarked
    bench.copy(spec, "2026-11-18")
    bench.sql("INSERT INTO sales VALUES ('2026-11-25', 25, '2026-11-30')")
    bench.copy(spec, "2026-11-20")
    bench.copy(spec, "2026-11-24")
    assert numbers(bench) == [*range(20), 100]
    bench.copy(replace(spec, change_scope=replace(spec.change_scope, full_pass_days=100)), "2026-11-25")  # type: ignore[type-var]
    assert numbers(bench) == [*range(20), 25, 100]


@pytest.mark.mysql
def test_a_watermark_far_in_the_future_hides_nothing(watermarked: tuple[Bench, CopySpec]) -> None:
    bench, spec = watermarked
    bench.sql("UPDATE sales SET at = '2037-01-01' WHERE n = 0")
    bench.copy(spec, "2026-11-20")
    watermark = bench.visible("sales").watermark
    assert watermark is not None
    assert watermark < "2037"
