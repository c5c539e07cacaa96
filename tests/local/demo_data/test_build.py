"""The demo data is the same for the same arguments, has the size asked for, and holds what it says it holds."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from local.demo_data import DemoData, build, dimensions
from local.demo_data.build import first_date_of
from local.demo_data.loading import as_arrow
from local.demo_data.schema import TABLES
from local.demo_data.transactions import INR, INR_RETURN, build_day
from local.errors import DemoDataError

CONTRACTS = Path(__file__).parents[3] / "contracts" / "atliqsale"
LAST_DATE = date(2026, 11, 20)


def _digest(data: DemoData) -> str:
    digest = hashlib.sha256()
    for column in data.transactions.columns:
        digest.update(column.astype("<i8").tobytes())
    for field in fields(data.dimensions):
        digest.update(repr(getattr(data.dimensions, field.name)).encode())
    return digest.hexdigest()


def test_the_same_arguments_give_the_same_rows() -> None:
    assert _digest(build(3_000, 7, last_date=LAST_DATE)) == _digest(build(3_000, 7, last_date=LAST_DATE))


def test_the_rows_are_those_of_every_other_machine() -> None:
    """A new digest means other data for everybody: change it on purpose only."""
    assert _digest(build(3_000, 7, last_date=LAST_DATE))[:16] == "d7b67b95ae6877c6"


def test_another_seed_gives_other_sales_of_the_same_number() -> None:
    first, second = (build(3_000, seed, last_date=LAST_DATE) for seed in (1, 2))
    assert _digest(first) != _digest(second)
    assert len(first.transactions) == len(second.transactions) == 3_000


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(2_000, 20_000),
    seed=st.integers(0, 2**64),
    last_date=st.dates(date(2010, 1, 1), date(2090, 12, 31)),
)
def test_any_size_seed_and_date_hold_their_promises(rows: int, seed: int, last_date: date) -> None:
    data = build(rows, seed, last_date=last_date)
    sales, planted = data.transactions, data.defects.transactions

    assert len(sales) == rows == planted.rows
    assert planted.zero_amounts == max(1, round(1_600 * rows / 150_000))
    assert planted.twin_rows == max(1, round(280 * rows / 150_000))
    assert planted.unknown_product_rows == rows * 36 // 100
    assert planted.missing_days >= 12
    assert date(1970, 1, 1).toordinal() + int(sales.day[0]) >= first_date_of(last_date).toordinal()
    assert date(1970, 1, 1).toordinal() + int(sales.day[-1]) <= last_date.toordinal()
    assert bool((np.diff(sales.day) >= 0).all())

    trimmed = np.column_stack([*sales.columns[:-1], sales.currency // 2])
    assert len(np.unique(trimmed, axis=0)) == rows - planted.twin_rows
    assert len(np.unique(np.column_stack(sales.columns), axis=0)) == rows


def test_the_default_size_has_the_known_profile() -> None:
    planted = build(last_date=LAST_DATE).defects
    sales = planted.transactions
    assert (sales.rows, sales.twin_rows, sales.zero_amounts, sales.negative_amounts) == (150_000, 280, 1_600, 4)
    assert (sales.dollars, sales.missing_days, sales.days) == (5, 12, 1_096)
    assert sales.currencies_with_carriage_return == 150_000 - 280 - 2
    assert sales.unknown_product_rows == 54_000
    assert 0.45 < sales.unknown_product_revenue_inr / sales.revenue_inr < 0.5
    assert sales.repeated_keys > 1_000
    assert 250 < sales.weekend_days < 320
    assert all(isinstance(value, (int, str)) for value in planted.as_dict().values())


def test_every_day_of_the_last_fortnight_has_sales() -> None:
    days = np.unique(build(last_date=LAST_DATE).transactions.day)
    last = (LAST_DATE - date(1970, 1, 1)).days
    assert set(range(last - 14, last + 1)) <= set(days.tolist())


def test_twins_come_in_pairs_that_differ_by_the_carriage_return_alone() -> None:
    sales = build(5_000, 3, last_date=LAST_DATE).transactions
    rows = list(zip(*(column.tolist() for column in sales.columns), strict=True))
    stored = set(rows)
    bare = [row for row in rows if row[-1] == INR]
    assert bare
    assert all((*row[:-1], INR_RETURN) in stored for row in bare)


def test_a_single_day_holds_one_of_each() -> None:
    sales = build_day(140, 7, date(2026, 11, 21))
    assert len(sales) == 140
    assert int((sales.amount == 0).sum()) == 1
    assert int((sales.currency == INR).sum()) == 1
    assert set(sales.day.tolist()) == {(date(2026, 11, 21) - date(1970, 1, 1)).days}


def test_amounts_keep_their_hundredths_and_their_sign() -> None:
    sales = build(3_000, 7, last_date=LAST_DATE).transactions
    stored = as_arrow(sales).column("sales_amount").to_pylist()
    assert [int(amount.scaleb(2)) for amount in stored] == sales.amount.tolist()
    assert min(stored) == -1


def test_the_calendar_covers_every_day_of_the_years_around_the_sales() -> None:
    rows = dimensions.build_dimensions(date(2023, 11, 21), date(2026, 12, 20)).dates
    assert (rows[0].date, rows[-1].date, len(rows)) == (date(2023, 1, 1), date(2027, 12, 31), 5 * 365 + 1)
    assert rows[59] == (date(2023, 3, 1), date(2023, 3, 1), 2023, "March", "23-Mar")


def test_names_are_misspelt_and_blanks_trail_where_it_says_so() -> None:
    tables = dimensions.build_dimensions(date(2023, 11, 21), LAST_DATE)
    right_names = {dimensions.correct_customer_name(number) for number in range(38)} | {"Teststore"}
    names = [row.customer_name for row in tables.customers]
    assert sum(name != name.rstrip() for name in names) == tables.defects.customers_with_trailing_blanks
    assert sum(name.rstrip() not in right_names for name in names) == tables.defects.customers_with_misspelt_name
    product_names = [row.product_name for row in tables.products]
    right_products = {dimensions.product(number).product_name for number in range(300)}
    assert sum(name != name.rstrip() for name in product_names) == tables.defects.products_with_trailing_blanks
    assert sum(n.rstrip() not in right_products for n in product_names) == tables.defects.products_with_misspelt_name


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_columns_and_types_of_their_contracts(table: str) -> None:
    contract: dict[str, Any] = yaml.safe_load((CONTRACTS / f"{table}.odcs.yaml").read_text())
    expected = [
        (column.get("physicalName", column["name"]), column["physicalType"])
        for column in contract["schema"][0]["properties"]
        if "physicalType" in column
    ]
    defined = re.findall(r"^\s{12}`?(\w+)`? ([a-z]+(?:\([0-9,]+\))?) ", TABLES[table], re.MULTILINE)
    assert defined == expected


def test_too_few_rows_and_a_negative_seed_are_refused() -> None:
    with pytest.raises(DemoDataError, match="--rows 1999: three years of sales need at least 2000 rows"):
        build(1_999, last_date=LAST_DATE)
    with pytest.raises(DemoDataError, match="--seed -1: a seed is 0 or more"):
        build(2_000, -1, last_date=LAST_DATE)


@pytest.mark.parametrize(
    ("last", "first"),
    [
        (date(2026, 11, 20), date(2023, 11, 21)),
        (date(2026, 12, 31), date(2024, 1, 1)),
        (date(2028, 2, 28), date(2025, 2, 28)),
        (date(2027, 2, 28), date(2024, 3, 1)),
    ],
)
def test_three_years_end_on_the_last_date(last: date, first: date) -> None:
    assert first_date_of(last) == first
