"""The part of a contract that speaks of columns: their sources, types and rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import DataQuality, SchemaObject, SchemaProperty

from medallion import rules
from medallion.contracts import Column, Rule, Severity
from medallion.errors import ContractError

_LAKE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPARK_TYPE = re.compile(
    r"string|bigint|int|smallint|tinyint|double|float|boolean|date|timestamp|timestamp_ntz|binary"
    r"|decimal\((?:[1-9]|[12]\d|3[0-8]),\s*\d{1,2}\)"
)
_SIMPLE_TYPES = {
    "string": "string", "date": "date", "timestamp": "timestamp", "time": "string", "boolean": "boolean",
    "object": "string", "array": "string",
}  # fmt: skip
_COLUMN_PROPERTIES = {"derived", "sparkType", "severity", "unknownMember"}
# Results of these differ from run to run, so a rerun would change rows.
_UNSTABLE = re.compile(
    r"\b(?:(?:current_date|current_timestamp|localtimestamp)\b|(?:now|curdate|current_time|rand|randn|random|uuid|shuffle"
    r"|randstr|uniform|monotonically_increasing_id|spark_partition_id|input_file_name)\s*\()",
    re.IGNORECASE,
)


@dataclass
class Faults:
    """Collects what is wrong with one contract, to tell it all at once."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, where: str, value: Any, cure: str) -> None:
        """Notes a fault: the field, its value and what to do."""
        shown = "" if value is None else f": '{value}'"
        self.found.append(f"{self.path}: {where}{shown}: {cure}")

    def check(self) -> None:
        """Raises ContractError when there is any fault."""
        if self.found:
            raise ContractError("\n".join(self.found))


def read_columns(
    table: SchemaObject, sources: dict[str, str], faults: Faults
) -> tuple[tuple[Column, ...], tuple[Rule, ...], tuple[str, ...]]:
    """The columns of a silver table, all its rules, and its key; ``sources`` gives source names that differ."""
    columns: list[Column] = []
    found: list[Rule] = []
    key: list[tuple[int, str]] = []
    for position, entry in enumerate(table.properties or []):
        column, severity = _column(entry, sources, faults)
        columns.append(column)
        if entry.primaryKey:
            key.append((entry.primaryKeyPosition or position + 1, column.name))
        found += _built_in_rules(entry, column, severity, faults)
        for quality in entry.quality or []:
            found += _quality_rule(quality, column, f"properties.{column.name}.quality", faults)
    if not columns:
        faults.add("schema[0].properties", None, "give at least one column")
    for name in sorted({column.name for column in columns if sum(column.name == other.name for other in columns) > 1}):
        faults.add("properties.name", name, "two columns have this name; name one of them otherwise")
    ordered = tuple(name for _, name in sorted(key))
    if ordered:
        found.append(rules.unique(ordered, Severity.ERROR, is_key=True))
    for quality in table.quality or []:
        found += _quality_rule(quality, None, "schema[0].quality", faults)
    for name in sorted({rule.name for rule in found if sum(rule.name == other.name for other in found) > 1}):
        faults.add("quality.name", name, "two rules have this name; name one of them otherwise")
    return tuple(columns), tuple(found), ordered


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
    derived = settings.get("derived") is True
    if derived and not entry.transformLogic:
        faults.add(f"{at}.transformLogic", None, "a derived column needs an expression over source columns")
    if entry.transformLogic and (unstable := _UNSTABLE.search(entry.transformLogic)):
        faults.add(
            f"{at}.transformLogic", unstable.group(0), "its value differs from run to run; use source columns only"
        )
    source = None if derived else sources.get(name, name)
    expression = entry.transformLogic or rules.identifier(source or name)
    severity = _severity(settings.get("severity"), f"{at}.customProperties.severity", faults)
    for relationship in entry.relationships or []:
        if {str(one.property): one.value for one in relationship.customProperties or []}.get("severity") == "error":
            faults.add(f"{at}.relationships.severity", "error", "not yet; an unknown key is a warning")
    return Column(name, source, expression, _lake_type(entry, settings, at, faults)), severity


def _lake_type(entry: SchemaProperty, settings: dict[str, Any], at: str, faults: Faults) -> str:
    given = settings.get("sparkType")
    if given is not None:
        if not _SPARK_TYPE.fullmatch(str(given)):
            faults.add(f"{at}.customProperties.sparkType", given, "give a Spark SQL type such as decimal(18,2)")
        return str(given).replace(" ", "")
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


def _severity(value: Any, at: str, faults: Faults) -> Severity:
    if value is None:
        return Severity.ERROR
    if value not in {"error", "warning"}:
        faults.add(at, value, "use error or warning")
        return Severity.ERROR
    return Severity(value)


def _built_in_rules(entry: SchemaProperty, column: Column, severity: Severity, faults: Faults) -> list[Rule]:
    found = [rules.type_conversion(column.name, column.lake_type)]
    if entry.required or entry.primaryKey:
        found.append(rules.required(column.name, Severity.ERROR if entry.primaryKey else severity))
    if entry.unique and not entry.primaryKey:
        found.append(rules.unique((column.name,), severity, is_key=False))
    for name, value in (entry.logicalTypeOptions or {}).items():
        at = f"properties.{column.name}.logicalTypeOptions.{name}"
        if name not in rules.OPTIONS:
            faults.add(at, value, f"use one of {', '.join(rules.OPTIONS)}")
            continue
        try:
            found.append(rules.option(column.name, column.lake_type, name, value, severity))
        except ValueError as error:
            faults.add(at, value, str(error))
    return found


def _quality_rule(quality: DataQuality, column: Column | None, at: str, faults: Faults) -> list[Rule]:
    if quality.type == "text":
        return []
    if not quality.name:
        faults.add(f"{at}.name", None, "give the rule a name; it is shown as the reason in quarantine")
    name = quality.name or ""
    severity = _severity(quality.severity, f"{at}.{name}.severity", faults)
    message = quality.description or name
    columns = (column.name,) if column else ()
    if quality.type == "custom" and quality.engine == "sparkSql" and isinstance(quality.implementation, str):
        if unstable := _UNSTABLE.search(quality.implementation):
            faults.add(f"{at}.{name}.implementation", unstable.group(0), "its value differs from run to run")
        return [rules.expression(quality.implementation, columns, name, severity, message, quality.dimension)]
    values = (quality.arguments or {}).get("validValues")
    if quality.metric == "invalidValues" and column and isinstance(values, list) and values and quality.mustBe == 0:
        try:
            return [
                rules.valid_values(column.name, column.lake_type, values, name, severity, message, quality.dimension)
            ]
        except ValueError as error:
            faults.add(f"{at}.{name}.arguments.validValues", values, str(error))
            return []
    faults.add(
        f"{at}.{name}", quality.type,
        "use type custom, engine sparkSql and an implementation, or metric invalidValues with validValues and mustBe 0",
    )  # fmt: skip
    return []
