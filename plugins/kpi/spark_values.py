"""The contracts' Spark SQL expressions in DuckDB's SQL, as far as both give the same value for every row.

What is not known to mean the same in both is not translated: no figure is better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

NameOf = Callable[[str, str], str | None]
"""The SQL that stands for a column, by the table that the expression names for it (or nothing) and its own name."""
_ALIKE = frozenset(
    [
        "Paren",
        "Column",
        "Identifier",
        "Literal",
        "Boolean",
        "Null",
        "Neg",
        "Not",
        "And",
        "Or",
        "EQ",
        "NEQ",
        "GT",
        "GTE",
        "LT",
        "LTE",
        "NullSafeEQ",
        "NullSafeNEQ",
        "Is",
        "In",
        "Between",
        "If",
        "Case",
        "Coalesce",
        "Nullif",
        "Add",
        "Sub",
        "Mul",
        "Cast",
        "TryCast",
        "DataType",
        "DataTypeParam",
        "Trim",
        "Upper",
        "Lower",
        "RegexpReplace",
    ]
)
# Not whole numbers: Spark cuts a fraction off, DuckDB rounds it.
_TYPES = frozenset({"VARCHAR", "TEXT", "DECIMAL"})
# One of some characters, or the characters themselves: Java's and RE2's patterns are two languages beyond that.
_SAME_PATTERN = re.compile(r"\[[^\[\]\\^&-]+\]\+?|[^\[\](){}.*+?^$|\\]+")
_LAKE_TYPE = re.compile(r"bigint|int|smallint|tinyint|double|float|boolean|date|decimal\(\d+,\d+\)")


def in_duckdb(expression: str, name_of: NameOf) -> str | None:
    """An expression in DuckDB's SQL, NULL where a value does not fit; None where it is not known to mean the same."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(f"SELECT (\n{expression}\n)", dialect="spark").expressions[0]
    except (SqlglotError, RecursionError):
        return None
    if any(not _means_the_same(node) for node in parsed.walk()):
        return None
    for column in list(parsed.find_all(exp.Column)):
        found = name_of(column.table, column.name)
        if found is None:
            return None
        column.replace(sqlglot.parse_one(found, dialect="duckdb"))
    for trimmed in parsed.find_all(exp.Trim):
        # Spark's takes blanks off, DuckDB's every kind of white space.
        trimmed.set("expression", exp.Literal.string(" "))
    return f"TRY({parsed.sql('duckdb')})"


def type_in_duckdb(lake_type: str) -> str:
    """DuckDB's type for a column of the lake; what has none is kept as a text."""
    return lake_type.upper() if _LAKE_TYPE.fullmatch(lake_type) else "VARCHAR"


def _means_the_same(node: exp.Expression) -> bool:
    from sqlglot import exp

    if type(node).__name__ not in _ALIKE:
        return False
    if isinstance(node, exp.DataType):
        return node.this.name in _TYPES
    if isinstance(node, exp.Trim):
        return node.args.get("expression") is None and not node.args.get("position")
    if isinstance(node, exp.RegexpReplace):
        pattern, replacement = node.expression, node.args.get("replacement")
        is_plain = isinstance(pattern, exp.Literal) and pattern.is_string
        by = replacement.this if isinstance(replacement, exp.Literal) and replacement.is_string else "\\"
        further = any(node.args.get(name) is not None for name in ("position", "occurrence", "modifiers"))
        return is_plain and bool(_SAME_PATTERN.fullmatch(pattern.this)) and not further and not set(by) & set("$\\")
    return True
