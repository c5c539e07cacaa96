"""Names and values as Spark SQL text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping


def identifier(name: str) -> str:
    """A name quoted for Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(value: str) -> str:
    """A string literal of Spark SQL that means exactly ``value``."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    # Spark puts a setting or an environment variable in the place of ${…}, in literals too.
    return f"'{escaped}'".replace("${", "\\u0024{")


def date_literal(day: dt.date) -> str:
    """A DATE literal of Spark SQL."""
    return f"DATE'{day.isoformat()}'"


def by_date(column: str, values: Mapping[dt.date, str]) -> str:
    """Spark SQL that looks a date up: of each date the expression that it stands for; NULL for other dates."""
    pairs = ", ".join(f"{date_literal(day)}, {value}" for day, value in values.items())
    return f"element_at(map({pairs}), {column})"
