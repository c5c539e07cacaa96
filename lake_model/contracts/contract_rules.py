"""What the platform asks of one contract beyond being valid ODCS; each check yields the problems that it finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_change_scope import SCOPE_PROPERTIES, check_change_scope
from lake_model.contracts.contract_columns import (
    column_field,
    date_column,
    lake_columns,
    problem,
    source_columns,
    unknown_column,
)
from lake_model.contracts.contract_files import ContractFile, Problem, custom_properties, join_columns
from lake_model.contracts.contract_quality import check_quality
from lake_model.contracts.copy_spec import COPY_CHOICES
from lake_model.contracts.kpi_contract import KPI_PROPERTIES, check_kpis
from lake_model.contracts.lake_types import (
    has_too_many_digits,
    is_spark_type,
    lake_type,
)
from lake_model.contracts.row_rules import OPTIONS, option_fault
from lake_model.contracts.sql_expressions import ExpressionError, columns_of, forbidden_call
from lake_model.contracts.table_access import check_roles
from lake_model.contracts.table_rules import SEVERITIES

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

KINDS = ("dimension", "fact", "one_big_table")
COMMON_PROPERTIES = {"tableKind", "measures", "excluded", "stopAbove", *COPY_CHOICES}
TABLE_PROPERTIES = {
    "dimension": COMMON_PROPERTIES | {"scdType", "trackedColumns", "maxDeleteShare"},
    "fact": COMMON_PROPERTIES | {"dateColumn", "duplicates", "layout"} | SCOPE_PROPERTIES,
    "one_big_table": {"tableKind", "factTable", "joins", "partitionColumn", "layout", "measures"} | KPI_PROPERTIES,
}
COLUMN_PROPERTIES = {"derived", "sparkType", "severity"}
CHOICES: dict[str, Sequence[Any]] = {
    "scdType": (1, 2),
    "duplicates": ("keep_one", "keep_all"),
    "layout": ("partition", "cluster"),
    "excluded": (True, False),
    **COPY_CHOICES,
}
LOGICAL_TYPES = ("string", "integer", "number", "date", "timestamp", "time", "boolean", "object", "array")
LAKE_NAME = re.compile(r"[a-z][a-z0-9_]*")
COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
DATED_TYPE = re.compile(r"(date|datetime|timestamp)\b", re.IGNORECASE)
INEXACT_TYPE = re.compile(r"(float|double|real)\b", re.IGNORECASE)
# The copy has the server sum columns of these types, and no others (`sum_sql` in the source's type map).
SUMMED_TYPE = re.compile(
    r"((tiny|small|medium|big)?int|integer|dec|decimal|numeric|fixed|bool|boolean)\b", re.IGNORECASE
)
_NUMBER_TYPE = re.compile(r"tinyint|smallint|int|bigint|float|double|decimal\(.*")
KEPT_FOR_SILVER = {"valid_from", "valid_to", "is_current"}
# Spark jobs put columns of their own beside the source's; the lake's names begin with a letter, and theirs do not.
KEPT_SOURCE_PREFIX = "_lakehouse_"
KEPT_TABLE_ENDINGS = ("_quarantine", "_progress", "quality_metrics")


def check_contract(file: ContractFile) -> Iterator[Problem]:
    """Everything that is wrong within this contract alone."""
    kind = file.settings.get("tableKind")
    if kind not in KINDS:
        yield problem(file, "customProperties.tableKind", kind, f"must be one of {', '.join(KINDS)}")
        return
    yield from _check_names(file)
    yield from _check_table_properties(file, kind)
    for column in file.table.properties or ():
        yield from _check_column(file, kind, column)
    yield from _check_measures(file, kind)
    yield from {"dimension": _check_dimension, "fact": _check_fact, "one_big_table": _check_one_big_table}[kind](file)
    yield from check_quality(file, kind)


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _check_names(file: ContractFile) -> Iterator[Problem]:
    if not LAKE_NAME.fullmatch(file.name):
        yield problem(file, "name", file.name, "must be lower case letters, digits and _; physicalName may be anything")
    if file.name.endswith(KEPT_TABLE_ENDINGS):
        yield problem(file, "name", file.name, f"must not end in {' or '.join(KEPT_TABLE_ENDINGS)}: silver uses that")
    expected = f"{file.name}.odcs.yaml"
    if file.file != expected:
        yield problem(file, "name", file.name, f"does not fit the file's name: rename the file to {expected}")
    columns = file.table.properties or []
    if not columns:
        yield problem(file, "properties", [], "must list at least one column")
    for name in _repeated((column.name or "").casefold() for column in columns):
        yield problem(
            file, "properties", name, "is there more than once (upper and lower case are one): keep one of them"
        )
    kept = KEPT_FOR_SILVER | {f"{file.name}_key"} if file.settings["tableKind"] == "dimension" else set()
    for column in columns:
        if not COLUMN_NAME.fullmatch(column.name or ""):
            cure = "must be letters, digits and _, beginning with a letter; give the source's name in physicalName"
            yield problem(file, column_field(column, "name"), column.name, cure)
        elif (column.name or "").casefold() in kept:
            yield problem(
                file, column_field(column, "name"), column.name, "is a column that silver adds itself: rename it"
            )
        if (column.physicalName or "").lower().startswith(KEPT_SOURCE_PREFIX):
            cure = f"names that begin with {KEPT_SOURCE_PREFIX} are kept for the jobs: copy a view that renames it"
            yield problem(file, column_field(column, "physicalName"), column.physicalName, cure)


def _check_table_properties(file: ContractFile, kind: str) -> Iterator[Problem]:
    entries = file.table.customProperties or []
    for name in _repeated(str(entry.property) for entry in entries):
        yield problem(file, "customProperties", name, "is there more than once: keep one of them")
    allowed = TABLE_PROPERTIES[kind]
    for name, value in file.settings.items():
        if name not in allowed:
            cure = f"is not known for a {kind}; known are {', '.join(sorted(allowed))}"
            yield problem(file, f"customProperties.{name}", value, cure)
        elif name == "changeDetection" and value == "watermark" and kind == "dimension":
            cure = "a watermark points to dates, and a dimension has none: use fingerprint or full"
            yield problem(file, f"customProperties.{name}", value, cure)
        elif name in CHOICES and (fault := _no_choice(CHOICES[name], value)):
            yield problem(file, f"customProperties.{name}", value, fault)


def _no_choice(choices: Sequence[Any], value: object) -> str | None:
    """Why a value is none of the choices; True is no 1, though Python has them equal."""
    if type(value) is type(choices[0]) and value in choices:
        return None
    if isinstance(choices, range):
        return f"must be a whole number from {choices[0]} to {choices[-1]}"
    return f"must be one of {', '.join(str(choice).lower() for choice in choices)}"


def _check_column(file: ContractFile, kind: str, column: SchemaProperty) -> Iterator[Problem]:
    custom = custom_properties(column.customProperties)
    allowed = COLUMN_PROPERTIES if kind != "one_big_table" else {"sparkType", "unknownMember"}
    for name in sorted(set(custom) - allowed):
        cure = f"is not known for a column of a {kind}; known are {', '.join(sorted(allowed))}"
        yield problem(file, column_field(column, f"customProperties.{name}"), custom[name], cure)
    if column.logicalType not in LOGICAL_TYPES:
        cure = f"must be one of {', '.join(LOGICAL_TYPES)}"
        yield problem(file, column_field(column, "logicalType"), column.logicalType, cure)
    spark_type = custom.get("sparkType")
    if spark_type is not None and not is_spark_type(spark_type):
        cure = "must be a Spark SQL type such as bigint or decimal(18,2)"
        yield problem(file, column_field(column, "customProperties.sparkType"), spark_type, cure)
    if has_too_many_digits(column):
        cure = "has more digits than Spark's 38: give sparkType: string"
        yield problem(file, column_field(column, "physicalType"), column.physicalType, cure)
    if custom.get("severity", "error") not in SEVERITIES:
        cure = f"must be one of {', '.join(SEVERITIES)}"
        yield problem(file, column_field(column, "customProperties.severity"), custom["severity"], cure)
    yield from _check_options(file, column)
    yield from _check_transform(file, kind, column, custom.get("derived", False))
    for field in ("properties", "items", "map", "enum"):
        if getattr(column, field):
            cure = "is not supported: for allowed values use quality with metric invalidValues"
            yield problem(file, column_field(column, field), "…", cure)


def _check_options(file: ContractFile, column: SchemaProperty) -> Iterator[Problem]:
    options = column.logicalTypeOptions or {}
    for name in sorted(set(options) - OPTIONS.keys()):
        cure = f"is no rule that silver knows; known are {', '.join(sorted(OPTIONS))}"
        yield problem(file, column_field(column, f"logicalTypeOptions.{name}"), options[name], cure)
    kind = lake_type(column)
    if kind is None:
        return  # Reported with the column's types.
    faults = {name: option_fault(name, options[name], kind) for name in OPTIONS.keys() & set(options)}
    for name, fault in sorted(faults.items()):
        if fault:
            yield problem(file, column_field(column, f"logicalTypeOptions.{name}"), options[name], fault)
    # A date may be written as text; as text dates and times have their own order.
    in_order: Callable[[Any], Any] = str if kind.startswith(("date", "time")) else lambda value: Decimal(str(value))
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        both = low in options and high in options and not faults[low] and not faults[high]
        if both and in_order(options[low]) > in_order(options[high]):
            cure = f"must not be greater than {high} ({options[high]})"
            yield problem(file, column_field(column, f"logicalTypeOptions.{low}"), options[low], cure)


def _check_transform(file: ContractFile, kind: str, column: SchemaProperty, derived: object) -> Iterator[Problem]:
    field = column_field(column, "transformLogic")
    if not isinstance(derived, bool):
        yield problem(file, column_field(column, "customProperties.derived"), derived, "must be true or false")
    if derived is True and column.physicalName:
        cure = "a derived column has no source column: remove physicalName or derived"
        yield problem(file, column_field(column, "physicalName"), column.physicalName, cure)
    if column.transformLogic is None:
        if derived is True or kind == "one_big_table":
            yield problem(file, field, None, "is missing: write the Spark SQL expression that gives the column")
        return
    try:
        columns_of(column.transformLogic)
    except ExpressionError as error:
        yield problem(file, field, column.transformLogic, str(error))
        return
    # A One Big Table names each column with its table.
    names = source_columns(file) if kind != "one_big_table" else ()
    if forbidden := forbidden_call(column.transformLogic, names):
        yield problem(file, field, *forbidden)


def _check_measures(file: ContractFile, kind: str) -> Iterator[Problem]:
    columns = lake_columns(file)
    for name in _names(file, "measures"):
        column = columns.get(name)
        if column is None:
            yield unknown_column(file, "customProperties.measures", name)
        elif column.logicalType not in {"integer", "number"}:
            yield problem(file, "customProperties.measures", name, "must be a number or an integer to be summed")
        elif INEXACT_TYPE.match(column.physicalType or ""):
            cure = f"is {column.physicalType}, whose sum depends on the order of its rows: remove it from measures"
            yield problem(file, "customProperties.measures", name, cure)
        elif kind != "one_big_table" and column.physicalType and not SUMMED_TYPE.match(column.physicalType):
            cure = f"is {column.physicalType}, which the source does not sum: remove it from measures, or copy a view "
            yield problem(file, "customProperties.measures", name, f"{cure}that casts it to a decimal")
        elif not _NUMBER_TYPE.fullmatch(lake_type(column) or "double"):
            cure = f"is kept as {lake_type(column)}, which has no sum: remove it from measures, or correct sparkType"
            yield problem(file, "customProperties.measures", name, cure)
        elif kind != "one_big_table" and (
            column.transformLogic is not None or source_columns(file).get(name) is not column
        ):
            cure = "is altered on its way, so its sum cannot be compared with the source: remove it from measures"
            yield problem(file, "customProperties.measures", name, cure)
    yield from _check_name_list(file, "measures")


def _check_name_list(file: ContractFile, name: str) -> Iterator[Problem]:
    value = file.settings.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(entry, str) for entry in value)):
        yield problem(file, f"customProperties.{name}", value, "must be a list of column names")


def _names(file: ContractFile, name: str) -> list[str]:
    value = file.settings.get(name)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _check_dimension(file: ContractFile) -> Iterator[Problem]:
    columns = lake_columns(file)
    keys = [column.name for column in columns.values() if column.primaryKey]
    if not keys:
        yield problem(file, "properties", [], "a dimension needs a key: mark its columns with primaryKey: true")
    share = file.settings.get("maxDeleteShare", 1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        cure = "must be a number from 0 (no key may go) to 1 (all may)"
        yield problem(file, "customProperties.maxDeleteShare", share, cure)
    if "trackedColumns" not in file.settings:
        return
    if file.settings.get("scdType", 1) != 2:
        cure = "belongs to SCD type 2: set scdType to 2 or remove it"
        yield problem(file, "customProperties.trackedColumns", file.settings["trackedColumns"], cure)
    yield from _check_name_list(file, "trackedColumns")
    for name in _names(file, "trackedColumns"):
        if name not in columns:
            yield unknown_column(file, "customProperties.trackedColumns", name)
        elif name in keys:
            cure = "is the key, and a changed key is another row: remove it from trackedColumns"
            yield problem(file, "customProperties.trackedColumns", name, cure)


def _check_fact(file: ContractFile) -> Iterator[Problem]:
    sources = source_columns(file)
    name = file.settings.get("dateColumn")
    if name is None:
        yield problem(file, "customProperties.dateColumn", None, "a fact needs the source column that dates its rows")
    elif not isinstance(name, str) or name not in sources:
        cure = f"is no source column of this contract; it has {', '.join(sources)}"
        yield problem(file, "customProperties.dateColumn", name, cure)
    elif not DATED_TYPE.match(sources[name].physicalType or ""):
        cure = f"must be DATE, DATETIME or TIMESTAMP at the source, not physicalType {sources[name].physicalType}"
        yield problem(file, "customProperties.dateColumn", name, cure)
    else:
        yield from _check_lake_date(file, name)
    yield from check_change_scope(file)


def _check_lake_date(file: ContractFile, source: str) -> Iterator[Problem]:
    """Silver keeps a fact by the date as it stands at the source, so that column must be whole and unaltered."""
    column = date_column(file)
    if column is None:
        cure = (
            f"needs a property with logicalType: date, by which silver keeps the rows; beside one that keeps the time, "
            f"give a second, such as name: {source}_date with physicalName: {source}"
        )
        yield problem(file, "customProperties.dateColumn", source, cure)
        return
    if column.transformLogic is not None:
        cure = "a fact's date must not be altered: remove it"
        yield problem(file, column_field(column, "transformLogic"), column.transformLogic, cure)
    severity = custom_properties(column.customProperties).get("severity", "error")
    if not column.primaryKey and (not column.required or severity != "error"):
        cure = "a fact's date must be required, with severity error: set required: true"
        yield problem(file, column_field(column, "required"), column.required, cure)


def _check_one_big_table(file: ContractFile) -> Iterator[Problem]:
    columns = lake_columns(file)
    yield from check_kpis(file)
    yield from check_roles(file)
    if not isinstance(file.settings.get("factTable"), str):
        cure = "must name the fact table that gives the rows"
        yield problem(file, "customProperties.factTable", file.settings.get("factTable"), cure)
    partition = file.settings.get("partitionColumn")
    if not isinstance(partition, str) or partition not in columns:
        yield unknown_column(file, "customProperties.partitionColumn", partition)
    joins = file.settings.get("joins", [])
    if not isinstance(joins, list):
        yield problem(file, "customProperties.joins", joins, "must be a list of {table, on}")
        return
    for join in joins:
        if not join_columns(join):
            cure = "must be {table: dimension, on: {fact column: dimension column}}"
            yield problem(file, "customProperties.joins", join, cure)
    tables = [str(join["table"]) for join in joins if isinstance(join, dict) and "table" in join]
    for name in _repeated(tables):
        yield problem(
            file, "customProperties.joins", name, "is joined more than once: join it once, over all its columns"
        )
