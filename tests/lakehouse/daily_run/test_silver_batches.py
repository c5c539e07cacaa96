"""Which tables share a Databricks run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.daily_run.silver_batches import MOST_CHARACTERS, BatchLimits, silver_batches


def sized(**rows: int) -> list[tuple[dict[str, Any], int]]:
    return [({"table": name.title(), "lake_name": name}, size) for name, size in rows.items()]


def tables_of(batches: list[dict[str, Any]]) -> list[list[str]]:
    return [[plan["lake_name"] for plan in batch["plans"]] for batch in batches]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (BatchLimits(50, 100), [["b"], ["a", "c", "d"], ["e"]]),
        (BatchLimits(2, 100), [["b"], ["a", "c"], ["d", "e"]]),
        (BatchLimits(1, 100), [["a"], ["b"], ["c"], ["d"], ["e"]]),
        (BatchLimits(50, 1000), [["a", "b", "c", "d", "e"]]),
    ],
)
def test_small_tables_share_a_run_and_a_large_one_has_its_own(limits: BatchLimits, expected: list[list[str]]) -> None:
    found = tables_of(silver_batches(sized(a=40, b=101, c=40, d=20, e=1), limits))

    assert sorted(found) == sorted(expected)


def test_a_batch_is_named_by_its_tables() -> None:
    def label(count: int) -> str:
        (batch,) = silver_batches(sized(**{f"t{number}": 1 for number in range(count)}), BatchLimits(50, 100))
        return str(batch["label"])

    assert [label(count) for count in (1, 4, 5)] == ["T0", "T0, T1, T2, T3", "T0, T1, T2 and 2 more"]


def test_no_table_makes_no_batch() -> None:
    assert silver_batches([], BatchLimits(50, 100)) == []


@given(
    sizes=st.dictionaries(st.from_regex(r"[a-z]{1,64}", fullmatch=True), st.integers(0, 200), max_size=150),
    limits=st.builds(BatchLimits, st.integers(1, 120), st.integers(1, 500)),
)
def test_every_table_is_in_one_batch_and_no_batch_exceeds_its_limits(
    sizes: dict[str, int], limits: BatchLimits
) -> None:
    found = tables_of(silver_batches(sized(**sizes), limits))

    assert sorted(name for batch in found for name in batch) == sorted(sizes)
    for batch in found:
        assert 1 <= len(batch) <= limits.tables
        assert len(batch) == 1 or sum(sizes[name] for name in batch) <= limits.rows
        assert len(",".join(batch)) <= MOST_CHARACTERS
