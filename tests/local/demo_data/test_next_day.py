"""Each edit of the next day changes what its record says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import MySQLdb
import pytest

from local.demo_data import generate, next_day
from local.errors import DemoDataError
from local.mysql_server import MySqlServer

pytestmark = pytest.mark.mysql

LAST_DATE = date(2026, 11, 20)
NEXT_DATE = date(2026, 11, 21)
_SALE = "product_code, customer_code, market_code, order_date, sales_qty, sales_amount, currency"


@pytest.fixture
def source(mysql_server: MySqlServer, fresh_schema: Callable[[], str]) -> Iterator[MySQLdb.connections.Connection]:
    """A filled schema of this test's own."""
    with mysql_server.connect(fresh_schema()) as connection:
        generate(connection, 5_000, seed=3, last_date=LAST_DATE)
        yield connection


def _rows(connection: MySQLdb.connections.Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _everything(connection: MySQLdb.connections.Connection) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("customer", "product", "market", "date", "transactions")
    return {table: sorted(_rows(connection, f"SELECT * FROM `{table}`"), key=repr) for table in tables}


def _difference(
    before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]
) -> dict[str, tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]]:
    """Rows gone and rows come, of the tables that changed."""
    return {
        table: (set(before[table]) - set(after[table]), set(after[table]) - set(before[table]))
        for table in before
        if before[table] != after[table]
    }


def test_inserted_transactions_are_those_of_the_record(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    done = next_day.insert_transactions(source, NEXT_DATE, rows=50)
    (gone, come) = _difference(before, _everything(source))["transactions"]
    assert not gone
    assert len(come) == done.rows == 50
    assert {row[3] for row in come} == {NEXT_DATE} == {done.order_date}
    assert sum(row[4] for row in come) == done.sales_qty
    assert sum(row[5] for row in come) == done.sales_amount
    assert [row[5] for row in come].count(Decimal(0)) == done.zero_amounts == 1
    assert [row[6] for row in come].count("INR") == done.twin_rows == 1


def test_a_customer_is_renamed(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    done = next_day.rename_customer(source, "Cus005")
    assert done == next_day.RenamedCustomer("Cus005", "Cedar Point Stores", "Cedar Point Stores Group")
    assert _difference(before, _everything(source)) == {
        "customer": (
            {("Cus005", "Cedar Point Stores", "Brick & Mortar")},
            {("Cus005", "Cedar Point Stores Group", "Brick & Mortar")},
        )
    }


def test_renaming_twice_gives_the_old_name_back(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    next_day.rename_customer(source)
    next_day.rename_customer(source)
    assert _difference(before, _everything(source)) == {}


def test_a_market_moves_to_another_zone(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    done = next_day.move_market(source, "Mark004")
    assert done == next_day.MovedMarket("Mark004", "North", "Central")
    assert _difference(before, _everything(source)) == {
        "market": ({("Mark004", "Delhi", "North")}, {("Mark004", "Delhi", "Central")})
    }


def test_the_added_product_was_sold_before(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    done = next_day.add_product(source, NEXT_DATE)
    (gone, come) = _difference(before, _everything(source))["product"]
    assert not gone
    assert [(row[0], row[4], row[3]) for row in come] == [(done.product_code, done.product_name, done.category)]
    assert done.sold_before == sum(row[0] == done.product_code for row in before["transactions"]) > 0


def test_a_bad_amount_of_an_earlier_date_is_corrected(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    done = next_day.correct_amount(source, NEXT_DATE)
    sale = done.sale
    assert sale.sales_amount == 0
    assert sale.order_date < NEXT_DATE
    old = next_day.asdict(sale)
    assert _difference(before, _everything(source)) == {
        "transactions": ({tuple(old.values())}, {tuple((old | {"sales_amount": done.new_amount}).values())})
    }


def test_one_row_of_an_earlier_date_is_deleted(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)
    sale = next_day.delete_transaction(source, NEXT_DATE).sale
    assert sale.sales_amount > 0
    assert sale.order_date < LAST_DATE
    assert _difference(before, _everything(source)) == {
        "transactions": ({tuple(next_day.asdict(sale).values())}, set())
    }
    assert _rows(source, "SELECT COUNT(*) FROM transactions") == [(4_999,)]


def test_the_whole_day_is_lived_once_and_in_order(source: MySQLdb.connections.Connection) -> None:
    lived = next_day.live_next_day(source, NEXT_DATE)
    assert next_day.has_sales(source, NEXT_DATE)
    assert _rows(source, "SELECT COUNT(*) FROM transactions") == [(5_000 + lived.inserted.rows - 1,)]
    with pytest.raises(DemoDataError, match="2026-11-21 already has sales: its edits were made before"):
        next_day.live_next_day(source, NEXT_DATE)
    third_day = next_day.live_next_day(source, date(2026, 11, 22))
    assert third_day.added.product_code != lived.added.product_code
    assert third_day.renamed.new_name == lived.renamed.old_name


def test_a_day_that_fails_half_way_changes_nothing(source: MySQLdb.connections.Connection) -> None:
    with source.cursor() as cursor:
        cursor.execute("DELETE FROM transactions WHERE sales_amount = 0")
        cursor.execute("DELETE FROM market WHERE market_code = 'Mark004'")
    before = _everything(source)
    with pytest.raises(DemoDataError, match="table market has no row with the code Mark004"):
        next_day.live_next_day(source, NEXT_DATE)
    assert _everything(source) == before


def test_the_account_of_the_pipeline_may_not_edit(mysql_server: MySqlServer, fresh_schema: Callable[[], str]) -> None:
    schema = fresh_schema()
    with mysql_server.connect(schema) as owner:
        generate(owner, 2_000, last_date=LAST_DATE)
    with (
        mysql_server.connect(schema, user="lakehouse") as reader,
        pytest.raises(DemoDataError, match=r"the edits of 2026-11-21 failed, nothing was changed.*denied"),
    ):
        next_day.live_next_day(reader, NEXT_DATE)


def test_too_few_sales_for_a_day_are_refused(source: MySQLdb.connections.Connection) -> None:
    with pytest.raises(DemoDataError, match="a day needs at least 20"):
        next_day.insert_transactions(source, NEXT_DATE, rows=3)


def test_edits_whose_record_cannot_be_kept_are_not_made(source: MySQLdb.connections.Connection) -> None:
    before = _everything(source)

    def killed(_lived: next_day.NextDay) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next_day.live_next_day(source, NEXT_DATE, before_commit=killed)
    assert _everything(source) == before
