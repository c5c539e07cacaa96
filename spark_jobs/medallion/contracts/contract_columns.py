"""The part of a contract that speaks of columns: their sources, types and rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from medallion.contracts.contract_faults import Faults
from medallion.contracts.contract_quality import Expected, read_quality, read_severity
from medallion.contracts.patterns import pattern_fault
from medallion.contracts.silver_contract import Column, Rule, Severity
from medallion.contracts.unstable_sql import unstable_call
from medallion.quality import rules

_LAKE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPARK_TYPE = re.compile(
    r"string|bigint|int|smallint|tinyint|double|float|boolean|date|timestamp|timestamp_ntz|binary"
    r"|decimal\(([1-9]|[12]\d|3[0-8]),\s*(\d{1,2})\)"
)
_SIMPLE_TYPES = {
    "string": "string", "date": "date", "timestamp": "timestamp", "time": "string", "boolean": "boolean",
    "object": "string", "array": "string",
}  # fmt: skip
_COLUMN_PROPERTIES = {"derived", "sparkType", "severity", "unknownMember"}


@dataclass(frozen=True)
class ReadColumns:
    """The columns of a silver table, what is expected of its rows, and its key."""

    columns: tuple[Column, ...]
    expected: Expected
    key: tuple[str, ...]


def read_columns(table: SchemaObject, sources: dict[str, str], faults: Faults) -> ReadColumns:
    """The columns of a silver table, all its rules, and its key; ``sources`` gives source names that differ."""
    expected = Expected()
    key: list[tuple[int, str]] = []
    found = [_column(entry, sources, faults) for entry in table.properties or []]
    columns = {column.name: column for column, _ in found}
    for position, (entry, (column, severity)) in enumerate(zip(table.properties or [], found, strict=True)):
        if entry.primaryKey:
            key.append((entry.primaryKeyPosition or position + 1, column.name))
        expected.rules += _built_in_rules(entry, column, severity, faults)
        for quality in entry.quality or []:
            read_quality(quality, column, columns, f"properties.{column.name}.quality", faults, expected)
    if not found:
        faults.add("schema[0].properties", None, "give at least one column")
    check_repeated((column.name for column, _ in found), faults)
    ordered = tuple(name for _, name in sorted(key))
    if ordered:
        expected.rules.append(rules.unique(ordered, Severity.ERROR, is_key=True))
    for quality in table.quality or []:
        read_quality(quality, None, columns, "schema[0].quality", faults, expected)
    for name in _repeated(expected.names):
        faults.add("quality.name", name, "two rules have this name; name one of them otherwise")
    return ReadColumns(tuple(column for column, _ in found), expected, ordered)


def check_repeated(names: Iterable[str], faults: Faults) -> None:
    """Tells names that two columns have; to Spark upper and lower case are one."""
    for name in _repeated(name.casefold() for name in names):
        faults.add("properties.name", name, "two columns have this name; name one of them otherwise")


def read_spark_type(given: Any, at: str, faults: Faults) -> str:
    """A column's ``sparkType`` as Spark writes it."""
    found = _SPARK_TYPE.fullmatch(str(given))
    if found is None or (found[2] and int(found[2]) > int(found[1])):
        faults.add(f"{at}.customProperties.sparkType", given, "give a Spark SQL type such as bigint or decimal(18,2)")
    return str(given).replace(" ", "")


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _column(entry: SchemaProperty, sources: dict[str, str], faults: Faults) -> tuple[Column, Severity]:
    name = entry.name or ""
    at = f"properties.{name}"
    settings = {str(one.property): one.value for one in entry.customProperties or []}
    if not _LAKE_NAME.fullmatch(name):
        faults.add(
            "properties.name", name, "give a lake name of letters, digits and _, and the source's as physicalName"
        )
    for unknown in sorted(settings.keys() - _COLUMN_PROPERTIES):
        faults.add(
            f"{at}.customProperties.{unknown}", settings[unknown], f"use one of {', '.join(sorted(_COLUMN_PROPERTIES))}"
        )
    derived = settings.get("derived", False)
    if not isinstance(derived, bool):
        faults.add(f"{at}.customProperties.derived", derived, "use true or false")
    if derived and not entry.transformLogic:
        faults.add(f"{at}.transformLogic", None, "a derived column needs an expression over source columns")
    if entry.transformLogic and (unstable := unstable_call(entry.transformLogic)):
        faults.add(f"{at}.transformLogic", unstable, "its value differs from run to run; use source columns only")
    source = None if derived else sources.get(name, name)
    expression = entry.transformLogic or rules.identifier(source or name)
    severity = read_severity(settings.get("severity"), f"{at}.customProperties.severity", faults)
    return Column(name, source, expression, _lake_type(entry, settings, at, faults)), severity


def _lake_type(entry: SchemaProperty, settings: dict[str, Any], at: str, faults: Faults) -> str:
    given = settings.get("sparkType")
    if given is not None:
        return read_spark_type(given, at, faults)
    physical = (entry.physicalType or "").lower()
    if entry.logicalType in _SIMPLE_TYPES:
        return _SIMPLE_TYPES[entry.logicalType]
    if entry.logicalType == "integer":
        return "decimal(20,0)" if "bigint" in physical and "unsigned" in physical else "bigint"
    if entry.logicalType == "number":
        match = re.match(r"(?:decimal|numeric)\s*\((\d+)(?:\s*,\s*(\d+))?\)", physical)
        if match is None:
            return "double"
        if int(match.group(1)) > 38:
            faults.add(f"{at}.physicalType", entry.physicalType, "Spark has at most 38 digits; give sparkType: string")
        return f"decimal({match.group(1)},{match.group(2) or 0})"
    faults.add(
        f"{at}.logicalType", entry.logicalType,
        "use string, integer, number, date, timestamp, time, boolean, object or array",
    )  # fmt: skip
    return "string"


def _built_in_rules(entry: SchemaProperty, column: Column, severity: Severity, faults: Faults) -> list[Rule]:
    found = [rules.type_conversion(column.name, column.lake_type)]
    if entry.required or entry.primaryKey:
        found.append(rules.required(column.name, Severity.ERROR if entry.primaryKey else severity))
    if entry.unique and not entry.primaryKey:
        found.append(rules.unique((column.name,), severity, is_key=False))
    for relationship in entry.relationships or []:
        settings = {str(one.property): one.value for one in relationship.customProperties or []}
        if settings.get("severity") == "error":
            dimension, _, key = str(relationship.to).partition(".")
            found.append(rules.known(column.name, dimension, key))
    for name, value in (entry.logicalTypeOptions or {}).items():
        at = f"properties.{column.name}.logicalTypeOptions.{name}"
        if name not in rules.OPTIONS:
            faults.add(at, value, f"use one of {', '.join(rules.OPTIONS)}")
            continue
        if name == "pattern" and (fault := pattern_fault(value)):
            faults.add(at, value, fault)
            continue
        try:
            found.append(rules.option(column.name, column.lake_type, name, value, severity))
        except ValueError as error:
            faults.add(at, value, str(error))
    return found
