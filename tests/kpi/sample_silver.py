"""What stands beside the sample lake's gold in silver: the dimensions' versions, and the rows that were refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

FIRST_DATE = dt.date(2023, 7, 1)
# What a contract refuses, with its words; nothing of it comes from a contract.
FAULTS = (
    ("sales_amount > 0", "A sale of nothing or less is a booking error; it waits for its correction.", "sales_amount"),
    ("sales_qty >= 1", "sales_qty is below 1", "sales_qty"),
    ("upper(trim(replace(currency, chr(13), ''))) IN ('INR', 'USD')", "another currency", "currency"),
)
GOOD_ROW = " AND ".join(good for good, _, _ in FAULTS)
_FAULTY = """
UPDATE transactions SET {} WHERE rowid IN (
  SELECT t.rowid FROM transactions t JOIN market m USING (market_code) WHERE zone = '{}' AND sales_amount > 0
  AND order_date BETWEEN '2026-04-01' AND '2026-06-30' ORDER BY product_code, t.rowid LIMIT {} OFFSET {})
"""


def plant_faults(session: duckdb.DuckDBPyConnection) -> None:
    """Spoils some sales of the newest quarter in ways that the demo's source has not: no pieces, another currency."""
    for change, zone, rows, offset in (
        ("sales_qty = 0", "North", 60, 0),
        ("sales_qty = 0", "South", 20, 0),
        ("currency = 'EUR'", "North", 15, 60),
        ("sales_qty = 0, currency = 'EUR'", "North", 5, 75),
    ):
        session.execute(_FAULTY.format(change, zone, rows, offset))


def write_dimensions(session: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Writes the dimensions as silver has them: one version of each key since the first date."""
    selects = {
        "product": "SELECT trim(product_code) AS product_code, trim(division) AS division, trim(segment) AS segment, "
        "trim(category) AS category, trim(product_name) AS product_name, trim(variant) AS variant FROM product "
        "WHERE trim(coalesce(category, '')) <> ''",
        "customer": "SELECT trim(customer_code) AS customer_code, trim(customer_name) AS customer_name, "
        "trim(customer_type) AS customer_type FROM customer WHERE customer_code NOT LIKE '%-%'",
        "market": "SELECT trim(market_code) AS market_code, trim(market_name) AS market_name, "
        "nullif(nullif(trim(zone), ''), 'nan') AS zone FROM market",
    }
    for name, select in selects.items():
        with session.cursor() as cursor:
            found = cursor.sql(select).to_arrow_table().to_pylist()
        versions = [row | {"valid_from": FIRST_DATE, "valid_to": None, "is_current": True} for row in found]
        write_versions(lake, name, versions)


def write_versions(lake: Path, dimension: str, versions: Sequence[dict[str, Any]]) -> None:
    """Writes a dimension's versions, instead of those that were there."""
    from deltalake import write_deltalake

    days = {"valid_from": pa.date32(), "valid_to": pa.date32(), "is_current": pa.bool_()}
    texts = [name for name in versions[0] if name not in days]
    schema = pa.schema([*((name, pa.string()) for name in texts), *days.items()])
    write_deltalake(lake / "silver" / dimension, pa.Table.from_pylist(list(versions), schema), mode="overwrite")


def was_before(lake: Path, dimension: str, key: str, older: Sequence[tuple[dict[str, str], dt.date]]) -> None:
    """Gives a key older versions with other values, the oldest first, each with the day on which the next began."""
    from deltalake import DeltaTable

    rows = DeltaTable(lake / "silver" / dimension).to_pyarrow_table().to_pylist()
    column = next(iter(rows[0]))
    current = next(row for row in rows if row[column] == key and row["is_current"])
    since, added = current["valid_from"], []
    for values, until in older:
        added.append(current | values | {"valid_from": since, "valid_to": until, "is_current": False})
        since = until
    current["valid_from"] = since
    write_versions(lake, dimension, [*rows, *added])


def write_refused(session: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Writes the source's refused rows into the fact's quarantine, as they were landed."""
    from deltalake import write_deltalake

    columns = ["product_code", "customer_code", "market_code", "order_date", "sales_qty", "sales_amount", "currency"]
    faults = ", ".join(f"NOT ({good})" for good, _, _ in FAULTS)
    with session.cursor() as cursor:
        rows = cursor.execute(
            f"SELECT order_date, to_json(struct_pack({', '.join(f'{name} := {name}' for name in columns)}))::VARCHAR, "
            f"{faults} FROM transactions WHERE NOT ({GOOD_ROW})"
        ).fetchall()
    entries = [
        {
            "business_date": day,
            "state": "open",
            "raw_row": raw,
            "_errors": [
                {"message": message, "columns": [column]}
                for wrong, (_, message, column) in zip(found, FAULTS, strict=True)
                if wrong
            ],
        }
        for day, raw, *found in rows
    ]
    write_deltalake(lake / "silver" / "transactions_quarantine", pa.Table.from_pylist(entries), mode="overwrite")
