"""Reads the Spark SQL expressions of contracts far enough to know which columns they use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


class ExpressionError(ValueError):
    """A text is not one Spark SQL expression; the message says why."""


@dataclass(frozen=True, order=True)
class ColumnReference:
    """A column that an expression uses, and the table it names for it (empty where it names none)."""

    table: str
    column: str


# One contract's expressions are asked for by several checks, and each table's contract is held beside all others.
@lru_cache(maxsize=4096)
def columns_of(expression: str) -> tuple[ColumnReference, ...]:
    """The columns that a Spark SQL expression uses, each once, in order of their names.

    Raises:
        ExpressionError: the text is empty, no expression, several, or a query.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not expression.strip():
        raise ExpressionError("is empty: write a Spark SQL expression")
    try:
        # In brackets, so that "a, b" and "a; drop table b" are errors and not two things.
        parsed = sqlglot.parse_one(f"SELECT (\n{expression}\n) AS value", dialect="spark")
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{"description": str(error).splitlines()[0]}]
        raise ExpressionError(f"is no Spark SQL expression: {details[0]['description'].rstrip('.')}") from None
    value = parsed.expressions[0].unalias()
    if value.find(exp.Query):
        raise ExpressionError("is a query: write an expression over the columns of one row")
    if isinstance(value, exp.Tuple):
        raise ExpressionError("holds several expressions: write one")
    return tuple(sorted({ColumnReference(column.table, column.name) for column in value.find_all(exp.Column)}))
