"""A row's business key as one text, by which tables of different shapes are joined."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.lake.sql_text import identifier

BUSINESS_KEY = "_business_key"
_FLOATING = {"float", "double"}


def _stored(name: str) -> Column:
    return F.col(identifier(name))


def business_key(columns: tuple[str, ...], value_of: Callable[[str], Column] = _stored) -> Column:
    """A key's values as one text that no other key has; NULL where a part is missing.

    ``value_of`` gives the value of a column of the key; without it that is the column of this name.
    """
    parts = [value_of(name).cast("string") for name in columns]
    return F.when(reduce(Column.__and__, [part.isNotNull() for part in parts]), F.to_json(F.array(*parts)))


def join_value(contract: SilverContract, name: str) -> Column:
    """A part of the key as rows are joined by it; a floating one as its text, as which 0.0 and -0.0 are two keys."""
    kinds = {column.name: column.lake_type for column in contract.columns}
    value = _stored(name)
    return value.cast("string") if kinds[name] in _FLOATING else value
