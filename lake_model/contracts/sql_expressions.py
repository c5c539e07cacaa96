"""Reads the Spark SQL expressions of contracts far enough to know which columns and functions they use."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lake_model.contracts.backtracking import backtracks
from lake_model.contracts.patterns import SLOW
from lake_model.contracts.sql_functions import (
    ALLOWED,
    PATTERN_WORDS,
    SYNTAX,
    UNSTABLE,
    UNSTABLE_WITHOUT_ARGUMENTS,
    UNSTABLE_WORDS,
)

_UNSTABLE = "differs from run to run: use the columns of the row alone"
_UNKNOWN = "is no function that a contract may call: those that are compute with the values of one row"
_UNREAD = "is a pattern that is made as it runs: write it as one text, so that it can be looked at before"
_MOST_BRACKETS = 50
_TOO_DEEP = "is nested too deeply: write it as several columns, or more simply"


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
    _check_depth(expression)
    try:
        # In brackets, so that "a, b" and "a; drop table b" are errors and not two things.
        parsed = sqlglot.parse_one(f"SELECT (\n{expression}\n) AS value", dialect="spark")
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{"description": str(error).splitlines()[0]}]
        raise ExpressionError(f"is no Spark SQL expression: {details[0]['description'].rstrip('.')}") from None
    except RecursionError:
        raise ExpressionError(_TOO_DEEP) from None
    value = parsed.expressions[0].unalias()
    if value.find(exp.Query):
        raise ExpressionError("is a query: write an expression over the columns of one row")
    if isinstance(value, exp.Tuple):
        raise ExpressionError("holds several expressions: write one")
    return tuple(sorted({ColumnReference(column.table, column.name) for column in value.find_all(exp.Column)}))


def forbidden_call(expression: str, columns: Collection[str]) -> tuple[str, str] | None:
    """What an expression calls that no contract may, as it is written, and why; None where nothing is.

    Args:
        expression: Spark SQL that `columns_of` can read.
        columns: names of the columns that it can use: to Spark they come before a function without brackets.
    """
    return _first_forbidden(expression, frozenset(name.casefold() for name in columns))


# The contracts are read anew by each task and each look at the page, and are mostly as they were.
@lru_cache(maxsize=4096)
def _first_forbidden(expression: str, known: frozenset[str]) -> tuple[str, str] | None:
    return next(_forbidden(expression, known), None)


def _forbidden(expression: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    tokens = _tokens(expression)
    if any(token.text.casefold() in PATTERN_WORDS for token in tokens):
        literals = [token.text for token in tokens if token.token_type.name.endswith("STRING")]
        yield from ((text, SLOW) for text in literals if backtracks(text))
        yield from ((text, _UNREAD) for text in _unread_patterns(expression))
    kinds = ["", *(token.token_type.name for token in tokens), "", ""]
    for place, token in enumerate(tokens, 1):
        before, kind, after, second = kinds[place - 1 : place + 3]
        word, quoted = token.text.casefold(), kind == "IDENTIFIER"
        is_word = quoted or (kind != "NUMBER" and not kind.endswith("STRING") and word.replace("_", "a").isalnum())
        if not is_word:
            continue
        if after != "L_PAREN":
            bare = not quoted and before != "DOT" and after != "DOT"
            if bare and word in UNSTABLE_WORDS and word not in known:
                yield token.text, f"{_UNSTABLE}; a column of that name is written `{token.text}`"
        elif before == "DOT":
            yield f"{token.text}(", f"{_UNKNOWN}, and are named without their catalog"
        elif word in UNSTABLE or (word in UNSTABLE_WITHOUT_ARGUMENTS and second == "R_PAREN"):
            yield f"{token.text}(", _UNSTABLE
        elif word not in ALLOWED and (quoted or word not in SYNTAX):
            yield f"{token.text}(", _UNKNOWN


def _unread_patterns(expression: str) -> Iterator[str]:
    """What stands in the place of a regular expression and is no text: a column, or texts put together."""
    import sqlglot
    from sqlglot import exp

    for node in sqlglot.parse_one(f"SELECT (\n{expression}\n)", dialect="spark").walk():
        pattern = None
        if isinstance(node, exp.Anonymous) and str(node.this).casefold() in PATTERN_WORDS:
            pattern = next(iter(node.expressions[1:2]), None)
        elif type(node).__name__.startswith("Regexp"):
            pattern = node.args.get("expression")
        for one in _alternatives(pattern):
            if not isinstance(one, exp.RawString) and not (isinstance(one, exp.Literal) and one.is_string):
                yield one.sql("spark")


def _alternatives(pattern: Any) -> Iterator[Any]:
    from sqlglot import exp

    if isinstance(pattern, exp.Paren | exp.Any | exp.All):
        yield from _alternatives(pattern.this)
    elif isinstance(pattern, exp.Tuple):
        yield from pattern.expressions
    elif pattern is not None:
        yield pattern


def _check_depth(expression: str) -> None:
    depth = deepest = 0
    for token in _tokens(expression):
        kind = token.token_type.name
        depth += (kind in {"L_PAREN", "L_BRACKET", "CASE"}) - (kind in {"R_PAREN", "R_BRACKET", "END"})
        deepest = max(deepest, depth)
    if deepest > _MOST_BRACKETS:
        raise ExpressionError(_TOO_DEEP)


def _tokens(expression: str) -> list[Any]:
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        return list(tokenize(expression, dialect="spark"))
    except SqlglotError as error:
        raise ExpressionError(f"is no Spark SQL expression: {str(error).splitlines()[0]}") from None
