"""Dates as values in a query: by their text, because PySpark loses the zeros of a year below 1000."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from medallion.lake.sql_text import date_literal


def date_value(day: dt.date | None) -> Column:
    """A DATE; NULL for None."""
    return F.lit(None).cast("date") if day is None else F.expr(date_literal(day))


def is_one_of(value: str, days: Iterable[dt.date]) -> Column:
    """Whether the date that a Spark SQL expression gives is one of some days."""
    listed = ", ".join(map(date_literal, days))
    return F.expr(f"{value} IN ({listed})" if listed else "FALSE")
