"""The rows that a commit names: read as they were written, and put together over several commits."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_model.changed_rows import KEY, ChangedRows, KeyValues

DAY = dt.date(2026, 11, 20)


def keys(columns: tuple[str, ...]) -> st.SearchStrategy[KeyValues]:
    return st.builds(KeyValues, st.just(columns), st.frozensets(st.tuples(*[st.text() for _ in columns]), min_size=1))


ROWS = st.builds(
    ChangedRows,
    st.frozensets(st.dates()),
    st.tuples(keys(("code",)), keys(("town", "number"))) | st.tuples(keys(("code",))) | st.just(()),
)


@given(ROWS)
def test_rows_are_read_as_they_were_written(rows: ChangedRows) -> None:
    assert ChangedRows.of_commit(json.dumps({"other": 1, KEY: rows.to_content()})) == rows


@given(ROWS, ROWS, ROWS)
def test_the_order_of_commits_makes_no_difference(one: ChangedRows, two: ChangedRows, three: ChangedRows) -> None:
    assert (one | two) | three == one | (two | three)
    assert one | two == two | one
    assert one | one == one | ChangedRows()


def test_keys_of_the_same_columns_are_put_together() -> None:
    first = ChangedRows(frozenset({DAY}), (KeyValues(("a",), frozenset({("1",)})),))
    second = ChangedRows(frozenset(), (KeyValues(("a",), frozenset({("2",)})), KeyValues(("b",), frozenset({("1",)}))))
    both = (KeyValues(("a",), frozenset({("1",), ("2",)})), KeyValues(("b",), frozenset({("1",)})))
    assert first | second == ChangedRows(frozenset({DAY}), both)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "no JSON", "[]", "{}", json.dumps({KEY: None}), json.dumps({KEY: {"dates": []}}),
        json.dumps({KEY: {"dates": ["yesterday"], "keys": []}}), json.dumps({KEY: {"dates": [], "keys": [{}]}}),
    ],
)  # fmt: skip
def test_a_commit_that_does_not_name_them_may_have_written_any_row(text: str | None) -> None:
    assert ChangedRows.of_commit(text) is None
