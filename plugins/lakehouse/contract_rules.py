"""What the platform asks of one contract beyond being valid ODCS; each check yields the problems that it finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lakehouse.contract_files import ContractFile, Problem, custom_properties, join_columns
from lakehouse.sql_expressions import ExpressionError, columns_of

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

KINDS = ("dimension", "fact", "one_big_table")
COMMON_PROPERTIES = {"tableKind", "changeDetection", "measures", "excluded"}
TABLE_PROPERTIES = {
    "dimension": COMMON_PROPERTIES | {"scdType", "trackedColumns"},
    "fact": COMMON_PROPERTIES | {"dateColumn", "duplicates"},
    "one_big_table": {"tableKind", "factTable", "joins", "partitionColumn", "layout", "measures"},
}
COLUMN_PROPERTIES = {"derived", "sparkType", "severity"}
OPTIONS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"}
CHOICES: dict[str, tuple[Any, ...]] = {
    "scdType": (1, 2),
    "changeDetection": ("fingerprint", "full"),
    "duplicates": ("keep_one", "keep_all"),
    "layout": ("partition", "cluster"),
    "excluded": (True, False),
}
LOGICAL_TYPES = ("string", "integer", "number", "date", "timestamp", "time", "boolean", "object", "array")
SEVERITIES = ("error", "warning")
LAKE_NAME = re.compile(r"[a-z][a-z0-9_]*")
COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
SPARK_TYPE = re.compile(
    r"string|boolean|tinyint|smallint|int|integer|bigint|float|double|date|timestamp|timestamp_ntz|binary"
    r"|decimal(\(\s*\d{1,2}\s*(,\s*\d{1,2}\s*)?\))?",
    re.IGNORECASE,
)
DATED_TYPE = re.compile(r"(date|datetime|timestamp)\b", re.IGNORECASE)
INEXACT_TYPE = re.compile(r"(float|double|real)\b", re.IGNORECASE)
KEPT_FOR_SILVER = {"valid_from", "valid_to", "is_current"}
KEPT_TABLE_ENDINGS = ("_quarantine", "_progress")


def check_contract(file: ContractFile) -> Iterator[Problem]:
    """Everything that is wrong within this contract alone."""
    kind = file.settings.get("tableKind")
    if kind not in KINDS:
        yield _problem(file, "customProperties.tableKind", kind, f"must be one of {', '.join(KINDS)}")
        return
    yield from _check_names(file)
    yield from _check_table_properties(file, kind)
    for column in file.table.properties or ():
        yield from _check_column(file, kind, column)
    yield from _check_measures(file, kind)
    yield from {"dimension": _check_dimension, "fact": _check_fact, "one_big_table": _check_one_big_table}[kind](file)
    yield from _check_rules(file, kind)


def _problem(file: ContractFile, field: str, value: object, cure: str) -> Problem:
    return Problem(file.file, f"schema[{file.name}].{field}", value, cure)


def _column_field(column: SchemaProperty, field: str) -> str:
    return f"properties[{column.name}].{field}"


def lake_columns(file: ContractFile) -> dict[str, SchemaProperty]:
    """The columns by their names in the lake."""
    return {column.name: column for column in file.table.properties or () if column.name}


def source_columns(file: ContractFile) -> dict[str, SchemaProperty]:
    """The columns that stand in MySQL, by their names there."""
    columns = lake_columns(file).values()
    return {
        c.physicalName or c.name or "": c for c in columns if not custom_properties(c.customProperties).get("derived")
    }


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _check_names(file: ContractFile) -> Iterator[Problem]:
    if not LAKE_NAME.fullmatch(file.name):
        yield _problem(
            file, "name", file.name, "must be lower case letters, digits and _; physicalName may be anything"
        )
    if file.name.endswith(KEPT_TABLE_ENDINGS):
        yield _problem(file, "name", file.name, f"must not end in {' or '.join(KEPT_TABLE_ENDINGS)}: silver uses that")
    expected = f"{file.name}.odcs.yaml"
    if file.file != expected:
        yield _problem(file, "name", file.name, f"does not fit the file's name: rename the file to {expected}")
    columns = file.table.properties or []
    if not columns:
        yield _problem(file, "properties", [], "must list at least one column")
    for name in _repeated((column.name or "").casefold() for column in columns):
        yield _problem(
            file, "properties", name, "is there more than once (upper and lower case are one): keep one of them"
        )
    kept = KEPT_FOR_SILVER | {f"{file.name}_key"} if file.settings["tableKind"] == "dimension" else set()
    for column in columns:
        if not COLUMN_NAME.fullmatch(column.name or ""):
            cure = "must be letters, digits and _, beginning with a letter; give the source's name in physicalName"
            yield _problem(file, _column_field(column, "name"), column.name, cure)
        elif (column.name or "").casefold() in kept:
            yield _problem(
                file, _column_field(column, "name"), column.name, "is a column that silver adds itself: rename it"
            )


def _check_table_properties(file: ContractFile, kind: str) -> Iterator[Problem]:
    entries = file.table.customProperties or []
    for name in _repeated(str(entry.property) for entry in entries):
        yield _problem(file, "customProperties", name, "is there more than once: keep one of them")
    allowed = TABLE_PROPERTIES[kind]
    for name, value in file.settings.items():
        if name not in allowed:
            cure = f"is not known for a {kind}; known are {', '.join(sorted(allowed))}"
            yield _problem(file, f"customProperties.{name}", value, cure)
        elif name == "changeDetection" and value == "watermark":
            yield _problem(
                file, f"customProperties.{name}", value, "watermark is not there yet: use fingerprint or full"
            )
        elif name in CHOICES and not any(value is choice or value == choice for choice in CHOICES[name]):
            choices = ", ".join(str(choice).lower() for choice in CHOICES[name])
            yield _problem(file, f"customProperties.{name}", value, f"must be one of {choices}")


def _check_column(file: ContractFile, kind: str, column: SchemaProperty) -> Iterator[Problem]:
    custom = custom_properties(column.customProperties)
    allowed = COLUMN_PROPERTIES if kind != "one_big_table" else {"sparkType", "unknownMember"}
    for name in sorted(set(custom) - allowed):
        cure = f"is not known for a column of a {kind}; known are {', '.join(sorted(allowed))}"
        yield _problem(file, _column_field(column, f"customProperties.{name}"), custom[name], cure)
    if column.logicalType not in LOGICAL_TYPES:
        cure = f"must be one of {', '.join(LOGICAL_TYPES)}"
        yield _problem(file, _column_field(column, "logicalType"), column.logicalType, cure)
    spark_type = custom.get("sparkType")
    if spark_type is not None and not SPARK_TYPE.fullmatch(str(spark_type).strip()):
        cure = "must be a Spark SQL type such as bigint or decimal(18,2)"
        yield _problem(file, _column_field(column, "customProperties.sparkType"), spark_type, cure)
    if custom.get("severity", "error") not in SEVERITIES:
        cure = f"must be one of {', '.join(SEVERITIES)}"
        yield _problem(file, _column_field(column, "customProperties.severity"), custom["severity"], cure)
    yield from _check_options(file, column)
    yield from _check_transform(file, kind, column, custom.get("derived", False))
    for field in ("properties", "items", "map", "enum"):
        if getattr(column, field):
            cure = "is not supported: for allowed values use quality with metric invalidValues"
            yield _problem(file, _column_field(column, field), "…", cure)


def _check_options(file: ContractFile, column: SchemaProperty) -> Iterator[Problem]:
    options = column.logicalTypeOptions or {}
    for name in sorted(set(options) - OPTIONS):
        cure = f"is no rule that silver knows; known are {', '.join(sorted(OPTIONS))}"
        yield _problem(file, _column_field(column, f"logicalTypeOptions.{name}"), options[name], cure)
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if low in options and high in options and options[low] > options[high]:
            cure = f"must not be greater than {high} ({options[high]})"
            yield _problem(file, _column_field(column, f"logicalTypeOptions.{low}"), options[low], cure)


def _check_transform(file: ContractFile, kind: str, column: SchemaProperty, derived: object) -> Iterator[Problem]:
    field = _column_field(column, "transformLogic")
    if derived not in {True, False}:
        yield _problem(file, _column_field(column, "customProperties.derived"), derived, "must be true or false")
    if derived is True and column.physicalName:
        cure = "a derived column has no source column: remove physicalName or derived"
        yield _problem(file, _column_field(column, "physicalName"), column.physicalName, cure)
    if column.transformLogic is None:
        if derived is True or kind == "one_big_table":
            yield _problem(file, field, None, "is missing: write the Spark SQL expression that gives the column")
        return
    try:
        columns_of(column.transformLogic)
    except ExpressionError as error:
        yield _problem(file, field, column.transformLogic, str(error))


def _check_measures(file: ContractFile, kind: str) -> Iterator[Problem]:
    columns = lake_columns(file)
    for name in _names(file, "measures"):
        column = columns.get(name)
        if column is None:
            yield _unknown_column(file, "customProperties.measures", name)
        elif column.logicalType not in {"integer", "number"}:
            yield _problem(file, "customProperties.measures", name, "must be a number or an integer to be summed")
        elif INEXACT_TYPE.match(column.physicalType or ""):
            cure = f"is {column.physicalType}, whose sum depends on the order of its rows: remove it from measures"
            yield _problem(file, "customProperties.measures", name, cure)
        elif kind != "one_big_table" and (
            column.transformLogic is not None or source_columns(file).get(name) is not column
        ):
            cure = "is altered on its way, so its sum cannot be compared with the source: remove it from measures"
            yield _problem(file, "customProperties.measures", name, cure)
    yield from _check_name_list(file, "measures")


def _check_name_list(file: ContractFile, name: str) -> Iterator[Problem]:
    value = file.settings.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(entry, str) for entry in value)):
        yield _problem(file, f"customProperties.{name}", value, "must be a list of column names")


def _names(file: ContractFile, name: str) -> list[str]:
    value = file.settings.get(name)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _unknown_column(file: ContractFile, field: str, name: object) -> Problem:
    return _problem(file, field, name, f"is no column of this contract; it has {', '.join(lake_columns(file))}")


def _check_dimension(file: ContractFile) -> Iterator[Problem]:
    columns = lake_columns(file)
    keys = [column.name for column in columns.values() if column.primaryKey]
    if not keys:
        yield _problem(file, "properties", [], "a dimension needs a key: mark its columns with primaryKey: true")
    if "trackedColumns" not in file.settings:
        return
    if file.settings.get("scdType", 1) != 2:
        cure = "belongs to SCD type 2: set scdType to 2 or remove it"
        yield _problem(file, "customProperties.trackedColumns", file.settings["trackedColumns"], cure)
    yield from _check_name_list(file, "trackedColumns")
    for name in _names(file, "trackedColumns"):
        if name not in columns:
            yield _unknown_column(file, "customProperties.trackedColumns", name)
        elif name in keys:
            cure = "is the key, and a changed key is another row: remove it from trackedColumns"
            yield _problem(file, "customProperties.trackedColumns", name, cure)


def _check_fact(file: ContractFile) -> Iterator[Problem]:
    sources = source_columns(file)
    name = file.settings.get("dateColumn")
    if name is None:
        yield _problem(file, "customProperties.dateColumn", None, "a fact needs the source column that dates its rows")
    elif name not in sources:
        cure = f"is no source column of this contract; it has {', '.join(sources)}"
        yield _problem(file, "customProperties.dateColumn", name, cure)
    elif not DATED_TYPE.match(sources[name].physicalType or ""):
        cure = f"must be DATE, DATETIME or TIMESTAMP at the source, not physicalType {sources[name].physicalType}"
        yield _problem(file, "customProperties.dateColumn", name, cure)


def _check_one_big_table(file: ContractFile) -> Iterator[Problem]:
    columns = lake_columns(file)
    if not isinstance(file.settings.get("factTable"), str):
        cure = "must name the fact table that gives the rows"
        yield _problem(file, "customProperties.factTable", file.settings.get("factTable"), cure)
    partition = file.settings.get("partitionColumn")
    if partition not in columns:
        yield _unknown_column(file, "customProperties.partitionColumn", partition)
    joins = file.settings.get("joins", [])
    if not isinstance(joins, list):
        yield _problem(file, "customProperties.joins", joins, "must be a list of {table, on}")
        return
    for join in joins:
        if not join_columns(join):
            cure = "must be {table: dimension, on: {fact column: dimension column}}"
            yield _problem(file, "customProperties.joins", join, cure)
    tables = [str(join["table"]) for join in joins if isinstance(join, dict) and "table" in join]
    for name in _repeated(tables):
        yield _problem(
            file, "customProperties.joins", name, "is joined more than once: join it once, over all its columns"
        )


def _check_rules(file: ContractFile, kind: str) -> Iterator[Problem]:
    rules: list[tuple[str, SchemaProperty | None, DataQuality]] = [
        ("quality", None, r) for r in file.table.quality or ()
    ]
    for column in file.table.properties or ():
        rules += [(_column_field(column, "quality"), column, rule) for rule in column.quality or ()]
    if kind == "one_big_table" and rules:
        yield _problem(
            file, "quality", [rule.name for _, _, rule in rules], "rules are judged in silver: move them there"
        )
        return
    for name in _repeated(rule.name for _, _, rule in rules if rule.name):
        yield _problem(file, "quality", name, "names two rules: each needs a name of its own")
    for field, column_of_rule, rule in rules:
        yield from _check_rule(file, f"{field}[{rule.name}]", column_of_rule, rule)


def _check_rule(file: ContractFile, field: str, column: SchemaProperty | None, rule: DataQuality) -> Iterator[Problem]:
    if rule.severity is not None and rule.severity not in SEVERITIES:
        yield _problem(file, f"{field}.severity", rule.severity, f"must be one of {', '.join(SEVERITIES)}")
    if rule.metric == "invalidValues" and column is not None:
        values = (rule.arguments or {}).get("validValues")
        if not isinstance(values, list) or not values:
            yield _problem(file, f"{field}.arguments.validValues", values, "must be a list of the values allowed")
        if rule.mustBe != 0:
            yield _problem(file, f"{field}.mustBe", rule.mustBe, "must be 0: every row is judged for itself")
    elif rule.type == "custom" and rule.engine == "sparkSql":
        yield from _check_row_rule(file, field, rule)
    else:
        cure = "must be type: custom with engine: sparkSql, or (for a column) metric: invalidValues"
        yield _problem(file, field, {"type": rule.type, "engine": rule.engine, "metric": rule.metric}, cure)


def _check_row_rule(file: ContractFile, field: str, rule: DataQuality) -> Iterator[Problem]:
    if not rule.name:
        yield _problem(file, f"{field}.name", rule.name, "is missing: the quarantine names the rule to people")
    if not isinstance(rule.implementation, str):
        yield _problem(file, f"{field}.implementation", rule.implementation, "must be a boolean Spark SQL expression")
        return
    try:
        used = columns_of(rule.implementation)
    except ExpressionError as error:
        yield _problem(file, f"{field}.implementation", rule.implementation, str(error))
        return
    known = {name.casefold() for name in lake_columns(file)}
    for reference in used:
        if reference.column.casefold() not in known:
            yield _unknown_column(file, f"{field}.implementation", reference.column)
