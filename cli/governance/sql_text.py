"""Names and texts as Databricks' SQL writes them."""

from __future__ import annotations

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def quoted(*names: str) -> str:
    """An object's name, of its parts."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def text(value: str) -> str:
    """A text, on one line whatever it holds."""
    return f"'{value.translate(_ESCAPES)}'"


def value_of(given: str, lake_type: str) -> str:
    """A value that a contract writes as a text, in its column's type."""
    if lake_type == "boolean":
        return "TRUE" if given == "true" else "FALSE"
    if lake_type.startswith(("bigint", "int", "smallint", "tinyint", "decimal")):
        return str(int(given))
    return text(given)
