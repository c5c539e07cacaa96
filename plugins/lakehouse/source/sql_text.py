"""Quoting of identifiers and text in MySQL statements; the session runs with an empty `sql_mode`."""

from __future__ import annotations


def quote_identifier(name: str) -> str:
    """Quote a schema, table or column name, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def quote_text(value: str) -> str:
    """Quote a text literal; the backslash is an escape character, as `sql_mode` is empty."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def digest_sql(value: str) -> str:
    """The SHA-256 of a value, as hexadecimal digits."""
    return f"SHA2({value},256)"
