"""Reads ODCS 3 contract files into the values of ``contracts``; tells every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic
import yaml
from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard, SchemaObject

from medallion.contracts.contract_columns import ReadColumns, check_repeated, read_columns, read_spark_type
from medallion.contracts.contract_faults import Faults
from medallion.contracts.contract_lines import contract_lines
from medallion.contracts.contract_quality import read_freshness, read_stop_above
from medallion.contracts.contract_references import check_one_big_table, check_other_schemas
from medallion.contracts.contract_waivers import read_waivers
from medallion.contracts.silver_contract import (
    DEFAULT_MAX_DELETE_SHARE,
    Column,
    Expectation,
    Join,
    Metric,
    OneBigTableContract,
    Rule,
    SilverContract,
    TableKind,
    WideColumn,
)
from medallion.contracts.unstable_sql import unstable_call
from medallion.errors import ContractError

_SUFFIX = ".odcs.yaml"
_TABLE_PROPERTIES = {
    "tableKind", "scdType", "trackedColumns", "changeDetection", "dateColumn", "duplicates", "measures", "excluded",
    "stopAbove", "factTable", "joins", "partitionColumn", "layout", "maxDeleteShare",
    "watermarkColumn", "watermarkOverlapMinutes", "trailingDays", "fullPassEveryDays", "sourceDrift", "parallelRanges",
}  # fmt: skip
_LAKE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class _File:
    name: str
    schema: str
    sources: dict[str, str]
    document: OpenDataContractStandard
    lines: dict[str, int]


class _Common(NamedTuple):
    file: str
    schema: str
    source_table: str
    name: str
    kind: TableKind
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    key: tuple[str, ...]


_Contract = TypeVar("_Contract", SilverContract, OneBigTableContract)


def read_silver_contract(folder: Path, table: str) -> SilverContract:
    """The contract of a dimension or fact.

    Raises:
        ContractError: there is none, or it or its waivers have faults; the message names each with file, field, value
            and cure.
    """
    contract = _read(folder, table, _silver_contract)
    return replace(contract, waivers=read_waivers(folder, contract))


def read_one_big_table_contract(folder: Path, table: str) -> OneBigTableContract:
    """The contract of a One Big Table.

    Raises:
        ContractError: there is none, or it or a contract that it joins has faults.
    """
    contract = _read(folder, table, _one_big_table_contract)
    joined = (contract.fact, *(join.dimension for join in contract.joins))
    faults = Faults(folder / contract.file)
    check_one_big_table(contract, {name: read_silver_contract(folder, name) for name in joined}, faults)
    faults.check()
    return contract


def silver_tables(folder: Path) -> list[str]:
    """Names of the dimensions and facts that have a contract; also where it is faulty, for its own run to tell.

    Facts come last: one may refuse rows whose key no dimension knows.
    """
    facts: list[str] = []
    others: list[str] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            tables = _parse(path, folder.name, Faults(path)).document.schema_ or []
        except ContractError:
            tables = []
        settings = custom(tables[0].customProperties) if tables else {}
        if settings.get("tableKind") != TableKind.ONE_BIG_TABLE.value and settings.get("excluded") is not True:
            of_kind = facts if settings.get("tableKind") == TableKind.FACT.value else others
            of_kind.append(path.name.removesuffix(_SUFFIX))
    return others + facts


def _read(folder: Path, table: str, build: Callable[[_File, SchemaObject, Faults], _Contract]) -> _Contract:
    path = folder / f"{table}{_SUFFIX}"
    if not path.is_file():
        known = sorted(found.name.removesuffix(_SUFFIX) for found in folder.glob(f"*{_SUFFIX}"))
        raise ContractError(
            f"{path}: there is no contract for table '{table}'; {folder} has {', '.join(known) or 'none'}"
        )
    faults = Faults(path)
    file = _parse(path, folder.name, faults)
    table_schema = (file.document.schema_ or [])[0]
    if table_schema.name != table:
        faults.add("schema[0].name", table_schema.name, f"the file is for '{table}', so name it that")
    check_other_schemas(path, faults)
    contract = build(file, table_schema, faults)
    faults.check()
    return contract


def _parse(path: Path, schema: str, faults: Faults) -> _File:
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.safe_load(text)
        if not isinstance(raw, dict):
            raise ContractError(f"{path}: it is not an ODCS document; see contracts/ for examples")
        document = OpenDataContractStandard(**raw)
    except pydantic.ValidationError as error:
        for fault in error.errors():
            field = ".".join(str(part) for part in fault["loc"])
            faults.add(field, fault.get("input"), fault["msg"])
        faults.check()
        raise
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ContractError(f"{path}: it cannot be read as YAML: {error}") from error
    # The models silently drop a misspelt field below the top level, which would switch a rule off.
    for field in _unknown_fields(raw, document.model_dump(by_alias=True, exclude_unset=True), ""):
        faults.add(field, None, "ODCS has no such field here; correct its name or move it to customProperties")
    schemas = document.schema_ or []
    if len(schemas) != 1:
        faults.add("schema", len(schemas), "give exactly one table per file")
        faults.check()
    # The models have no physicalName for a property, though ODCS does.
    properties = raw["schema"][0].get("properties") or []
    sources = {str(entry["name"]): str(entry["physicalName"]) for entry in properties if entry.get("physicalName")}
    return _File(path.name, schema, sources, document, contract_lines(text))


def _unknown_fields(raw: Any, known: Any, at: str) -> list[str]:
    if isinstance(raw, dict) and isinstance(known, dict):
        return [
            field
            for name, value in raw.items()
            for field in (
                _unknown_fields(value, known[name], f"{at}.{name}".lstrip(".")) if name in known else [f"{at}.{name}"]
            )
            if name != "physicalName"
        ]
    if isinstance(raw, list) and isinstance(known, list):
        return [
            field
            for index, (one, other) in enumerate(zip(raw, known, strict=True))
            for field in _unknown_fields(one, other, f"{at}[{index}]")
        ]
    return []


def custom(properties: list[CustomProperty] | None) -> dict[str, Any]:
    """ODCS's custom properties as a dictionary."""
    return {str(entry.property): entry.value for entry in properties or []}


def _settings(table: SchemaObject, faults: Faults) -> dict[str, Any]:
    settings = custom(table.customProperties)
    for name in sorted(settings.keys() - _TABLE_PROPERTIES):
        faults.add(
            f"schema[0].customProperties.{name}", settings[name], f"use one of {', '.join(sorted(_TABLE_PROPERTIES))}"
        )
    if not _LAKE_NAME.fullmatch(table.name or ""):
        faults.add("schema[0].name", table.name, "give a name of lower case letters, digits and _")
    return settings


def _one_of(settings: dict[str, Any], name: str, allowed: tuple[Any, ...], default: Any, faults: Faults) -> Any:
    value = settings.get(name, default)
    if value not in allowed:
        faults.add(f"customProperties.{name}", value, f"use one of {', '.join(map(str, allowed))}")
        return allowed[0]
    return value


def _names(
    settings: dict[str, Any], name: str, known: tuple[str, ...], default: tuple[str, ...], faults: Faults
) -> tuple[str, ...]:
    value = settings.get(name)
    if value is None:
        return default
    if not isinstance(value, list):
        faults.add(f"customProperties.{name}", value, "give a list of column names")
        return default
    for entry in value:
        if entry not in known:
            faults.add(f"customProperties.{name}", entry, f"no such column; the table has {', '.join(known)}")
    return tuple(str(entry) for entry in value)


def _silver_contract(file: _File, table: SchemaObject, faults: Faults) -> SilverContract:
    settings = _settings(table, faults)
    kinds = (TableKind.DIMENSION.value, TableKind.FACT.value)
    kind = TableKind(_one_of(settings, "tableKind", kinds, None, faults))
    _one_of(settings, "changeDetection", ("fingerprint", "watermark", "full"), "fingerprint", faults)
    _one_of(settings, "sourceDrift", ("contracted", "tolerant", "strict"), "contracted", faults)
    read = read_columns(table, file.sources, faults)
    names = tuple(column.name for column in read.columns)
    measures = _names(settings, "measures", names, (), faults)
    common = _Common(
        file.name, file.schema, table.physicalName or table.name or "", table.name or "", kind,
        read.columns, tuple(read.expected.rules), read.key,
    )  # fmt: skip
    rule_names = [rule.name for rule in read.expected.rules]
    stop_above = read_stop_above(settings["stopAbove"], rule_names, faults) if "stopAbove" in settings else {}
    if kind is TableKind.DIMENSION:
        if not read.key:
            faults.add("properties", None, "a dimension needs primaryKey: true on its business key")
        scd_type = _one_of(settings, "scdType", (1, 2), 1, faults)
        not_key = tuple(name for name in names if name not in read.key)
        tracked = _names(settings, "trackedColumns", not_key, not_key, faults) if scd_type == 2 else ()
        for rule in read.expected.rules:
            if rule.reference:
                faults.add(
                    f"{rule.columns[0]}.relationships.severity", "error", "only a fact's rows can be refused for it"
                )
            if scd_type == 2 and rule.function == "is_unique" and rule.severity == "warning":
                faults.add(rule.name, "warning", "a version cannot carry a warning about other rows; make it an error")
        return SilverContract(
            *common, scd_type=scd_type, tracked=tracked, measures=measures, counted=tuple(read.expected.counted),
            expectations=_expectations(file, read, "", measures, faults), stop_above=stop_above, lines=file.lines,
            max_delete_share=_share(settings, faults),
        )  # fmt: skip
    date_source = str(settings.get("dateColumn") or "")
    date_column = _date_column(date_source, table, read.columns, common.rules, faults)
    return SilverContract(
        *common, date_source=date_source, date_column=date_column,
        keep_one=_one_of(settings, "duplicates", ("keep_one", "keep_all"), "keep_all", faults) == "keep_one",
        measures=measures, counted=tuple(read.expected.counted),
        expectations=_expectations(file, read, date_column, measures, faults), stop_above=stop_above, lines=file.lines,
    )  # fmt: skip


def _expectations(
    file: _File, read: ReadColumns, date_column: str, measures: tuple[str, ...], faults: Faults
) -> tuple[Expectation, ...]:
    """Those over the table; ``date_column`` is empty for a dimension."""
    table = (file.document.schema_ or [])[0].name or ""
    fresh = read_freshness(file.document.slaProperties or [], table, date_column, faults)
    for one in read.expected.expectations:
        if one.by_date and not date_column:
            faults.add(
                f"quality.{one.name}", None, "a dimension has no dates to compare; leave per and trailingDays out"
            )
        if one.metric is Metric.SUM and one.column not in measures:
            faults.add(f"quality.{one.name}.column", one.column, "only measures are summed; add it to measures")
    return (*read.expected.expectations, *fresh)


def _share(settings: dict[str, Any], faults: Faults) -> float:
    value = settings.get("maxDeleteShare", DEFAULT_MAX_DELETE_SHARE)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        faults.add("customProperties.maxDeleteShare", value, "give a number from 0 (no key may go) to 1 (all may)")
        return DEFAULT_MAX_DELETE_SHARE
    return float(value)


def _date_column(
    date_source: str, table: SchemaObject, columns: tuple[Any, ...], rules: tuple[Any, ...], faults: Faults
) -> str:
    """The lake column that a fact is partitioned by: it must hold just the source's date, or a slice would leak."""
    for column in columns:
        if column.source == date_source and column.lake_type == "date":
            transforms = {entry.name: entry.transformLogic for entry in table.properties or []}
            if transforms.get(column.name):
                faults.add(
                    f"properties.{column.name}.transformLogic",
                    transforms[column.name],
                    "a fact's date is not altered; remove it",
                )
            must = [rule for rule in rules if rule.name == f"{column.name}_required"]
            if not must or must[0].severity != "error":
                faults.add(
                    f"properties.{column.name}.required", None, "a fact's date must be required, with severity error"
                )
            return str(column.name)
    faults.add(
        "customProperties.dateColumn", date_source or None,
        "name the source column that dates a row, and give it a property whose lake type is date",
    )  # fmt: skip
    return ""


def _one_big_table_contract(file: _File, table: SchemaObject, faults: Faults) -> OneBigTableContract:
    settings = _settings(table, faults)
    _one_of(settings, "tableKind", (TableKind.ONE_BIG_TABLE.value,), None, faults)
    fact = str(settings.get("factTable") or "")
    if not fact:
        faults.add("customProperties.factTable", None, "name the fact table")
    joins = tuple(_join(entry, faults) for entry in settings.get("joins") or [])
    dimensions = tuple(join.dimension for join in joins)
    columns = tuple(_wide_column(entry, dimensions, faults) for entry in table.properties or [])
    names = tuple(column.name for column in columns)
    check_repeated(names, faults)
    partition_column = str(settings.get("partitionColumn") or "")
    if partition_column not in names:
        faults.add("customProperties.partitionColumn", partition_column or None, f"name one of {', '.join(names)}")
    return OneBigTableContract(
        file.name, file.schema, table.name or "", fact, joins, columns, partition_column,
        clustered=_one_of(settings, "layout", ("partition", "cluster"), "partition", faults) == "cluster",
        measures=_names(settings, "measures", names, (), faults), lines=file.lines,
    )  # fmt: skip


def _join(entry: Any, faults: Faults) -> Join:
    # YAML 1.1 reads a bare "on" as true.
    pairs = (entry.get("on") or entry.get(True)) if isinstance(entry, dict) else None
    if not isinstance(pairs, dict) or not entry.get("table"):
        faults.add(
            "customProperties.joins", entry, "give {table: <dimension>, on: {<fact column>: <dimension column>}}"
        )
        return Join("", ())
    return Join(str(entry["table"]), tuple((str(left), str(right)) for left, right in pairs.items()))


def _wide_column(entry: Any, dimensions: tuple[str, ...], faults: Faults) -> WideColumn:
    settings = custom(entry.customProperties)
    name = entry.name or ""
    if not _COLUMN_NAME.fullmatch(name):
        faults.add("properties.name", name, "give a name of letters, digits and _")
    if not entry.transformLogic:
        faults.add(f"properties.{name}.transformLogic", None, "say where the value comes from, as <table>.<column>")
    expression = str(entry.transformLogic or "NULL")
    if unstable := unstable_call(expression):
        faults.add(f"properties.{name}.transformLogic", unstable, "its value differs from run to run")
    given = settings.get("sparkType")
    spark_type = None if given is None else read_spark_type(given, f"properties.{name}", faults)
    unknown = settings.get("unknownMember")
    used = tuple(table for table in dimensions if re.search(rf"(?<![\w.`])`?{re.escape(table)}`?\s*\.", expression))
    if unknown is not None and len(used) != 1:
        faults.add(f"properties.{name}.unknownMember", unknown, "it needs an expression over exactly one dimension")
    dimension = used[0] if unknown is not None and used else None
    unknown_text = None if unknown is None else str(unknown)
    return WideColumn(name, expression, spark_type, dimension, unknown_text)
