"""What a query of a factory asks MySQL for."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DICTIONARY = re.compile(r"\binformation_schema\s*\.\s*`?tables\b|\bshow\s+(full\s+)?tables\b", re.IGNORECASE)
_OF_SCHEMA = re.compile(r"\btable_schema\s*=\s*'+([^'@]+)'+", re.IGNORECASE)
_SHOWN = re.compile(r"\bshow\s+(?:full\s+)?tables\s+(?:from|in)\s+`?([\w$]+)`?", re.IGNORECASE)
_BOUND = re.compile(r"\bmax\s*\(", re.IGNORECASE)
_EXPRESSION = re.compile(r"@\{[^{}]*\}")
_COMPARED = re.compile(r"\bwhere\b.*(>|<|\bbetween\b)", re.IGNORECASE | re.DOTALL)
_PLAIN = re.compile(r"\s*select\s+\*\s+from\s+\S+\s*;?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class QueryMeaning:
    """What is known of a query without asking it.

    Attributes:
        schema: that it names, if it names one.
        tables: that it reads, where they are written out.
        asks_for_tables: it asks which tables there are.
        asks_for_bound: it asks for the greatest value of a column.
        has_bound: it takes rows between bounds that an expression gives.
        narrows: it takes less than whole tables.
    """

    schema: str | None
    tables: tuple[str, ...]
    asks_for_tables: bool
    asks_for_bound: bool
    has_bound: bool
    narrows: bool


def query_meaning(text: str) -> QueryMeaning:
    """What a query says; an expression that makes a query is read as the text that it holds."""
    asks_for_tables = bool(_DICTIONARY.search(text))
    if asks_for_tables:
        match = _OF_SCHEMA.search(text) or _SHOWN.search(text)
        return QueryMeaning(match[1] if match else None, (), True, False, False, False)
    is_made = text.startswith("@") or "@{" in text
    schema, tables = (None, ()) if text.startswith("@") else _named_in(_EXPRESSION.sub("0", text))
    has_bound = is_made and bool(_COMPARED.search(text))
    narrows = not is_made and not _PLAIN.fullmatch(text)
    return QueryMeaning(schema, tables, False, bool(_BOUND.search(text)), has_bound, narrows)


def _named_in(sql: str) -> tuple[str | None, tuple[str, ...]]:
    """The schema and the tables that a written query names; nothing where it cannot be read."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(sql, dialect="mysql")
    except SqlglotError:
        return None, ()
    inner = {one.alias_or_name for one in parsed.find_all(exp.CTE)}
    tables = [one for one in parsed.find_all(exp.Table) if one.name and one.name not in inner]
    schemas = {one.db for one in tables if one.db}
    return schemas.pop() if len(schemas) == 1 else None, tuple(dict.fromkeys(one.name for one in tables))
