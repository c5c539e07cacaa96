"""The fact table of the demo source: three years of sales, or a single day of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from local.demo_data import dimensions
from local.demo_data.defects import TransactionDefects
from local.demo_data.randomness import Integers, Randomness

CURRENCIES = ("INR\r", "INR", "USD\r", "USD")
INR_RETURN, INR, USD_RETURN, USD = range(4)
RUPEES_PER_DOLLAR = 75

_PER = 150_000
_TWINS = 280
_ZEROS = 1_600
_NEGATIVES = 4
_DOLLARS_RETURN = 3
_DOLLARS = 2
_REPEATED = 2_000
_UNKNOWN_PERCENT = 36
_MISSING_DAYS = 12
_UNTOUCHED_LAST_DAYS = 14
_WEEKDAY_WEIGHTS = (100, 104, 102, 100, 108, 62, 34)
_MONTH_WEIGHTS = (92, 90, 105, 88, 90, 94, 97, 99, 108, 124, 118, 103)
_UNKNOWN_PRICE_PERCENT = 158
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Transactions:
    """Sales as columns of equal length, ordered by date.

    Products, customers, markets and currencies are indices of `dimensions.product_codes()`, `customer_codes()`,
    `market_codes()` and `CURRENCIES`; dates are days since 1970-01-01, amounts hundredths of the currency.
    """

    product: Integers
    customer: Integers
    market: Integers
    day: Integers
    quantity: Integers
    amount: Integers
    currency: Integers

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Transactions:
        """Give some of the rows."""
        return Transactions(*(column[rows] for column in self.columns))

    @property
    def columns(self) -> tuple[Integers, ...]:
        """All columns, in the order of the fields."""
        return (self.product, self.customer, self.market, self.day, self.quantity, self.amount, self.currency)


@dataclass(frozen=True)
class _Counts:
    """How many rows get which defect."""

    twins: int
    zeros: int
    negatives: int
    dollars_return: int
    dollars: int
    repeated: int
    unknown: int


def build_transactions(rows: int, seed: int, first_date: date, last_date: date) -> Transactions:
    """Build exactly `rows` sales from `first_date` to `last_date`, defects included in their share per 150,000."""
    random = Randomness(seed, "days")
    weights = _day_weights(first_date, last_date, random)
    bounds = np.cumsum(weights) * rows // int(weights.sum())
    per_day = np.diff(bounds, prepend=0)
    days = np.repeat(_days_since_epoch(first_date) + np.arange(len(weights)), per_day)
    return _sell(days, _counts(rows), Randomness(seed, "sales"))


def build_day(rows: int, seed: int, day: date) -> Transactions:
    """Build the sales of one day, with one of each: a twin, an amount of 0 and a dollar, and unknown products."""
    days = np.full(rows, _days_since_epoch(day))
    counts = _Counts(1, 1, 0, 1, 0, 2, rows * _UNKNOWN_PERCENT // 100)
    return _sell(days, counts, Randomness(seed, f"sales of {day.isoformat()}"))


def measure(sales: Transactions, first_date: date, last_date: date) -> TransactionDefects:
    """Count what is in the sales."""
    rupees = sales.amount * np.where(sales.currency >= USD_RETURN, RUPEES_PER_DOLLAR, 1)
    unknown = sales.product >= dimensions.KNOWN_PRODUCTS
    without_category = np.isin(sales.product, sorted(dimensions.PRODUCTS_WITHOUT_CATEGORY))
    # Of the bare rupees each is one half of a pair of twins: nothing else is booked without a carriage return.
    twins = int((sales.currency == INR).sum())
    days = np.unique(sales.day)
    calendar_days = (last_date - first_date).days + 1
    return TransactionDefects(
        rows=len(sales),
        currencies_with_carriage_return=int(np.isin(sales.currency, (INR_RETURN, USD_RETURN)).sum()),
        twin_rows=twins,
        zero_amounts=int((sales.amount == 0).sum()),
        negative_amounts=int((sales.amount < 0).sum()),
        dollars=int((sales.currency >= USD_RETURN).sum()),
        unknown_product_rows=int(unknown.sum()),
        unknown_product_codes=len(np.unique(sales.product[unknown])),
        unknown_product_revenue_inr=_rupees(rupees[unknown]),
        revenue_inr=_rupees(rupees),
        rows_of_products_without_category=int(without_category.sum()),
        repeated_keys=len(sales) - twins - len(np.unique(_keys(sales))),
        days=calendar_days,
        missing_days=calendar_days - len(days),
        # 1970-01-01 was a Thursday, so that Saturday and Sunday are 2 and 3.
        weekend_days=int(np.isin(days % 7, (2, 3)).sum()),
    )


def _sell(days: Integers, counts: _Counts, random: Randomness) -> Transactions:
    """Make one sale for each entry of `days`, which are in order."""
    rows = len(days)
    customer_weights = np.array([1000 // (3 + rank * 7 % 38) for rank in range(len(dimensions.customer_codes()))])
    market_weights = np.array([1000 // (2 + rank * 5 % 19) for rank in range(len(dimensions.market_codes()))])
    product = random.integers(rows, dimensions.KNOWN_PRODUCTS)
    unknown = random.sample(counts.unknown, rows)
    product[unknown] = dimensions.KNOWN_PRODUCTS + random.integers(len(unknown), dimensions.UNKNOWN_PRODUCTS)
    customer = random.weighted(rows, customer_weights)
    market = random.weighted(rows, market_weights)
    repeated = 1 + random.sample(counts.repeated, rows - 1)
    # Of one kind: copying a known product over an unknown one would change the planted number.
    repeated = repeated[_alike(repeated, days, product)]
    for column in (product, customer, market):
        column[repeated] = column[repeated - 1]
    quantity = 1 + random.integers(rows, 60) * random.integers(rows, 60) // 240
    discount = 80 + random.integers(rows, 21)
    amount = _list_prices()[product] * quantity * discount
    currency = np.full(rows, INR_RETURN)

    marked = random.sample(counts.zeros + counts.negatives + counts.dollars + counts.dollars_return, rows)
    zeros, negatives, returned, dollars, _ = np.split(
        marked,
        np.cumsum([counts.zeros, counts.negatives, counts.dollars_return, counts.dollars]),
    )
    amount[zeros] = 0
    amount[negatives] = -100
    for dollar_rows, code in ((returned, USD_RETURN), (dollars, USD)):
        amount[dollar_rows] //= RUPEES_PER_DOLLAR
        currency[dollar_rows] = code
    unique = _without_duplicates(Transactions(product, customer, market, days, quantity, amount, currency))
    return _with_twins(unique, counts.twins, random)


def _with_twins(sales: Transactions, count: int, random: Randomness) -> Transactions:
    """Replace some rows by a copy of the row before them, without its carriage return."""
    good = (sales.amount > 0) & (sales.currency == INR_RETURN)
    # Every second row only, so that no row is in two pairs.
    twins = np.arange(1, len(sales), 2)
    twins = twins[good[twins] & good[twins - 1] & _alike(twins, sales.day, sales.product)]
    twins = twins[random.sample(count, len(twins))]
    for column in sales.columns:
        column[twins] = column[twins - 1]
    sales.currency[twins] = INR
    return sales


def _without_duplicates(sales: Transactions) -> Transactions:
    """Change rows that equal another one by chance: a coin more, or one piece more where the amount is the defect."""
    quantity, amount = sales.quantity.copy(), sales.amount.copy()
    keys, dollars = _keys(sales), sales.currency >= USD_RETURN
    while True:
        order = np.lexsort((dollars, amount, quantity, keys))
        same = np.ones(len(order), dtype=np.bool_)
        same[:1] = False
        for column in (keys, quantity, amount, dollars):
            ordered = column[order]
            same[1:] &= ordered[1:] == ordered[:-1]
        repeated = order[same]
        if not len(repeated):
            break
        # Different steps for the rows of one group, or they would stay equal to each other.
        step = 1 + np.arange(len(repeated)) % 97
        sold = amount[repeated] > 0
        amount[repeated[sold]] += step[sold]
        quantity[repeated[~sold]] += step[~sold]
    return Transactions(sales.product, sales.customer, sales.market, sales.day, quantity, amount, sales.currency)


def _counts(rows: int) -> _Counts:
    def share(per: int) -> int:
        return max(1, round(per * rows / _PER))

    return _Counts(
        twins=share(_TWINS),
        zeros=share(_ZEROS),
        negatives=share(_NEGATIVES),
        dollars_return=share(_DOLLARS_RETURN),
        dollars=share(_DOLLARS),
        repeated=share(_REPEATED),
        unknown=rows * _UNKNOWN_PERCENT // 100,
    )


def _day_weights(first_date: date, last_date: date, random: Randomness) -> Integers:
    days = [first_date + timedelta(days=number) for number in range((last_date - first_date).days + 1)]
    weights = np.array([_WEEKDAY_WEIGHTS[day.weekday()] * _MONTH_WEIGHTS[day.month - 1] for day in days])
    # Sales grow by a third over the whole time. The last fortnight stays whole: the demo and backfills live there.
    weights = weights * (1000 + 333 * np.arange(len(days)) // len(days))
    missing = random.sample(_MISSING_DAYS, len(days) - _UNTOUCHED_LAST_DAYS - 1)
    weights[1 + missing] = 0
    return weights


def _keys(sales: Transactions) -> Integers:
    """Give product, customer, market and date of each row as one number."""
    return ((sales.product * 64 + sales.customer) * 32 + sales.market) * 65_536 + sales.day


def _list_prices() -> Integers:
    prices = [dimensions.list_price(number) for number in range(len(dimensions.product_codes()))]
    known, unknown = prices[: dimensions.KNOWN_PRODUCTS], prices[dimensions.KNOWN_PRODUCTS :]
    return np.array([*known, *(price * _UNKNOWN_PRICE_PERCENT // 100 for price in unknown)])


def _alike(rows: Integers, days: Integers, products: Integers) -> npt.NDArray[np.bool_]:
    """Tell which rows have the day of the row before, and like it a known, or an unknown product."""
    unknown: npt.NDArray[np.bool_] = products >= dimensions.KNOWN_PRODUCTS
    alike: npt.NDArray[np.bool_] = (days[rows] == days[rows - 1]) & (unknown[rows] == unknown[rows - 1])
    return alike


def _days_since_epoch(day: date) -> int:
    return (day - _EPOCH).days


def _rupees(hundredths: Integers) -> Decimal:
    return Decimal(int(hundredths.sum())).scaleb(-2)
