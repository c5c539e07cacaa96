"""What the report says was planted is what SQL finds in the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import MySQLdb
import pytest

from local.demo_data import PlantedDefects, build, dimensions, generate, is_filled, load
from local.errors import DemoDataError
from local.mysql_server import MySqlServer

pytestmark = pytest.mark.mysql

REPOSITORY = Path(__file__).parents[3]
LAST_DATE = date(2026, 11, 20)
ROWS = 150_000


@pytest.fixture(scope="module")
def filled(mysql_server: MySqlServer) -> Iterator[tuple[MySQLdb.connections.Connection, PlantedDefects]]:
    """A schema with the demo data of the default size, and the report."""
    mysql_server.create_schema("demo_data")
    with mysql_server.connect("demo_data") as connection:
        yield connection, generate(connection, ROWS, seed=11, last_date=LAST_DATE)
        connection.query("DROP DATABASE demo_data")


_UNKNOWN = "NOT EXISTS (SELECT 1 FROM product AS p WHERE p.product_code = t.product_code)"
_INR = "sales_amount * IF(currency LIKE 'USD%%', 75, 1)"
TRANSACTION_COUNTS = {
    "rows": "SELECT COUNT(*) FROM transactions",
    "currencies_with_carriage_return": "SELECT COUNT(*) FROM transactions WHERE RIGHT(currency, 1) = '\\r'",
    "twin_rows": (
        "SELECT COUNT(*) - COUNT(DISTINCT product_code, customer_code, market_code, order_date, sales_qty, "
        "sales_amount, REPLACE(currency, '\\r', '')) FROM transactions"
    ),
    "zero_amounts": "SELECT COUNT(*) FROM transactions WHERE sales_amount = 0",
    "negative_amounts": "SELECT COUNT(*) FROM transactions WHERE sales_amount = -1",
    "dollars": "SELECT COUNT(*) FROM transactions WHERE currency IN ('USD', 'USD\\r')",
    "unknown_product_rows": f"SELECT COUNT(*) FROM transactions AS t WHERE {_UNKNOWN}",
    "unknown_product_codes": f"SELECT COUNT(DISTINCT product_code) FROM transactions AS t WHERE {_UNKNOWN}",
    "unknown_product_revenue_inr": f"SELECT SUM({_INR}) FROM transactions AS t WHERE {_UNKNOWN}",
    "revenue_inr": f"SELECT SUM({_INR}) FROM transactions",
    "rows_of_products_without_category": (
        "SELECT COUNT(*) FROM transactions JOIN product USING (product_code) WHERE NULLIF(TRIM(category), '') IS NULL"
    ),
    "repeated_keys": (
        "SELECT SUM(n - 1) FROM (SELECT COUNT(DISTINCT sales_qty, sales_amount, REPLACE(currency, '\\r', '')) AS n "
        "FROM transactions GROUP BY product_code, customer_code, market_code, order_date) AS k"
    ),
    "days": "SELECT DATEDIFF(MAX(order_date), MIN(order_date)) + 1 FROM transactions",
    "missing_days": (
        "SELECT COUNT(*) FROM `date` WHERE `date` BETWEEN (SELECT MIN(order_date) FROM transactions) AND "
        "(SELECT MAX(order_date) FROM transactions) AND `date` NOT IN (SELECT order_date FROM transactions)"
    ),
    "weekend_days": "SELECT COUNT(DISTINCT order_date) FROM transactions WHERE WEEKDAY(order_date) >= 5",
}
DIMENSION_COUNTS = {
    "customers_with_trailing_blanks": "SELECT COUNT(*) FROM customer WHERE RIGHT(customer_name, 1) = ' '",
    "customers_with_misspelt_type": (
        "SELECT COUNT(*) FROM customer WHERE customer_type NOT IN ('Brick & Mortar', 'E-Commerce')"
    ),
    "customers_with_malformed_code": "SELECT COUNT(*) FROM customer WHERE customer_code NOT REGEXP '^Cus[0-9]{3,}$'",
    "products_with_trailing_blanks": "SELECT COUNT(*) FROM product WHERE RIGHT(product_name, 1) = ' '",
    "products_without_category": "SELECT COUNT(*) FROM product WHERE NULLIF(TRIM(category), '') IS NULL",
    "markets_with_blank_zone": "SELECT COUNT(*) FROM market WHERE TRIM(zone) = ''",
    "markets_with_nan_zone": "SELECT COUNT(*) FROM market WHERE zone = 'nan'",
    "market_names_with_two_codes": (
        "SELECT COUNT(*) FROM (SELECT market_name FROM market GROUP BY market_name HAVING COUNT(*) = 2) AS m"
    ),
}


def _value(connection: MySQLdb.connections.Connection, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query.replace("%%", "%"))
        return cursor.fetchone()[0]


@pytest.mark.parametrize("defect", TRANSACTION_COUNTS)
def test_transactions_hold_each_defect_as_often_as_reported(
    filled: tuple[MySQLdb.connections.Connection, PlantedDefects], defect: str
) -> None:
    connection, planted = filled
    assert _value(connection, TRANSACTION_COUNTS[defect]) == getattr(planted.transactions, defect)


@pytest.mark.parametrize("defect", DIMENSION_COUNTS)
def test_dimensions_hold_each_defect_as_often_as_reported(
    filled: tuple[MySQLdb.connections.Connection, PlantedDefects], defect: str
) -> None:
    connection, planted = filled
    assert _value(connection, DIMENSION_COUNTS[defect]) == getattr(planted.dimensions, defect) > 0


def test_every_reported_number_is_checked() -> None:
    checked_without_sql = {"customers_with_misspelt_name", "products_with_misspelt_name"}
    reported = build(2_000, last_date=LAST_DATE).defects.as_dict()
    assert TRANSACTION_COUNTS.keys() | DIMENSION_COUNTS.keys() | checked_without_sql == reported.keys()


def test_each_twin_has_exactly_one_original(
    filled: tuple[MySQLdb.connections.Connection, PlantedDefects],
) -> None:
    connection, planted = filled
    pairs = (
        "SELECT COUNT(*) FROM transactions AS a JOIN transactions AS b USING (order_date, product_code, customer_code, "
        "market_code, sales_qty, sales_amount) WHERE a.currency = 'INR' AND b.currency = 'INR\\r'"
    )
    assert _value(connection, pairs) == planted.transactions.twin_rows


def test_sales_of_other_codes_than_products_are_all_known(
    filled: tuple[MySQLdb.connections.Connection, PlantedDefects],
) -> None:
    connection, _ = filled
    for table in ("customer", "market"):
        code = f"{table}_code"
        orphans = f"SELECT COUNT(*) FROM transactions WHERE {code} NOT IN (SELECT {code} FROM {table})"
        assert _value(connection, orphans) == 0
    assert (
        _value(connection, "SELECT COUNT(*) FROM transactions WHERE order_date NOT IN (SELECT `date` FROM `date`)") == 0
    )


def test_rows_arrive_as_they_were_built(mysql_server: MySqlServer, fresh_schema: Callable[[], str]) -> None:
    data = build(2_000, 5, last_date=LAST_DATE)
    with mysql_server.connect(fresh_schema()) as connection:
        load(connection, data)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT SUM(sales_qty), SUM(sales_amount), MIN(order_date), MAX(order_date) FROM transactions"
            )
            assert cursor.fetchone() == (
                Decimal(int(data.transactions.quantity.sum())),
                Decimal(int(data.transactions.amount.sum())).scaleb(-2),
                date.fromordinal(date(1970, 1, 1).toordinal() + int(data.transactions.day[0])),
                LAST_DATE,
            )
            cursor.execute("SELECT * FROM customer WHERE customer_code = 'Cus004'")
            assert cursor.fetchone() == ("Cus004", "Bluefern Online  ", "E-Commerce")
            cursor.execute("SELECT COUNT(*) FROM product WHERE category IS NULL")
            assert cursor.fetchone() == (1,)
            cursor.execute("SELECT COUNT(*) FROM product")
            assert cursor.fetchone() == (dimensions.KNOWN_PRODUCTS,)


def test_a_filled_schema_is_never_overwritten(mysql_server: MySqlServer, fresh_schema: Callable[[], str]) -> None:
    with mysql_server.connect(fresh_schema()) as connection:
        assert not is_filled(connection)
        generate(connection, 2_000, last_date=LAST_DATE)
        assert is_filled(connection)
        with pytest.raises(DemoDataError, match="already holds sales: drop it first"):
            generate(connection, 3_000, last_date=LAST_DATE)
        assert _value(connection, "SELECT COUNT(*) FROM transactions") == 2_000


def test_what_an_interrupted_load_left_is_replaced(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = build(2_000, last_date=LAST_DATE)
    with mysql_server.connect(fresh_schema()) as connection:
        with monkeypatch.context() as patch:
            patch.setattr("local.demo_data.loading._ROWS_PER_FILE", 500)
            patch.setattr("local.demo_data.loading.as_arrow", _fails_on_its_third_call())
            with pytest.raises(KeyboardInterrupt):
                load(connection, data)
        assert not is_filled(connection)
        load(connection, data)
        assert _value(connection, "SELECT COUNT(*) FROM transactions") == 2_000


def _fails_on_its_third_call() -> Callable[[Any], Any]:
    from local.demo_data.loading import as_arrow

    calls: list[int] = []

    def wrapped(sales: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return as_arrow(sales)

    return wrapped


def test_a_server_that_refuses_local_files_is_named_with_its_cure(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str]
) -> None:
    with mysql_server.connect(fresh_schema()) as connection:
        connection.query("SET GLOBAL local_infile = 0")
        try:
            with pytest.raises(DemoDataError, match="SET GLOBAL local_infile = 1"):
                generate(connection, 2_000, last_date=LAST_DATE)
        finally:
            connection.query("SET GLOBAL local_infile = 1")


def test_a_connection_without_a_schema_is_refused(mysql_server: MySqlServer) -> None:
    with mysql_server.connect() as connection, pytest.raises(DemoDataError, match="connect with a database"):
        generate(connection, 2_000, last_date=LAST_DATE)


def _command(server: MySqlServer, *arguments: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    secret = server.password if password is None else password
    return subprocess.run(
        [sys.executable, "-m", "local.demo_data", "--port", str(server.port), "--user", "owner", *arguments],
        env={**os.environ, "LAKEHOUSE_DEMO_MYSQL_PASSWORD": secret},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_fills_a_schema_once_and_reports(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str]
) -> None:
    arguments = ("--schema", fresh_schema(), "--rows", "2000", "--seed", "4", "--last-date", "2026-11-20", "--if-empty")
    first = _command(mysql_server, *arguments, "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == build(2_000, 4, last_date=LAST_DATE).defects.as_dict()
    second = _command(mysql_server, *arguments)
    assert (second.returncode, second.stdout) == (0, "")
    assert "already holds sales; nothing to do" in second.stderr


def test_the_command_prints_a_table(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(mysql_server.password + "\n")
    arguments = (
        "--schema",
        fresh_schema(),
        "--rows",
        "2000",
        "--last-date",
        "2026-11-20",
        "--password-file",
        str(file),
    )
    done = _command(mysql_server, *arguments, password="")
    assert done.returncode == 0, done.stderr
    assert "zero amounts" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (("--last-date", "2026-11-20"), "wrong", "Access denied for user 'owner'"),
        (("--last-date", "2026-02-30"), None, "'2026-02-30' is not a date like 2026-11-20"),
        (("--last-date", "2026-11-20", "--rows", "10"), None, "--rows 10: three years of sales need at least 2000"),
        (("--last-date", "2026-11-20", "--password-file", "/no/such"), None, "--password-file /no/such: No such file"),
    ],
)
def test_wrong_arguments_give_one_message_and_no_traceback(
    mysql_server: MySqlServer, arguments: tuple[str, ...], password: str | None, message: str
) -> None:
    done = _command(mysql_server, "--schema", "never_filled", *arguments, password=password)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    with mysql_server.connect() as connection:
        connection.query("DROP DATABASE IF EXISTS never_filled")
