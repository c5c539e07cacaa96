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
from cli.source_values import cleaned_sql, text_sql
from lake_model.contracts.contract_columns import lake_columns, source_columns
from lake_model.contracts.contract_files import ContractFile, Problem

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource
    from open_data_contract_standard.model import SchemaProperty

_TEXT = re.compile(r"(var)?char|(tiny|medium|long)?text|enum", re.IGNORECASE)
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
    tables = (
        f"{table_sql(file.schema, file.source_name)} our JOIN {table_sql(other.schema, other.source_name)} their "
        f"ON our.{quote_identifier(ours)} = their.{quote_identifier(theirs)}"
    )
    plain = text_sql("our", ours), text_sql("their", theirs)
    sides = (_cleaned(column, "our") or plain[0], _cleaned(target, "their") or plain[1])
    field = f"schema[{file.name}].properties[{column.name}].relationships.to"
    try:
        try:
            rows, accented = _count(source, tables, sides)
        except SourceError as error:
            if sides == plain or _OTHER_COLLATION in str(error) or time_is_up(error):
                raise
            # A function of Spark that the server has not: what is there in the source can be compared all the same.
            rows, accented = _count(source, tables, plain)
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
        logic = "translate(upper(trim(…)), …) with the letters of adding_a_table.md" if accented else "upper(trim(…))"
        cure = (
            f"{several} from its key in case, accents or blanks alone, which MySQL calls equal and silver does not: "
            f"give both columns the same transformLogic, such as {logic}, or correct them"
        )
        yield Finding(Problem(label, field, value, cure), is_error=False)


def _cleaned(column: SchemaProperty, table: str) -> str | None:
    return cleaned_sql(column.transformLogic, table) if column.transformLogic else None


def _count(source: MySqlSource, tables: str, sides: tuple[str, str]) -> tuple[int, int]:
    """The joined rows whose values differ by bytes, and those of them that differ by more than case and blanks."""
    exact, folded = (
        " <> ".join(f"CAST({function.format(side)} AS BINARY)" for side in sides)
        for function in ("{}", "LOWER(TRIM({}))")
    )
    counts = source.rows(f"SELECT COUNT(*), SUM({folded}) FROM {tables} WHERE {exact}")[0]
    return int(counts[0] or 0), int(counts[1] or 0)


def _source_name(file: ContractFile, column: SchemaProperty) -> str | None:
    return next((name for name, one in source_columns(file).items() if one is column), None)


def _is_text(column: SchemaProperty) -> bool:
    return _TEXT.match(column.physicalType or "") is not None
