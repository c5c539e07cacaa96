"""The kinds of row rules, as values: what each is named, looks at, compares with, and says to people.

A new one of ``OPTIONS`` is declared here, with what it may be compared with (``option_fault``), and nowhere else.
How a row is found that breaks one is Spark's alone to know (``medallion.quality.rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lake_model.contracts.lake_types import value_fault
from lake_model.contracts.limits import Limit
from lake_model.contracts.patterns import pattern_fault
from lake_model.contracts.silver_contract import Rule, Severity

UNIQUE = "is_unique"
NOT_NULL = "is_not_null"
CONVERTED = "type_conversion"
KNOWN = "foreign_key"
LENGTHS = ("minLength", "maxLength")
# Of ODCS's `logicalTypeOptions`: the ending of the rule's name, the kind of check, and the message of a broken one.
OPTIONS = {
    "minimum": ("minimum", "is_in_range", "is less than"),
    "maximum": ("maximum", "is_in_range", "is greater than"),
    "exclusiveMinimum": ("exclusive_minimum", "is_in_range", "is not greater than"),
    "exclusiveMaximum": ("exclusive_maximum", "is_in_range", "is not less than"),
    "minLength": ("min_length", "is_length_in_range", "is shorter than"),
    "maxLength": ("max_length", "is_length_in_range", "is longer than"),
    "pattern": ("pattern", "regex_match", "does not match"),
}
# ODCS's metrics that count rows; with `mustBe: 0` each such row breaks the rule.
ROW_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues")


@dataclass(frozen=True)
class Given:
    """What a contract says of a rule whatever it judges."""

    name: str
    severity: Severity
    message: str
    dimension: str | None = None


def required(column: str, severity: Severity) -> Rule:
    """The column has a value."""
    return Rule(f"{column}_required", f"{column} is missing", (column,), NOT_NULL, severity)


def type_conversion(column: str, lake_type: str) -> Rule:
    """The cleaned value fits the lake's type; always an error, because the value would be lost."""
    message = f"{column} cannot be converted to {lake_type}"
    return Rule(f"{column}_type_conversion", message, (column,), CONVERTED, Severity.ERROR, lake_type=lake_type)


def unique(columns: tuple[str, ...], severity: Severity, *, is_key: bool) -> Rule:
    """No two rows of the snapshot share the columns' values (NULLs are not compared)."""
    name = f"{'_'.join(columns)}_{'duplicate_key' if is_key else 'unique'}"
    return Rule(name, f"several rows share the same {', '.join(columns)}", columns, UNIQUE, severity)


def known(column: str, dimension: str, key: str) -> Rule:
    """The value is a key that a dimension knew on the row's date (NULL is not looked up); always an error."""
    message = f"{column} is not in {dimension}"
    return Rule(f"{column}_known", message, (column,), KNOWN, Severity.ERROR, reference=(dimension, key))


def option(column: str, lake_type: str, name: str, value: Any, severity: Severity) -> Rule:
    """One of ODCS's ``logicalTypeOptions``, a key of ``OPTIONS``."""
    ending, function, words = OPTIONS[name]
    message = f"{column} {words} {value}"
    return Rule(f"{column}_{ending}", message, (column,), function, severity, ((name, value),), lake_type)


def of_metric(
    metric: str, columns: tuple[str, ...], arguments: Mapping[str, Any], given: Given, lake_type: str = "",
    limit: Limit | None = None,
) -> Rule:  # fmt: skip
    """The rule that a row breaks when one of ``ROW_METRICS`` counts it.

    ``duplicateValues`` takes any number of columns, the others one, of ``lake_type``. NULL is neither a duplicate nor
    invalid.
    """
    name = "pattern" if "pattern" in arguments else "validValues"
    function, argument = {
        "duplicateValues": (UNIQUE, None),
        "nullValues": (NOT_NULL, None),
        "missingValues": ("is_not_missing", "missingValues"),
        "invalidValues": ("regex_match" if name == "pattern" else "is_in_list", name),
    }[metric]
    return Rule(
        given.name, given.message, columns, function, given.severity,
        ((argument, _frozen(arguments.get(argument))),) if argument else (), lake_type, given.dimension, limit,
    )  # fmt: skip


def expression(implementation: str, columns: tuple[str, ...], given: Given) -> Rule:
    """A boolean Spark SQL expression over lake columns; a row where it is FALSE breaks the rule, NULL passes."""
    arguments = (("expression", implementation),)
    return Rule(
        given.name, given.message, columns, "sql_expression", given.severity, arguments, dimension=given.dimension
    )


def option_fault(name: str, value: Any, kind: str) -> str | None:
    """Why one of `logicalTypeOptions` cannot be judged for a column of a Spark type; None where it can."""
    if name == "pattern":
        return f"needs a string column, and this one is {kind}" if kind != "string" else pattern_fault(value)
    if name in LENGTHS:
        if type(value) is not int or value < 0:
            return "must be a whole number, 0 or more"
        return None if kind == "string" else f"needs a string column, and this one is {kind}"
    if kind in {"string", "boolean", "binary"}:
        return f"needs a number, date or timestamp, and this column is {kind}"
    return value_fault(value, kind)


def valid_values_fault(arguments: Mapping[str, Any], kind: str) -> str | None:
    """Why the arguments of the metric invalidValues cannot be judged; None where they can."""
    if "pattern" in arguments:
        return option_fault("pattern", arguments["pattern"], kind)
    values = arguments.get("validValues")
    if not isinstance(values, list) or not values:
        return "must be a list of the values allowed"
    if None in values:
        return "must not hold null, which is never invalid: leave it out"
    return next((fault for value in values if (fault := value_fault(value, kind))), None)


def missing_values_fault(arguments: Mapping[str, Any], kind: str) -> str | None:
    """Why the arguments of the metric missingValues cannot be judged; None where they can."""
    values = arguments.get("missingValues")
    if not isinstance(values, list) or not values:
        return "must be a list of the values that stand for a missing one"
    return next((fault for value in values if value is not None and (fault := value_fault(value, kind))), None)


def can_be_waived(rule: Rule, key: tuple[str, ...], date_column: str, scd_type: int) -> bool:
    """Whether a row that breaks the rule can be in silver at all.

    A value that could not be converted is lost there; a key or a fact's date must be whole; and two rows of one key, or
    that a version's neighbours must not share, would make a dimension's history ambiguous.
    """
    if rule.severity is not Severity.ERROR or rule.function == CONVERTED:
        return False
    if rule.function == UNIQUE:
        return rule.columns != key and scd_type != 2
    return rule.function != NOT_NULL or rule.columns[0] not in {*key, date_column}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
