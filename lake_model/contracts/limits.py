"""What a measured value may be: the comparisons of the Open Data Contract Standard, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Counts every refused row, whatever the rule.
QUARANTINED = "quarantined"
ROWS = "rows"
PERCENT = "percent"
DAYS = "days"
# Operator, number of bounds, and how a person reads it.
_OPERATORS = {
    "mustBe": (1, "must be {0}"),
    "mustNotBe": (1, "must not be {0}"),
    "mustBeGreaterThan": (1, "must be more than {0}"),
    "mustBeGreaterOrEqualTo": (1, "must be at least {0}"),
    "mustBeLessThan": (1, "must be less than {0}"),
    "mustBeLessOrEqualTo": (1, "must be at most {0}"),
    "mustBeBetween": (2, "must be from {0} to {1}"),
    "mustNotBeBetween": (2, "must not be from {0} to {1}"),
}
OPERATORS = tuple(_OPERATORS)


@dataclass(frozen=True)
class Limit:
    """A comparison with one or two numbers, kept as decimal text so that it is exact.

    Attributes:
        operator: one of ``OPERATORS``.
        bounds: the numbers compared with.
        unit: ``rows``, ``percent``, ``days``, or empty for the measured value's own.
    """

    operator: str
    bounds: tuple[str, ...]
    unit: str = ROWS

    def allows(self, value: Decimal | int) -> bool:
        """Whether a measured value is as it must be."""
        low, high = Decimal(self.bounds[0]), Decimal(self.bounds[-1])
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.operator]

    def __str__(self) -> str:
        unit = {PERCENT: " %", "": ""}.get(self.unit, f" {self.unit}")
        return _OPERATORS[self.operator][1].format(*self.bounds) + unit


def at_most(bound: str, unit: str) -> Limit:
    """The limit that a value must not pass."""
    return Limit("mustBeLessOrEqualTo", (bound,), unit)


def limit_fault(given: Mapping[str, Any]) -> tuple[str, object, str] | None:
    """What is wrong with the comparison among some settings: the operator (or empty), its value and the cure."""
    found = _operators(given)
    if len(found) != 1:
        return "", found, f"must have exactly one of {', '.join(OPERATORS)}"
    value = given[found[0]]
    bounds = value if isinstance(value, list) else [value]
    count, _ = _OPERATORS[found[0]]
    if len(bounds) != count or not all(is_number(bound) for bound in bounds):
        return found[0], value, "must be two numbers" if count == 2 else "must be a number"
    if count == 2 and bounds[0] > bounds[1]:
        return found[0], value, "must have the smaller number first"
    return None


def read_limit(given: Mapping[str, Any], unit: str) -> Limit:
    """The one comparison among some settings, in ODCS's words; they have no ``limit_fault``."""
    (operator,) = _operators(given)
    value = given[operator]
    bounds = value if isinstance(value, list) else [value]
    return Limit(operator, tuple(format(Decimal(str(bound)), "f") for bound in bounds), unit)


def is_number(value: object) -> bool:
    """Whether a value is a number that others can be compared with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and Decimal(str(value)).is_finite()


def _operators(given: Mapping[str, Any]) -> list[str]:
    return [name for name in OPERATORS if given.get(name) is not None]
