"""Finds rows whose reference MySQL calls equal to a key, and silver does not: by case, accents or blanks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from lakehouse.errors import SourceError
from lakehouse.source.fingerprint import table_sql
from lakehouse.source.query_time import time_is_up
from lakehouse.source.sql_text import quote_identifier

from cli.commands.live_check import Finding
from lake_model.contracts.contract_columns import lake_columns, source_columns
from lake_model.contracts.contract_files import ContractFile, Problem

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource
    from open_data_contract_standard.model import SchemaProperty

_TEXT = re.compile(r"(var)?char|(tiny|medium|long)?text|enum", re.IGNORECASE)
# What both columns do in silver can be done in the comparison as well.
_CLEANINGS = (
    (re.compile(r"\btrim\s*\(", re.IGNORECASE), "TRIM"),
    (re.compile(r"\b(upper|lower)\s*\(", re.IGNORECASE), "LOWER"),
)
_OTHER_COLLATION = "Illegal mix of collations"


def check_references(
    source: MySqlSource, file: ContractFile, known: Mapping[str, ContractFile], tables: Collection[str], label: str
) -> Iterator[Finding]:
    """A warning for each reference by text that joins in MySQL and not in silver, with the number of its rows.

    Args:
        source: the server.
        file: the contract whose references are looked at.
        known: all contracts of its schema, by their names in the lake.
        tables: the tables that are at the source.
        label: the contract's file in messages.

    Raises:
        SourceError: a table cannot be read.
    """
    for column in lake_columns(file).values():
        for one in column.relationships or ():
            name, _, key = str(one.to).partition(".")
            other = known.get(name)
            target = lake_columns(other).get(key) if other else None
            if other and target and other.source_name in tables:
                yield from _compare(source, (file, column), (other, target), str(one.to), label)


def _compare(
    source: MySqlSource,
    reference: tuple[ContractFile, SchemaProperty],
    key: tuple[ContractFile, SchemaProperty],
    value: str,
    label: str,
) -> Iterator[Finding]:
    (file, column), (other, target) = reference, key
    ours, theirs = _source_name(file, column), _source_name(other, target)
    if ours is None or theirs is None or not (_is_text(column) and _is_text(target)):
        return
    sides = [f"our.{quote_identifier(ours)}", f"their.{quote_identifier(theirs)}"]
    compared = sides
    for pattern, function in _CLEANINGS:
        if all(pattern.search(one.transformLogic or "") for one in (column, target)):
            compared = [f"{function}({side})" for side in compared]
    left, right = (f"CAST({side} AS BINARY)" for side in compared)
    statement = (
        f"SELECT COUNT(*) FROM {table_sql(file.schema, file.source_name)} our "
        f"JOIN {table_sql(other.schema, other.source_name)} their ON {sides[0]} = {sides[1]} WHERE {left} <> {right}"
    )
    field = f"schema[{file.name}].properties[{column.name}].relationships.to"
    try:
        rows = int(source.rows(statement)[0][0] or 0)
    except SourceError as error:
        if _OTHER_COLLATION in str(error):
            return  # MySQL does not join them either.
        if not time_is_up(error):
            raise
        cure = "could not be compared with its keys in time: give --seconds more, or try in a quiet hour"
        yield Finding(Problem(label, field, value, cure), is_error=False)
        return
    if rows:
        several = f"{rows:,} rows differ" if rows > 1 else "1 row differs"
        cure = (
            f"{several} from its key in case, accents or blanks alone, which MySQL calls equal and silver does not: "
            "give both columns the same transformLogic, such as upper(trim(…)), or correct them"
        )
        yield Finding(Problem(label, field, value, cure), is_error=False)


def _source_name(file: ContractFile, column: SchemaProperty) -> str | None:
    return next((name for name, one in source_columns(file).items() if one is column), None)


def _is_text(column: SchemaProperty) -> bool:
    return _TEXT.match(column.physicalType or "") is not None
