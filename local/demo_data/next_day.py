"""What the users of the source system do on the following day, each edit with a record of what it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import MySQLdb

from local.demo_data import dimensions
from local.demo_data.build import DEFAULT_SEED
from local.demo_data.loading import load_transactions
from local.demo_data.transactions import INR, build_day
from local.errors import DemoDataError

DEFAULT_ROWS = 140
_FEWEST_ROWS = 20
_SALE = "product_code, customer_code, market_code, order_date, sales_qty, sales_amount, currency"


@dataclass(frozen=True)
class Sale:
    """One row of `transactions`, as stored."""

    product_code: str
    customer_code: str
    market_code: str
    order_date: date
    sales_qty: int
    sales_amount: Decimal
    currency: str


@dataclass(frozen=True)
class InsertedTransactions:
    """The sales of a new day; one is a twin, one has an amount of 0, one is in dollars."""

    order_date: date
    rows: int
    sales_qty: int
    sales_amount: Decimal
    zero_amounts: int
    twin_rows: int


@dataclass(frozen=True)
class RenamedCustomer:
    """A customer with another name."""

    customer_code: str
    old_name: str
    new_name: str


@dataclass(frozen=True)
class MovedMarket:
    """A market in another zone."""

    market_code: str
    old_zone: str
    new_zone: str


@dataclass(frozen=True)
class AddedProduct:
    """A product that the product table lacked, though it was sold."""

    product_code: str
    product_name: str
    category: str
    sold_before: int
    """Rows that sold it before it was added."""


@dataclass(frozen=True)
class CorrectedAmount:
    """A sale of an earlier date that was booked at 0; `sale` is the row before its correction."""

    sale: Sale
    new_amount: Decimal


@dataclass(frozen=True)
class DeletedTransaction:
    """A sale of an earlier date that is gone; it had no twin."""

    sale: Sale


@dataclass(frozen=True)
class NextDay:
    """Everything that happened on a day."""

    inserted: InsertedTransactions
    renamed: RenamedCustomer
    moved: MovedMarket
    added: AddedProduct
    corrected: CorrectedAmount
    deleted: DeletedTransaction


def live_next_day(
    connection: MySQLdb.connections.Connection,
    day: date,
    rows: int = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    before_commit: Callable[[NextDay], None] | None = None,
) -> NextDay:
    """Make all edits of `day` in one transaction: all of them happen, or none.

    `before_commit` is given the record while nothing is done yet, so that a kill can lose no record of what was done.

    Raises:
        DemoDataError: the day already has sales, there is nothing before it to edit, or an edit fails.
    """
    if has_sales(connection, day):
        raise DemoDataError(f"{day} already has sales: its edits were made before")
    try:
        connection.query("START TRANSACTION")
        lived = NextDay(
            inserted=insert_transactions(connection, day, rows, seed),
            renamed=rename_customer(connection),
            moved=move_market(connection),
            added=add_product(connection, day),
            corrected=correct_amount(connection, day),
            deleted=delete_transaction(connection, day),
        )
        if before_commit is not None:
            before_commit(lived)
        connection.commit()
    except MySQLdb.Error as error:
        connection.rollback()
        raise DemoDataError(f"the edits of {day} failed, nothing was changed: {error}") from error
    except BaseException:
        connection.rollback()
        raise
    return lived


def has_sales(connection: MySQLdb.connections.Connection, day: date) -> bool:
    """Tell whether any sale is dated `day`."""
    return _row(connection, "SELECT 1 FROM transactions WHERE order_date = %s LIMIT 1", day) is not None


def insert_transactions(
    connection: MySQLdb.connections.Connection, day: date, rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED
) -> InsertedTransactions:
    """Book the sales of `day`."""
    if rows < _FEWEST_ROWS:
        raise DemoDataError(f"{rows} sales for {day}: a day needs at least {_FEWEST_ROWS} to hold each defect")
    sales = build_day(rows, seed, day)
    load_transactions(connection, sales)
    return InsertedTransactions(
        order_date=day,
        rows=len(sales),
        sales_qty=int(sales.quantity.sum()),
        sales_amount=Decimal(int(sales.amount.sum())).scaleb(-2),
        zero_amounts=int((sales.amount == 0).sum()),
        twin_rows=int((sales.currency == INR).sum()),
    )


def rename_customer(connection: MySQLdb.connections.Connection, customer_code: str = "Cus005") -> RenamedCustomer:
    """Give a customer a new name: the old one with `Group` behind it, or without, if it has that."""
    (old,) = _existing(
        connection, "SELECT customer_name FROM customer WHERE customer_code = %s", customer_code, "customer"
    )
    suffix = " Group"
    new = old.removesuffix(suffix) if old.endswith(suffix) else old + suffix
    _change(connection, "UPDATE customer SET customer_name = %s WHERE customer_code = %s", new, customer_code)
    return RenamedCustomer(customer_code, old, new)


def move_market(connection: MySQLdb.connections.Connection, market_code: str = "Mark004") -> MovedMarket:
    """Move a market to the zone after its own."""
    (old,) = _existing(connection, "SELECT zone FROM market WHERE market_code = %s", market_code, "market")
    zones = dimensions.ZONES
    new = zones[(zones.index(old) + 1) % len(zones)] if old in zones else zones[0]
    _change(connection, "UPDATE market SET zone = %s WHERE market_code = %s", new, market_code)
    return MovedMarket(market_code, old, new)


def add_product(connection: MySQLdb.connections.Connection, day: date) -> AddedProduct:
    """Add the product that sold most often before `day` without being in the product table."""
    sold = _row(
        connection,
        # Counted before it is compared: five million rows are read once, not looked up one by one.
        "SELECT product_code, sold FROM (SELECT product_code, COUNT(*) AS sold FROM transactions "
        "WHERE order_date < %s GROUP BY product_code) AS t WHERE product_code NOT IN "
        "(SELECT product_code FROM product) ORDER BY sold DESC, product_code LIMIT 1",
        day,
    )
    if sold is None:
        raise DemoDataError(f"no product was sold before {day} that the product table lacks")
    code, rows = sold
    product = dimensions.product(dimensions.product_codes().index(code))
    _change(connection, "INSERT INTO product VALUES (%s, %s, %s, %s, %s, %s)", *product)
    return AddedProduct(code, product.product_name, str(product.category), rows)


def correct_amount(connection: MySQLdb.connections.Connection, day: date) -> CorrectedAmount:
    """Give the latest sale before `day` that was booked at 0 its amount."""
    found = _row(
        connection,
        "SELECT order_date FROM transactions WHERE order_date < %s AND sales_amount = 0 "
        "ORDER BY order_date DESC LIMIT 1",
        day,
    )
    if found is None:
        raise DemoDataError(f"no sale before {day} is booked at 0")
    sale = _sale(connection, "order_date = %s AND sales_amount = 0", found[0])
    new_amount = Decimal("100.00") * sale.sales_qty
    _change(connection, f"UPDATE transactions SET sales_amount = %s WHERE {_SAME_SALE}", new_amount, *_values(sale))
    return CorrectedAmount(sale, new_amount)


def delete_transaction(connection: MySQLdb.connections.Connection, day: date) -> DeletedTransaction:
    """Delete a good sale of the third last date before `day`, one that has no twin."""
    found = _row(
        connection,
        "SELECT DISTINCT order_date FROM transactions WHERE order_date < %s ORDER BY order_date DESC LIMIT 1 OFFSET 2",
        day,
    )
    if found is None:
        raise DemoDataError(f"there are not three dates with sales before {day}")
    sale = _sale(
        connection,
        "order_date = %s AND sales_amount > 0 AND currency = 'INR\\r' AND NOT EXISTS (SELECT 1 FROM transactions AS o "
        "WHERE o.order_date = t.order_date AND o.product_code = t.product_code AND o.customer_code = t.customer_code "
        "AND o.market_code = t.market_code AND o.sales_qty = t.sales_qty AND o.sales_amount = t.sales_amount "
        "AND o.currency = 'INR')",
        found[0],
    )
    _change(connection, f"DELETE FROM transactions WHERE {_SAME_SALE}", *_values(sale))
    return DeletedTransaction(sale)


_SAME_SALE = " AND ".join(f"{column} = %s" for column in _SALE.split(", "))


def _sale(connection: MySQLdb.connections.Connection, condition: str, day: date) -> Sale:
    found = _row(connection, f"SELECT {_SALE} FROM transactions AS t WHERE {condition} ORDER BY {_SALE} LIMIT 1", day)
    if found is None:
        raise DemoDataError(f"no sale of {day} is left to edit")
    return Sale(*found)


def _values(sale: Sale) -> tuple[Any, ...]:
    return tuple(asdict(sale).values())


def _existing(connection: MySQLdb.connections.Connection, query: str, key: str, table: str) -> Any:
    found = _row(connection, query, key)
    if found is None:
        raise DemoDataError(f"table {table} has no row with the code {key}")
    return found


def _row(connection: MySQLdb.connections.Connection, query: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def _change(connection: MySQLdb.connections.Connection, statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        changed = cursor.execute(statement, values)
    if changed != 1:
        raise DemoDataError(f"an edit changed {changed} rows instead of 1: {statement}")
