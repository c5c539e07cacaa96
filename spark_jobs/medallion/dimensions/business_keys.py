"""A row's business key as one text, by which tables of different shapes are joined."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from medallion.quality.rules import identifier

BUSINESS_KEY = "_business_key"


def business_key(columns: tuple[str, ...]) -> Column:
    """A key's values as one text that no other key has; NULL where a part is missing."""
    parts = [F.col(identifier(name)).cast("string") for name in columns]
    return F.when(reduce(Column.__and__, [part.isNotNull() for part in parts]), F.to_json(F.array(*parts)))
