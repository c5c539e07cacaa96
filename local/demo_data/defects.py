"""What is wrong with the demo data, in numbers: the yardstick for everything downstream."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal


@dataclass(frozen=True)
class DimensionDefects:
    """Rows of the dimension tables that carry each defect."""

    customers_with_trailing_blanks: int
    customers_with_misspelt_name: int
    customers_with_misspelt_type: int
    customers_with_malformed_code: int
    products_with_trailing_blanks: int
    products_with_misspelt_name: int
    products_without_category: int
    markets_with_blank_zone: int
    markets_with_nan_zone: int
    market_names_with_two_codes: int


@dataclass(frozen=True)
class TransactionDefects:
    """Rows (unless said otherwise) of the fact table that carry each defect.

    Twins, zero amounts, negative amounts and dollars never fall on the same row; everything else may.
    """

    rows: int
    currencies_with_carriage_return: int
    """`INR\\r` and `USD\\r`."""
    twin_rows: int
    """Rows equal to another one in all but the carriage return; each has exactly one twin without it."""
    zero_amounts: int
    negative_amounts: int
    """Amounts of -1."""
    dollars: int
    """`USD` and `USD\\r` together."""
    unknown_product_rows: int
    """Rows with a product code that the product table lacks."""
    unknown_product_codes: int
    """How many different codes those are."""
    unknown_product_revenue_inr: Decimal
    """What those rows add up to, twins included, a dollar at 75 rupees."""
    revenue_inr: Decimal
    """What all rows add up to, twins included, a dollar at 75 rupees."""
    rows_of_products_without_category: int
    """Rows whose product exists, but breaks a rule of its contract."""
    repeated_keys: int
    """Rows beyond the first of their product, customer, market and date, twins not counted: no natural key."""
    days: int
    """Calendar days from the first sale to the last."""
    missing_days: int
    """Days among them without a sale."""
    weekend_days: int
    """Saturdays and Sundays with sales."""


@dataclass(frozen=True)
class PlantedDefects:
    """Everything that was planted."""

    dimensions: DimensionDefects
    transactions: TransactionDefects

    def as_dict(self) -> dict[str, int | str]:
        """Give all numbers by name, amounts as exact decimal text, ready for JSON."""
        flat = asdict(self.dimensions) | asdict(self.transactions)
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in flat.items()}
