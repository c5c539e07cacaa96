"""What is counted of a column's values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from cli.drafting.table_profile import ColumnProfile, TextProfile, profile_columns, repeated_rows, shown
from cli.drafting.table_sample import Sample


def profile(values: list[Any], kind: pa.DataType | None = None) -> ColumnProfile:
    """The profile of one column."""
    array = pa.array(values, kind)
    text = [None if value is None else len(value) for value in values] if pa.types.is_string(array.type) else None
    lengths = {} if text is None else {"c": pa.chunked_array([pa.array(text, pa.int64())])}
    return profile_columns(Sample(pa.table({"c": array}), frozenset(), lengths, {}, True, "all rows"))["c"]


def test_text_is_counted_in_all_that_makes_one_doubt() -> None:
    values = ["a", "A", "a\r", " b", "", "  ", "NaN", "n/a", "x\x00y", None]

    assert profile(values).text == TextProfile(
        shortest=0,
        longest=3,
        blank_ends=3,
        blank_kinds=" \r",
        empty=2,
        control=1,
        null_words={"NaN": 1, "n/a": 1},
        spellings=(),
        spelling_groups=1,
        folds_when_trimmed=True,
    )


def test_spellings_are_named_that_many_rows_hold() -> None:
    text = profile(["x"] * 5 + ["X\r"] * 5 + ["y", "Y"] * 4).text

    assert text is not None
    assert (text.spellings, text.spelling_groups) == ((("X", "x"),), 2)


def test_numbers_have_ends_and_signs() -> None:
    found = profile([Decimal("-1.50"), Decimal("0.00"), Decimal("0.00"), Decimal("7.25"), None])

    assert (found.rows, found.nulls, found.distinct) == (5, 1, 3)
    assert (found.lowest, found.highest, found.negative, found.zero) == (Decimal("-1.50"), Decimal("7.25"), 1, 2)


def test_dates_far_away_are_implausible() -> None:
    assert profile([date(1, 1, 1), date(2026, 1, 1), date(9999, 12, 31)]).implausible == 2


def test_repeated_rows_are_counted_beyond_the_first() -> None:
    rows = pa.table({"a": [1, 1, 1, 2], "b": ["x", "x", "x", None]})

    assert repeated_rows(Sample(rows, frozenset(), {}, {}, True, "all rows")) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("India\r", r"'India\r'"),
        ("\u2028\x85", r"'\u2028\x85'"),
        ("x" * 30, "'" + "x" * 23 + "…'"),
        (datetime(2026, 11, 1, 10), "2026-11-01 10:00:00"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_a_value_is_shown_on_one_line_and_short(value: Any, text: str) -> None:
    assert shown(value) == text
