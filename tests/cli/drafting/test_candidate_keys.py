"""Candidate keys: exactly the smallest sets of columns that tell all rows apart."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cli.drafting.candidate_keys import candidate_keys
from cli.drafting.table_profile import profile_columns
from cli.drafting.table_sample import Sample


def keys_of(columns: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The candidate keys of a whole table."""
    sample = Sample(pa.table(columns), frozenset(), {}, {}, True, "all rows")
    return candidate_keys(sample.rows, profile_columns(sample))


def test_a_column_that_tells_rows_apart_is_a_key_alone() -> None:
    assert keys_of({"a": [1, 2, 3], "b": [1, 1, 2], "c": ["x", "y", "z"]}) == (("a",), ("c",))


def test_columns_together_are_a_key_where_none_is_alone() -> None:
    assert keys_of({"a": [1, 1, 2, 2], "b": [1, 2, 1, 2], "c": [5, 5, 5, 5]}) == (("a", "b"),)


def test_a_column_with_null_and_a_measure_are_no_keys() -> None:
    amounts = pa.array([1, 2], pa.decimal128(9, 2))
    assert keys_of({"a": [1, None], "amount": amounts, "share": [0.1, 0.2]}) == ()


def test_an_empty_table_has_no_key() -> None:
    assert keys_of({"a": pa.array([], pa.int64())}) == ()


def test_names_that_look_like_paths_are_names() -> None:
    assert keys_of({".a": [1, 1, 2, 2], "[0]": [1, 2, 1, 2]}) == ((".a", "[0]"),)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=1, max_size=12))
def test_the_keys_are_all_the_smallest_ones(rows: list[tuple[int, ...]]) -> None:
    names = ["a", "b", "c", "d"]
    expected: list[tuple[str, ...]] = []
    for size in (1, 2, 3):
        for picked in itertools.combinations(range(4), size):
            if len({tuple(row[index] for index in picked) for row in rows}) == len(rows):
                expected.append(tuple(names[index] for index in picked))
        if expected:
            break

    found = keys_of({name: [row[index] for row in rows] for index, name in enumerate(names)})

    constant = {name for index, name in enumerate(names) if len({row[index] for row in rows}) == 1}
    if len(rows) > 1:
        expected = [key for key in expected if not constant & set(key)]
    assert list(found) == expected
