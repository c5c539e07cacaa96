"""All of the demo data in memory: dimensions, sales, and the count of what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from local.demo_data.defects import PlantedDefects
from local.demo_data.dimensions import Dimensions, build_dimensions
from local.demo_data.transactions import Transactions, build_transactions, measure
from local.errors import DemoDataError

DEFAULT_ROWS = 150_000
DEFAULT_SEED = 20_170
FEWEST_ROWS = 2_000
_YEARS = 3


@dataclass(frozen=True)
class DemoData:
    """What goes into the source schema."""

    dimensions: Dimensions
    transactions: Transactions
    defects: PlantedDefects


def build(rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED, *, last_date: date) -> DemoData:
    """Build three years of sales that end on `last_date`.

    Args:
        rows: transactions, twins included; defects are planted in proportion to it.
        seed: the same seed gives the same rows, on every machine.
        last_date: day of the last sales.

    Raises:
        DemoDataError: fewer rows than three years need to have sales on nearly every day.
    """
    if rows < FEWEST_ROWS:
        raise DemoDataError(f"--rows {rows}: three years of sales need at least {FEWEST_ROWS} rows")
    if seed < 0:
        raise DemoDataError(f"--seed {seed}: a seed is 0 or more")
    first_date = first_date_of(last_date)
    dimensions = build_dimensions(first_date, last_date)
    transactions = build_transactions(rows, seed, first_date, last_date)
    measured = measure(transactions, first_date, last_date)
    return DemoData(dimensions, transactions, PlantedDefects(dimensions.defects, measured))


def first_date_of(last_date: date) -> date:
    """Give the day of the first sales: the day after `last_date`, three years earlier."""
    following = last_date + timedelta(days=1)
    # A 29th of February has no like three years earlier; the 28th comes close.
    day = min(following.day, 28) if following.month == 2 else following.day
    return following.replace(year=following.year - _YEARS, day=day)
