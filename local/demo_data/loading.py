"""Writes the demo data into a MySQL or MariaDB schema."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import MySQLdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

from local.demo_data import dimensions
from local.demo_data.build import DEFAULT_ROWS, DEFAULT_SEED, DemoData, build
from local.demo_data.defects import PlantedDefects
from local.demo_data.randomness import Integers
from local.demo_data.schema import TABLES
from local.demo_data.transactions import CURRENCIES, Transactions
from local.errors import DemoDataError

_ROWS_PER_FILE = 500_000


def generate(
    connection: MySQLdb.connections.Connection,
    rows: int = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    *,
    last_date: date,
) -> PlantedDefects:
    """Build the demo data, load it into the connection's schema, and tell what was planted.

    Raises:
        DemoDataError: as `build` and `load` do.
    """
    data = build(rows, seed, last_date=last_date)
    load(connection, data)
    return data.defects


def is_filled(connection: MySQLdb.connections.Connection) -> bool:
    """Tell whether `load` was completed in the connection's schema: the sales come last, in one transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = 'transactions'"
        )
        if cursor.fetchone() == (0,):
            return False
        cursor.execute("SELECT EXISTS (SELECT 1 FROM transactions)")
        return bool(cursor.fetchone() == (1,))


def load(connection: MySQLdb.connections.Connection, data: DemoData) -> None:
    """Create the five tables in the connection's schema and fill them; what an interrupted load left is replaced.

    Raises:
        DemoDataError: no schema is chosen, it already holds sales, the account may not write there, or the server
            refuses `LOAD DATA LOCAL INFILE`.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE()")
            (schema,) = cursor.fetchone()
            if schema is None:
                raise DemoDataError("the connection has no schema chosen: connect with a database")
            if is_filled(connection):
                raise DemoDataError(f"schema {schema} already holds sales: drop it first, nothing was changed")
            for table, definition in reversed(TABLES.items()):
                cursor.execute(f"DROP TABLE IF EXISTS `{table}`")
                cursor.execute(definition)
            _load_dimensions(cursor, data.dimensions)
            with _transaction(connection):
                load_transactions(connection, data.transactions)
    except MySQLdb.Error as error:
        raise DemoDataError(f"the demo data could not be loaded: {error}{_cure(error)}") from error


def load_transactions(connection: MySQLdb.connections.Connection, sales: Transactions) -> None:
    """Append sales to `transactions`, within the connection's transaction if there is one."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-demo-data-") as folder, connection.cursor() as cursor:
        file = Path(folder) / "transactions.csv"
        for start in range(0, len(sales), _ROWS_PER_FILE):
            table = as_arrow(sales.take(slice(start, start + _ROWS_PER_FILE)))
            csv.write_csv(table, file, csv.WriteOptions(include_header=False, quoting_style="needed"))
            cursor.execute(
                "LOAD DATA LOCAL INFILE %s INTO TABLE transactions CHARACTER SET utf8mb4 "
                "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n' "
                f"({', '.join(table.column_names)})",
                [str(file)],
            )


def as_arrow(sales: Transactions) -> pa.Table:
    """Give sales as the source's columns: codes as text, dates, amounts as decimal(14,2)."""
    return pa.table(
        {
            "product_code": _looked_up(sales.product, dimensions.product_codes()),
            "customer_code": _looked_up(sales.customer, dimensions.customer_codes()),
            "market_code": _looked_up(sales.market, dimensions.market_codes()),
            "order_date": pa.array(sales.day.astype(np.int32)).cast(pa.date32()),
            "sales_qty": pa.array(sales.quantity.astype(np.int32)),
            "sales_amount": _decimals(sales.amount),
            "currency": _looked_up(sales.currency, CURRENCIES),
        }
    )


def _looked_up(indices: Integers, values: tuple[str, ...]) -> pa.Array:
    return pa.array(values).take(pa.array(indices))


def _decimals(hundredths: Integers) -> pa.Array:
    # A decimal128 is a 128-bit integer with the point moved: the low word, then the sign spread over the high word.
    words = np.column_stack((hundredths, hundredths >> 63))
    return pa.Array.from_buffers(pa.decimal128(14, 2), len(hundredths), [None, pa.py_buffer(words.tobytes())])


def _load_dimensions(cursor: Any, tables: dimensions.Dimensions) -> None:
    for table, rows in (
        ("customer", tables.customers),
        ("product", tables.products),
        ("market", tables.markets),
        ("date", tables.dates),
    ):
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO `{table}` VALUES ({places})", rows)


@contextmanager
def _transaction(connection: MySQLdb.connections.Connection) -> Generator[None]:
    connection.query("START TRANSACTION")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _cure(error: MySQLdb.Error) -> str:
    refused_local_infile = {1148, 2068, 3948, 4166}
    if error.args and error.args[0] in refused_local_infile:
        return " (let the server accept it: SET GLOBAL local_infile = 1)"
    return ""
