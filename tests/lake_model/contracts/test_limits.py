"""Comparisons with a measured value: read as ODCS writes them, exact, and readable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lake_model.contracts.limits import limit_fault, read_limit


@pytest.mark.parametrize(
    ("given", "allowed", "refused", "words"),
    [
        ({"mustBe": 3}, ["3"], ["2", "4"], "must be 3 rows"),
        ({"mustNotBe": 3}, ["2"], ["3.0"], "must not be 3 rows"),
        ({"mustBeGreaterThan": 0.1}, ["0.10001"], ["0.1"], "must be more than 0.1 rows"),
        ({"mustBeGreaterOrEqualTo": 5}, ["5"], ["4.99"], "must be at least 5 rows"),
        ({"mustBeLessThan": 5}, ["4.99"], ["5"], "must be less than 5 rows"),
        ({"mustBeLessOrEqualTo": 5}, ["5"], ["5.01"], "must be at most 5 rows"),
        ({"mustBeBetween": [1, 2]}, ["1", "2"], ["0.9", "2.1"], "must be from 1 to 2 rows"),
        ({"mustNotBeBetween": [1, 2]}, ["0.9", "2.1"], ["1", "2"], "must not be from 1 to 2 rows"),
    ],
)
def test_a_comparison(given: dict[str, Any], allowed: list[str], refused: list[str], words: str) -> None:
    limit = read_limit({"name": "rule", "mustBe": None} | given, "rows")
    assert all(limit.allows(Decimal(value)) for value in allowed)
    assert not any(limit.allows(Decimal(value)) for value in refused)
    assert str(limit) == words


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "", "must have exactly one of mustBe, mustNotBe, "),
        ({"mustBe": 1, "mustNotBe": 2}, "", "must have exactly one of"),
        ({"mustBe": True}, "mustBe", "must be a number"),
        ({"mustBeBetween": 4}, "mustBeBetween", "must be two numbers"),
        ({"mustBeBetween": [4, 1]}, "mustBeBetween", "must have the smaller number first"),
        ({"mustBeLessThan": float("nan")}, "mustBeLessThan", "must be a number"),
    ],
)
def test_what_is_no_comparison(given: dict[str, Any], field: str, message: str) -> None:
    fault = limit_fault(given)
    assert fault is not None
    assert fault[0] == field
    assert fault[2].startswith(message)
