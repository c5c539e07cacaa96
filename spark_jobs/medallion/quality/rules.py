"""Turns what a contract says of a column into row rules: Spark SQL conditions, pure text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medallion.contracts.limits import Limit
from medallion.contracts.silver_contract import Column, Rule, Severity

LENGTHS = ("minLength", "maxLength")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
OPTIONS = (*LENGTHS, *BOUNDS, "pattern")
_SNAKE = {
    "minimum": ("minimum", "<", "is less than"),
    "maximum": ("maximum", ">", "is greater than"),
    "exclusiveMinimum": ("exclusive_minimum", "<=", "is not greater than"),
    "exclusiveMaximum": ("exclusive_maximum", ">=", "is not less than"),
    "minLength": ("min_length", "<", "is shorter than"),
    "maxLength": ("max_length", ">", "is longer than"),
}


def identifier(name: str) -> str:
    """A name quoted for Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(value: str) -> str:
    """A string literal of Spark SQL that means exactly ``value``."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def date_literal(day: dt.date) -> str:
    """A DATE literal of Spark SQL."""
    return f"DATE'{day.isoformat()}'"


def by_date(column: str, values: Mapping[dt.date, str]) -> str:
    """Spark SQL that looks a date up: of each date the expression that it stands for; NULL for other dates."""
    pairs = ", ".join(f"{date_literal(day)}, {value}" for day, value in values.items())
    return f"element_at(map({pairs}), {column})"


def literal(value: Any, lake_type: str) -> str:
    """A literal of a column's type.

    Raises:
        ValueError: the value is not one of that type.
    """
    if lake_type == "string":
        return text_literal(str(value))
    if lake_type == "boolean":
        if not isinstance(value, bool):
            raise ValueError("true or false is wanted")
        return str(value).lower()
    if lake_type == "date":
        return f"DATE'{dt.date.fromisoformat(str(value)).isoformat()}'"
    if lake_type.startswith("timestamp"):
        return f"CAST('{dt.datetime.fromisoformat(str(value)).isoformat(sep=' ')}' AS {lake_type})"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number is wanted")
    float(value)
    return f"{value}D" if lake_type in {"double", "float"} else f"{value}"


def required(column: str, severity: Severity) -> Rule:
    """The column has a value."""
    return Rule(
        name=f"{column}_required",
        message=f"{column} is missing",
        columns=(column,),
        function="is_not_null",
        violated=f"{identifier(column)} IS NULL",
        severity=severity,
    )


def type_conversion(column: str, lake_type: str) -> Rule:
    """The cleaned value fits the lake's type; always an error, because the value would be lost."""
    return Rule(
        name=f"{column}_type_conversion",
        message=f"{column} cannot be converted to {lake_type}",
        columns=(column,),
        function="type_conversion",
        violated=f"array_contains(_unconverted, {text_literal(column)})",
        severity=Severity.ERROR,
    )


def unique(columns: tuple[str, ...], severity: Severity, *, is_key: bool) -> Rule:
    """No two rows of the snapshot share the columns' values (NULLs are not compared)."""
    joined = "_".join(columns)
    suffix = "duplicate_key" if is_key else "unique"
    return Rule(
        name=f"{joined}_{suffix}",
        message=f"several rows share the same {', '.join(columns)}",
        columns=columns,
        function="is_unique",
        violated="",
        severity=severity,
    )


def known(column: str, dimension: str, key: str) -> Rule:
    """The value is a key that a dimension knew on the row's date (NULL is not looked up); always an error."""
    return Rule(
        name=f"{column}_known",
        message=f"{column} is not in {dimension}",
        columns=(column,),
        function="foreign_key",
        violated="",
        severity=Severity.ERROR,
        reference=(dimension, key),
    )


def option(column: str, lake_type: str, name: str, value: Any, severity: Severity) -> Rule:
    """One of ODCS's ``logicalTypeOptions``.

    Raises:
        ValueError: the value does not suit the column.
    """
    quoted = identifier(column)
    if name == "pattern":
        if lake_type != "string":
            raise ValueError(f"a pattern needs a string column, this one is {lake_type}")
        violated = f"NOT rlike({quoted}, {text_literal(str(value))})"
        return Rule(
            f"{column}_pattern", f"{column} does not match {value}", (column,), "regex_match", violated, severity
        )
    suffix, operator, words = _SNAKE[name]
    if name in LENGTHS:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError("a whole number from 0 is wanted")
        if lake_type != "string":
            raise ValueError(f"a length needs a string column, this one is {lake_type}")
        violated, function = f"char_length({quoted}) {operator} {value}", "is_length_in_range"
    else:
        if lake_type in {"string", "boolean", "binary"}:
            raise ValueError(f"a bound needs a number, date or timestamp, this column is {lake_type}")
        violated, function = f"{quoted} {operator} {literal(value, lake_type)}", "is_in_range"
    return Rule(f"{column}_{suffix}", f"{column} {words} {value}", (column,), function, violated, severity)


@dataclass(frozen=True)
class Given:
    """What a contract says of a rule whatever it judges."""

    name: str
    severity: Severity
    message: str
    dimension: str | None = None


def of_metric(metric: str, columns: tuple[Column, ...], arguments: Mapping[str, Any], given: Given) -> Rule:
    """The rule that a row breaks when one of ODCS's metrics counts it.

    ``duplicateValues`` takes any number of columns, the others one. NULL is neither a duplicate nor invalid.

    Raises:
        ValueError: the metric's arguments are missing or do not suit the column; says what to write.
    """
    names = tuple(column.name for column in columns)
    if metric == "duplicateValues":
        return _rule(given, names, "is_unique", "")
    column, quoted = columns[0], identifier(columns[0].name)
    if metric == "nullValues":
        return _rule(given, names, "is_not_null", f"{quoted} IS NULL")
    if metric == "missingValues":
        values = _values(arguments, "missingValues")
        listed = ", ".join(literal(value, column.lake_type) for value in values if value is not None)
        parts = [f"{quoted} IS NULL"] if None in values else []
        parts += [f"{quoted} IN ({listed})"] if listed else []
        return _rule(given, names, "is_not_missing", " OR ".join(parts))
    if "pattern" in arguments:
        violated = option(column.name, column.lake_type, "pattern", arguments["pattern"], given.severity).violated
        return _rule(given, names, "regex_match", violated)
    listed = ", ".join(literal(value, column.lake_type) for value in _values(arguments, "validValues"))
    return _rule(given, names, "is_in_list", f"{quoted} NOT IN ({listed})")


def with_limit(rule: Rule, limit: Limit) -> Rule:
    """The rule, whose rows are counted and not marked."""
    return replace(rule, limit=limit)


def _rule(given: Given, columns: tuple[str, ...], function: str, violated: str) -> Rule:
    return Rule(given.name, given.message, columns, function, violated, given.severity, given.dimension)


def _values(arguments: Mapping[str, Any], name: str) -> list[Any]:
    values = arguments.get(name)
    if not isinstance(values, list) or not values:
        raise ValueError(f"give {name}: a list of values" + (", or pattern" if name == "validValues" else ""))
    return values


def expression(
    implementation: str, columns: tuple[str, ...], name: str, severity: Severity, message: str, dimension: str | None
) -> Rule:
    """A boolean Spark SQL expression over lake columns; a row where it is FALSE breaks the rule, NULL passes."""
    return Rule(name, message, columns, "sql_expression", f"({implementation}) IS FALSE", severity, dimension)
