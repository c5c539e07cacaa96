"""What silver makes of a row's text, as the source can compute it: a contract's Spark SQL in MySQL's words."""

from __future__ import annotations

from typing import Any

from lakehouse.source.sql_text import quote_identifier


def text_sql(table: str, column: str) -> str:
    """A text column in UTF-8, whatever its character set is; `table` is an alias that needs no quotes."""
    return f"CONVERT({table}.{quote_identifier(column)} USING utf8mb4)"


def cleaned_sql(expression: str, table: str) -> str | None:
    """A cleaning expression over the columns of `table`, in MySQL's words; None where there is no telling them.

    The server may still refuse it, or know a function otherwise: good for a count that warns, not for a proof.
    """
    import sqlglot
    from sqlglot import ErrorLevel, exp
    from sqlglot.errors import SqlglotError

    def columns(node: Any) -> Any:
        is_column = isinstance(node, exp.Column)
        return exp.maybe_parse(text_sql(table, node.name), dialect="mysql") if is_column else node

    try:
        parsed = exp.Paren(this=sqlglot.parse_one(expression, dialect="spark")).transform(columns)
        for node in reversed(list(parsed.find_all(exp.Translate, exp.Anonymous))):
            _put_in_source_words(node)
        return str(parsed.sql(dialect="mysql", unsupported_level=ErrorLevel.IGNORE))
    except (SqlglotError, RecursionError):
        return None


def _put_in_source_words(node: Any) -> None:
    """Replaces a function that MySQL has not: TRANSLATE by a REPLACE for each character, BTRIM by a pattern."""
    from sqlglot import exp

    if isinstance(node, exp.Translate):
        before, after = node.args["from_"], node.args["to"]
        if before.is_string and after.is_string:
            value = node.this
            for place, one in enumerate(before.name):
                value = _call("REPLACE", value, one, after.name[place : place + 1])
            node.replace(value)
    elif node.name.lower() == "btrim":
        value, *blanks = node.expressions
        among = "".join(f"\\{one}" if one in r"\]^-" else one for one in (blanks[0].name if blanks else " "))
        node.replace(_call("REGEXP_REPLACE", value, f"^[{among}]+|[{among}]+$", ""))


def _call(function: str, value: Any, *texts: str) -> Any:
    from sqlglot import exp

    return exp.Anonymous(this=function, expressions=[value, *map(exp.Literal.string, texts)])
