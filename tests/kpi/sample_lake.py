"""A lake whose gold table is made of the demo's source rows by plain SQL, without Spark; and those rows themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from lakehouse.ledger import LedgerRow, write_row

from local.demo_data.build import DemoData, build
from local.demo_data.loading import as_arrow

if TYPE_CHECKING:
    import duckdb

LAST_DATE = dt.date(2026, 6, 30)

# Which sales count and what a dollar is worth, as the business says it; nothing of it comes from a contract.
_GOLD = r"""
CREATE TABLE gold AS
WITH accepted AS (
  SELECT DISTINCT trim(product_code) AS product_code, trim(customer_code) AS customer_code,
    trim(market_code) AS market_code, order_date, sales_qty, sales_amount,
    upper(trim(replace(currency, chr(13), ''))) AS currency
  FROM transactions
  WHERE sales_amount > 0 AND sales_qty >= 1 AND upper(trim(replace(currency, chr(13), ''))) IN ('INR', 'USD')
), known_product AS (
  SELECT * FROM product WHERE trim(coalesce(category, '')) <> ''
)
SELECT order_date,
  product_code,
  coalesce(trim(p.division), 'Unknown') AS division, coalesce(trim(p.segment), 'Unknown') AS segment,
  coalesce(trim(p.category), 'Unknown') AS category, coalesce(trim(p.product_name), 'Unknown') AS product_name,
  coalesce(trim(c.customer_name), 'Unknown') AS customer_name,
  coalesce(trim(c.customer_type), 'Unknown') AS customer_type,
  coalesce(trim(m.market_name), 'Unknown') AS market_name,
  CASE WHEN m.market_code IS NULL THEN 'Unknown' ELSE nullif(nullif(trim(m.zone), ''), 'nan') END AS zone,
  CAST(sales_qty AS BIGINT) AS sales_qty,
  CAST(sales_amount * IF(currency = 'USD', 75, 1) AS DECIMAL(18, 2)) AS revenue_inr
FROM accepted
LEFT JOIN known_product p USING (product_code)
LEFT JOIN customer c USING (customer_code)
LEFT JOIN market m USING (market_code)
"""


def source_tables(
    data: DemoData, change: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None
) -> duckdb.DuckDBPyConnection:
    """The source's rows as they are in MySQL, in DuckDB, to ask them independently of the platform.

    Args:
        data: the rows.
        change: what is changed of them before gold is made.
    """
    import duckdb

    session = duckdb.connect()
    rows = {
        "transactions": as_arrow(data.transactions),
        "customer": _table(data.dimensions.customers),
        "product": _table(data.dimensions.products),
        "market": _table(data.dimensions.markets),
    }
    for name, table in rows.items():
        session.register("given", table)
        session.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    change(session)
    session.execute(_GOLD)
    return session


def demo_rows(rows: int = 20_000) -> DemoData:
    """The demo's source, smaller."""
    return build(rows, last_date=LAST_DATE)


def write_gold(session: duckdb.DuckDBPyConnection, lake: Path, where: str = "true") -> None:
    """Writes the gold table, or some of its rows."""
    from deltalake import write_deltalake

    # The session may be in the middle of an answer.
    with session.cursor() as cursor:
        table = cursor.sql(f"SELECT * FROM gold WHERE {where} ORDER BY order_date").to_arrow_table()
    write_deltalake(lake / "gold" / "sales_obt", table, mode="overwrite")


def write_reconciliation(
    lake: Path,
    *,
    business_date: dt.date = LAST_DATE,
    problem: str | None = None,
    table: str = "sales_obt",
    run_id: str = "manual-1",
    ended_at: str | None = None,
) -> None:
    """Writes what the run's reconciliation found into the ledger; without `ended_at` it ended before gold was made."""
    row = LedgerRow(
        schema="atliqsale",
        table=table,
        stage="reconcile",
        business_date=business_date.isoformat(),
        run_id=run_id,
        status="failed" if problem else "success",
        outcome="differs" if problem else "reconciled",
        rows_read=1,
        rows_written=0,
        bytes_written=0,
        seconds=1.0,
        started_at=f"{business_date}T02:00:00+00:00",
        ended_at=ended_at or f"{business_date}T02:00:01+00:00",
        error=problem,
    )
    write_row(lake, row)


def write_quarantine(
    lake: Path,
    entries: Sequence[tuple[str | None, str, list[str]]],
    columns: Sequence[str] = ("sales_amount",),
    raw_row: str = "{}",
) -> None:
    """Writes a fact's quarantine, as far as the page reads it: date, state and messages of each entry."""
    from deltalake import write_deltalake

    rows = [
        {
            "business_date": dt.date.fromisoformat(day) if day else None,
            "state": state,
            "raw_row": raw_row,
            "_errors": [{"message": one, "columns": list(columns)} for one in messages],
        }
        for day, state, messages in entries
    ]
    write_deltalake(lake / "silver" / "transactions_quarantine", pa.Table.from_pylist(rows))


def _table(rows: Any) -> pa.Table:
    return pa.Table.from_pylist([row._asdict() for row in rows])
