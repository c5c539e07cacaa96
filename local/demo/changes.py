"""What the second day changed in silver, quarantine and gold, read back from the stored tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.demo.independent_check import query_delta, query_gold


def changes_of(lake: Path, edits: dict[str, Any]) -> list[str]:
    """One line for each edit of the next day: what the user did, and what the platform now holds.

    Args:
        lake: root of the lake.
        edits: the record of the edits, as JSON keeps it.
    """
    customer, market = edits["renamed"]["customer_code"], edits["moved"]["market_code"]
    added, corrected, deleted = edits["added"], edits["corrected"]["sale"], edits["deleted"]["sale"]
    return [
        f"{edits['inserted']['rows']} new sales of {edits['inserted']['order_date']}: "
        f"{_gold_rows(lake, 'order_date = DATE ' + _text(edits['inserted']['order_date']))} of them in gold",
        f"customer {customer} renamed: {_versions(lake, 'customer', 'customer_name', customer)}",
        f"market {market} moved: {_versions(lake, 'market', 'zone', market)}",
        f"product {added['product_code']} added after it was sold: {_categories(lake, added['product_code'])}",
        f"amount of a sale of {corrected['order_date']} corrected: {_quarantine(lake, corrected['order_date'])}",
        f"sale of {deleted['order_date']} deleted: {_gold_rows(lake, _sale(deleted))} left in gold",
    ]


def _versions(lake: Path, table: str, column: str, code: str) -> str:
    versions = query_delta(
        {table: lake / "silver" / table},
        f"SELECT {column}, valid_from, valid_to FROM {table} WHERE {table}_code = {_text(code)} ORDER BY valid_from",
    )
    return " → ".join(f"{value!r} from {start} to {end or 'now'}" for value, start, end in versions)


def _categories(lake: Path, product: str) -> str:
    counted = query_gold(
        lake, f"SELECT category, count(*) FROM sales_obt WHERE product_code = {_text(product)} GROUP BY 1 ORDER BY 1"
    )
    return ", ".join(f"{rows} gold rows in category {category}" for category, rows in counted)


def _quarantine(lake: Path, order_date: str) -> str:
    states = query_delta(
        {"quarantine": lake / "silver" / "transactions_quarantine"},
        f"SELECT state, count(*) FROM quarantine WHERE business_date = DATE {_text(order_date)} GROUP BY 1 ORDER BY 1",
    )
    return "quarantine of that date holds " + ", ".join(f"{count} {state}" for state, count in states)


def _gold_rows(lake: Path, condition: str) -> int:
    return int(query_gold(lake, f"SELECT count(*) FROM sales_obt WHERE {condition}")[0][0])


def _sale(sale: dict[str, Any]) -> str:
    codes = " AND ".join(f"{name} = {_text(sale[name])}" for name in ("product_code", "customer_code", "market_code"))
    return (
        f"{codes} AND order_date = DATE {_text(sale['order_date'])} "
        f"AND sales_qty = {sale['sales_qty']} AND sales_amount = {sale['sales_amount']}"
    )


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
