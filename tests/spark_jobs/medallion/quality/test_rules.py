"""The Spark SQL of each rule that a contract's `logicalTypeOptions` can ask for."""

from __future__ import annotations

from typing import Any

import pytest
from medallion.quality.rules import violation

from lake_model.contracts.row_rules import OPTIONS, option, option_fault
from lake_model.contracts.silver_contract import Severity

CASES: dict[str, tuple[str, Any, str]] = {
    "minimum": ("int", 1, "`a` < 1"),
    "maximum": ("date", "2026-11-20", "`a` > DATE'2026-11-20'"),
    "exclusiveMinimum": ("decimal(18,2)", 1.5, "`a` <= 1.5"),
    "exclusiveMaximum": ("double", 2, "`a` >= 2D"),
    "minLength": ("string", 3, "char_length(`a`) < 3"),
    "maxLength": ("string", 5, "char_length(`a`) > 5"),
    "pattern": ("string", "x+", "NOT rlike(`a`, '\\\\A(?:x+)\\\\z')"),
}


def test_every_option_that_a_contract_may_give_is_judged() -> None:
    assert CASES.keys() == OPTIONS.keys()


@pytest.mark.parametrize("name", CASES)
def test_an_option_becomes_the_condition_of_a_row_that_breaks_it(name: str) -> None:
    kind, value, condition = CASES[name]

    assert option_fault(name, value, kind) is None
    assert violation(option("a", kind, name, value, Severity.ERROR)) == condition
