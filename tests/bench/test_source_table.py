"""The tables are the same each time, and their changes touch the dates that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from bench import source_table
from bench.source_table import DATES, FIRST_DATE, LAST_DATE, LargeTable, spread_dates
from local.mysql_server import MySqlServer

FreshSchema = Callable[[], str]


@pytest.mark.parametrize("count", [1, 2, 280, DATES])
def test_dates_are_spread_over_all_of_them_without_repeats(count: int) -> None:
    days = spread_dates(count)
    assert len(set(days)) == count
    assert days == sorted(days)
    assert days[0] == FIRST_DATE
    assert days[-1] <= LAST_DATE


@pytest.mark.mysql
def test_the_large_table_has_all_dates_and_nulls_in_three_columns(
    mysql_server: MySqlServer, fresh_schema: FreshSchema
) -> None:
    table = LargeTable(fresh_schema(), 6_000)
    connection = mysql_server.connect(table.schema)
    cursor = connection.cursor()
    source_table.make_large_table(cursor, table)
    cursor.execute(
        "SELECT COUNT(*), COUNT(DISTINCT order_date), MIN(order_date), MAX(order_date), COUNT(market_code), "
        "COUNT(note), COUNT(amount), SUM(amount) FROM sales"
    )
    assert cursor.fetchone() == (6_000, DATES, FIRST_DATE, LAST_DATE, 5_703, 5_386, 5_881, Decimal("2920933633.26"))
    connection.close()


@pytest.mark.mysql
def test_a_table_is_made_anew_only_where_it_is_another(mysql_server: MySqlServer, fresh_schema: FreshSchema) -> None:
    schema = fresh_schema()
    connection = mysql_server.connect(schema)
    cursor = connection.cursor()
    source_table.make_large_table(cursor, LargeTable(schema, 100))
    cursor.execute("DELETE FROM sales WHERE id > 90")
    source_table.make_large_table(cursor, LargeTable(schema, 100))
    assert _rows(cursor) == 90
    source_table.forget_large_table(cursor, LargeTable(schema, 100))
    source_table.make_large_table(cursor, LargeTable(schema, 100))
    assert _rows(cursor) == 100
    source_table.make_large_table(cursor, LargeTable(schema, 50))
    assert _rows(cursor) == 50
    connection.close()


@pytest.mark.mysql
def test_a_change_stays_within_its_dates(mysql_server: MySqlServer, fresh_schema: FreshSchema) -> None:
    table = LargeTable(fresh_schema(), 28_010)
    connection = mysql_server.connect(table.schema)
    cursor = connection.cursor()
    source_table.make_large_table(cursor, table)
    cursor.execute("CREATE TABLE old SELECT * FROM sales")
    days = [date(2018, 1, 2), date(2020, 5, 5)]
    changed = source_table.change_dates(cursor, table, days)
    cursor.execute("SELECT DISTINCT s.order_date FROM sales s JOIN old USING (id) WHERE s.quantity <> old.quantity")
    assert sorted(day for (day,) in cursor.fetchall()) == days
    assert 0 < changed < source_table.rows_of_dates(cursor, table, days)
    connection.close()


@pytest.mark.mysql
def test_small_tables_have_the_rows_asked_for(mysql_server: MySqlServer, fresh_schema: FreshSchema) -> None:
    schema = fresh_schema()
    connection = mysql_server.connect(schema)
    cursor = connection.cursor()
    assert source_table.make_small_tables(cursor, schema, tables=2, rows=7) == ["small_000", "small_001"]
    cursor.execute("SELECT COUNT(*) FROM small_001")
    assert cursor.fetchone() == (7,)
    connection.close()


def _rows(cursor: object) -> int:
    cursor.execute("SELECT COUNT(*) FROM sales")  # type: ignore[attr-defined]
    return int(cursor.fetchone()[0])  # type: ignore[attr-defined]
