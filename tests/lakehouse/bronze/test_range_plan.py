"""Which ranges a first load is cut into, by what the source's indexes tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from lakehouse.bronze.copy_ranges import CopyRange
from lakehouse.bronze.range_plan import RangePlanner
from lakehouse.bronze.row_copy import CopyLimits
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.type_map import plan_column

from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import Bench, info_of

pytestmark = pytest.mark.mysql

ROWS = 1000
LIMITS = CopyLimits(large_table_rows=100, range_rows=50)
DAY = "'2026-03-01' + INTERVAL (seq DIV 25) DAY"


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze", LIMITS)


def ranges_of(
    bench: Bench, columns: str, key: str, readers: int = 1, limits: CopyLimits = LIMITS, day: str = DAY
) -> list[CopyRange]:
    """The ranges of a table of forty dates with 25 rows each; `key` is made of `seq`, which rises with the dates."""
    bench.sql(
        f"CREATE TABLE t ({columns}) ENGINE=InnoDB",
        f"INSERT INTO t SELECT {key}, {day} FROM {number_rows(0, ROWS - 1)}",
        "ANALYZE TABLE t",
    )
    with MySqlSource(info_of(bench.server)) as source:
        plans = [plan_column(column) for column in source.columns(bench.schema, "t")]
        planner = RangePlanner(source, bench.spec("t", "d"), plans, limits, readers)
        ranges = planner.of_first_load(date(2026, 11, 20), ROWS, [])
    assert planner.notes == []
    # However it is cut, every row is in exactly one statement.
    statements = [predicate for one in ranges for predicate in one.statements]
    found = [row for predicate in statements for row in bench.ask(f"SELECT id FROM t WHERE {predicate}")]
    assert len(found) == len(set(found)) == ROWS
    return ranges


def test_where_keys_rise_with_dates_each_range_is_read_by_its_keys(bench: Bench) -> None:
    ranges = ranges_of(bench, "id INT PRIMARY KEY, d DATE, KEY (d)", "seq + 7")
    assert len(ranges) > 12
    bounds = [re.search(r" AND `id` BETWEEN (\d+) AND (\d+)$", one.predicate or "") for one in ranges]
    assert [int(found[1]) for found in bounds if found] == [7] + [int(found[2]) + 1 for found in bounds[:-1] if found]


@pytest.mark.parametrize("date_type", ["DATE", "DATETIME(6)"])
def test_rows_of_no_whole_date_are_a_range_of_their_own(bench: Bench, date_type: str) -> None:
    day = f"CASE seq WHEN 30 THEN NULL WHEN 600 THEN '2026-03-00' ELSE {DAY} END"
    columns = f"id INT PRIMARY KEY, d {date_type}, KEY (d)"
    *dated, undated = ranges_of(bench, columns, "seq + 7", day=day)
    assert len(dated) > 12
    assert all("BETWEEN" in (one.predicate or "") for one in dated)
    assert [int(row[0] or 0) for row in bench.ask(f"SELECT id FROM t WHERE {undated.predicate} ORDER BY id")] == [
        37,
        607,
    ]


def test_where_they_do_not_there_are_few_ranges(bench: Bench) -> None:
    ranges = ranges_of(bench, "id INT PRIMARY KEY, d DATE, KEY (d)", "seq * 607 MOD 1000")
    assert 3 <= len(ranges) <= 8
    assert not any("BETWEEN" in (one.predicate or "") for one in ranges)


def test_where_they_do_not_several_readers_share_one_range_by_its_keys(bench: Bench) -> None:
    columns, key = "id INT PRIMARY KEY, d DATE, KEY (d)", "seq * 607 MOD 1000"
    (one,) = ranges_of(bench, columns, key, 2, CopyLimits(large_table_rows=100))
    assert len(one.parts) >= 2


def test_where_the_primary_key_begins_with_the_date_its_ranges_need_no_bounds(bench: Bench) -> None:
    ranges = ranges_of(bench, "id INT, d DATE, PRIMARY KEY (d, id)", "seq * 607 MOD 1000")
    assert len(ranges) > 12
    assert not any("BETWEEN" in (one.predicate or "") for one in ranges)
