"""Quoting of identifiers and text in MySQL statements; the session runs with an empty `sql_mode`."""

from __future__ import annotations


def quote_identifier(name: str) -> str:
    """Quote a schema, table or column name, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def quote_text(value: str) -> str:
    """Quote a text literal; the backslash is an escape character, as `sql_mode` is empty."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
