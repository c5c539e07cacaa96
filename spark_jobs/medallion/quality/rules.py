"""Turns row rules and waivers into Spark SQL conditions: pure text."""

from __future__ import annotations

import datetime as dt
from typing import Any

from lake_model.contracts.row_rules import CONVERTED, KNOWN, LENGTHS, NOT_NULL, UNIQUE
from lake_model.contracts.silver_contract import Rule, Waiver
from medallion.lake.sql_text import identifier, text_literal

# By option, how a row's value stands to it that breaks the rule.
_BROKEN = {
    "minimum": "<", "maximum": ">", "exclusiveMinimum": "<=", "exclusiveMaximum": ">=", "minLength": "<",
    "maxLength": ">",
}  # fmt: skip


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


def violation(rule: Rule) -> str:
    """Spark SQL over lake columns that is TRUE where a row breaks the rule; empty where it looks at other rows."""
    arguments = dict(rule.arguments)
    if rule.function in {UNIQUE, KNOWN}:
        return ""
    if rule.function == "sql_expression":
        return f"({arguments['expression']}) IS FALSE"
    if rule.function == CONVERTED:
        return f"array_contains(_unconverted, {text_literal(rule.columns[0])})"
    column = identifier(rule.columns[0])
    if rule.function == NOT_NULL:
        return f"{column} IS NULL"
    ((name, value),) = rule.arguments
    if name == "missingValues":
        listed = ", ".join(literal(one, rule.lake_type) for one in value if one is not None)
        parts = [f"{column} IS NULL"] if None in value else []
        return " OR ".join([*parts, f"{column} IN ({listed})"] if listed else parts)
    if name == "validValues":
        return f"{column} NOT IN ({', '.join(literal(one, rule.lake_type) for one in value)})"
    if name == "pattern":
        return f"NOT rlike({column}, {text_literal(_whole(str(value)))})"
    if name in LENGTHS:
        return f"char_length({column}) {_BROKEN[name]} {value}"
    return f"{column} {_BROKEN[name]} {literal(value, rule.lake_type)}"


def matches(waiver: Waiver) -> str:
    """Spark SQL over lake columns that is TRUE for the rows that a waiver is about, and never NULL."""
    parts = [
        f"{identifier(one.column)} <=> {'NULL' if one.value is None else literal(one.value, one.lake_type)}"
        for one in waiver.rows
    ]
    return " AND ".join(parts) or "TRUE"


def _whole(pattern: str) -> str:
    """A regular expression that the whole text must match: to Java a ``$`` stands before a last line end too."""
    # The line end closes a comment, which a pattern may end in where it allows comments; \\E closes a quotation.
    end = "\n" if "(?" in pattern and "x" in pattern and "#" in pattern else ""
    quotation = "\\E" if pattern.rfind("\\Q") > pattern.rfind("\\E") else ""
    return f"\\A(?:{pattern}{quotation}{end})\\z"
