"""Keeps confidential values out of the quarantine, which more people read than the tables themselves.

What an entry says of a row follows from its masked form alone: a digest can be undone by trying all values. Only a
confidential key is kept as a digest, because an entry is found by its key, and so are the versions of a refused row.
"""

from __future__ import annotations

import re

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lake_model.contracts.silver_contract import Column as SourceColumn
from lake_model.contracts.silver_contract import SilverContract
from lake_model.contracts.sql_expressions import columns_of
from medallion.lake.sql_text import text_literal

MASK = "***"
_OPEN = {"public", "internal"}
_KEY_PREFIX = "sha256:"


def confidential_sources(contract: SilverContract) -> frozenset[str]:
    """The source columns that confidential columns are made from, in lower case."""
    columns = [column for column in contract.columns if is_confidential(column)]
    named = {column.source.lower() for column in columns if column.source}
    # Of an expression every word may be a column: a word too many hides a value too many.
    words = {word.lower() for column in columns for word in re.findall(r"\w+", column.expression)}
    return frozenset(named | words)


def masked_row(rows: DataFrame, raw: str, contract: SilverContract) -> Column:
    """The struct of a landed row, with ``***`` for each confidential value that is there."""
    hidden = confidential_sources(contract)
    if not hidden:
        return F.col(raw)
    shown = _shown_sources(contract)
    kind = rows.schema[raw].dataType
    assert isinstance(kind, T.StructType)
    values = {name: F.col(raw)[name] for name in kind.names}
    masked = {
        name: F.when(value.isNotNull(), F.lit(MASK)) for name, value in values.items() if name.lower() not in shown
    }
    return F.struct(*[value.alias(name) for name, value in (values | masked).items()])


def masked_text(raw_row: str, contract: SilverContract) -> Column:
    """An entry's row, where it was stored before its columns were confidential."""
    if not confidential_sources(contract):
        return F.col(raw_row)
    shown = ", ".join(text_literal(name) for name in sorted(_shown_sources(contract)))
    parsed = f"from_json({raw_row}, 'map<string,string>')"
    masked = (
        f"transform_values({parsed}, (name, value) -> IF(array_contains(array({shown}), lower(name)) OR value IS NULL, "
        f"value, {text_literal(MASK)}))"
    )
    text = f"to_json({masked}, map('ignoreNullFields', 'false'))"
    return F.expr(f"IF(to_json({parsed}, map('ignoreNullFields', 'false')) = {text}, {raw_row}, {text})")


def stored_key(key: Column, contract: SilverContract) -> Column:
    """A business key as the quarantine has it: a digest where a part of it is confidential."""
    return F.concat(F.lit(_KEY_PREFIX), F.sha2(key, 256)) if has_confidential_key(contract) else key


def still_stored_key(key: Column, contract: SilverContract) -> Column:
    """The key of an entry, where it was stored before a part of it was confidential; a key in clear is a JSON array."""
    return F.when(key.startswith("["), stored_key(key, contract)).otherwise(key)


def has_confidential_key(contract: SilverContract) -> bool:
    """Whether a part of the key is confidential."""
    return any(column.name in contract.key and is_confidential(column) for column in contract.columns)


def _shown_sources(contract: SilverContract) -> frozenset[str]:
    """The source columns that are open; one that no property is made from is not known to be."""
    named = {column.source for column in contract.columns if column.source}
    named |= {used.column for column in contract.columns for used in columns_of(column.expression)}
    return frozenset(name.lower() for name in named) - confidential_sources(contract)


def is_confidential(column: SourceColumn) -> bool:
    """Whether a column is classified as anything but open to all: an unknown word hides it too."""
    return (column.classification or "public").strip().lower() not in _OPEN


def hidden_measures(contract: SilverContract) -> tuple[str, ...]:
    """The measures that cannot be summed up from the quarantine."""
    hidden = confidential_sources(contract)
    return tuple(name for name in contract.measures if name.lower() in hidden)
