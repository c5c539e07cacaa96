"""An independent calculation: plain SQL over the source, against the One Big Table.

It knows the business (which sales count, what a dollar is worth) and nothing of the platform: neither contracts nor
Spark have a part in it, so an error in them cannot hide in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

Group = tuple[str, str, str]
"""Month (its first day, ISO), market, product category."""

SOURCE_SQL = r"""
WITH cleaned AS (
  SELECT DISTINCT
    TRIM(product_code) COLLATE utf8mb4_bin AS product_code,
    TRIM(customer_code) COLLATE utf8mb4_bin AS customer_code,
    TRIM(market_code) COLLATE utf8mb4_bin AS market_code,
    order_date, sales_qty, sales_amount,
    UPPER(TRIM(REPLACE(REPLACE(currency, '\r', ''), '\n', ''))) COLLATE utf8mb4_bin AS currency
  FROM transactions
  WHERE order_date <= %(business_date)s
), accepted AS (
  SELECT *, IF(currency = 'USD', sales_amount * 75, sales_amount) AS revenue
  FROM cleaned
  WHERE sales_amount > 0 AND sales_qty >= 1 AND currency IN ('INR', 'USD')
    AND product_code <> '' AND customer_code <> '' AND market_code <> ''
), monthly AS (
  -- Added up before it is joined: MariaDB holds every row against every product.
  SELECT
    DATE_FORMAT(order_date, '%%Y-%%m-01') AS month, product_code, market_code,
    COUNT(*) AS number_of_sales, SUM(sales_qty) AS pieces, SUM(revenue) AS revenue
  FROM accepted
  GROUP BY 1, 2, 3
), known_product AS (
  SELECT TRIM(product_code) COLLATE utf8mb4_bin AS product_code, TRIM(category) AS category
  FROM product
  WHERE TRIM(product_code) REGEXP '^Prod[0-9]{3,}$'
    AND TRIM(division) <> '' AND TRIM(category) <> '' AND TRIM(product_name) <> ''
), known_market AS (
  SELECT TRIM(market_code) COLLATE utf8mb4_bin AS market_code, TRIM(market_name) AS market_name
  FROM market
  WHERE TRIM(market_code) REGEXP '^Mark[0-9]{3,}$' AND TRIM(market_name) <> ''
)
SELECT
  month, COALESCE(market_name, 'Unknown'), COALESCE(category, 'Unknown'),
  SUM(number_of_sales), SUM(pieces), SUM(revenue)
FROM monthly
LEFT JOIN known_product USING (product_code)
LEFT JOIN known_market USING (market_code)
GROUP BY 1, 2, 3
"""

GOLD_SQL = """
SELECT strftime(month, '%Y-%m-%d'), market_name, category, count(*), sum(sales_qty), sum(revenue_inr)
FROM sales_obt
GROUP BY ALL
"""


@dataclass(frozen=True)
class Figures:
    """Rows, pieces and rupees of one group of sales."""

    rows: int
    quantity: int
    revenue: Decimal

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.rows + other.rows, self.quantity + other.quantity, self.revenue + other.revenue)


NOTHING = Figures(0, 0, Decimal(0))


@dataclass(frozen=True)
class Comparison:
    """The source's figures beside those of the One Big Table, by month, market and category."""

    source: dict[Group, Figures]
    gold: dict[Group, Figures]

    @property
    def differences(self) -> list[str]:
        """One line for each group whose figures differ; empty when all agree."""
        return [
            f"{' / '.join(group)}: source {self.source.get(group)}, gold {self.gold.get(group)}"
            for group in sorted(self.source.keys() | self.gold.keys())
            if self.source.get(group) != self.gold.get(group)
        ]

    @property
    def total(self) -> Figures:
        """The One Big Table's own totals."""
        return sum(self.gold.values(), NOTHING)


def compare(connection: Any, lake: Path, business_date: date) -> Comparison:
    """Calculates both sides.

    Args:
        connection: MySQLdb connection to the source schema.
        lake: root of the lake.
        business_date: sales up to and including this date count.
    """
    with connection.cursor() as cursor:
        cursor.execute(SOURCE_SQL, {"business_date": business_date})
        source = _figures(cursor.fetchall())
    connection.rollback()
    return Comparison(source, _figures(query_gold(lake, GOLD_SQL)))


def query_gold(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    """Runs DuckDB SQL over the One Big Table, which is named `sales_obt` in it."""
    return query_delta({"sales_obt": lake / "gold" / "sales_obt"}, sql)


def query_delta(tables: dict[str, Path], sql: str) -> list[tuple[Any, ...]]:
    """Runs DuckDB SQL over Delta tables, each under its name."""
    import duckdb
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        for name, path in tables.items():
            # Not by `to_pyarrow_dataset`, which knows no deletion vectors.
            query = QueryBuilder().register("stored", DeltaTable(path))
            session.register(name, pa.table(query.execute("SELECT * FROM stored").read_all()))
        return list(session.execute(sql).fetchall())


def _figures(rows: Any) -> dict[Group, Figures]:
    return {(row[0], row[1], row[2]): Figures(int(row[3]), int(row[4]), Decimal(row[5])) for row in rows}
