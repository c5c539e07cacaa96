"""Sums that are put together of their parts keep every digit."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("parts", "lake_type", "total"),
    [
        ("1500.50", "decimal(14,2)", "1500.50"),
        ("0", "decimal(14,2)", "0"),
        (None, "bigint", "0"),
        ("300000000000000000000|-1|0.00", "decimal(38,2)", "299999999999999999999999999999999999999.00"),
        ("0|5|0.250000000000000000|0.000000000000000000", "decimal(20,2)", "5.25"),
        ("0|5|0.250000000000000001|0.000000000000000000", "decimal(20,2)", "5.250000000000000001"),
        ("0|7|0", "bigint", "7"),
    ],
)
def test_the_parts_of_a_sum_are_put_together(parts: str | None, lake_type: str, total: str) -> None:
    from medallion.exact_sums import sum_of

    assert sum_of(parts, lake_type) == total
