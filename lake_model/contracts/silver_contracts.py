"""Makes of a sound contract file what silver and gold are made by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lake_model.contracts.contract_columns import date_column, key_columns, lake_columns
from lake_model.contracts.contract_files import ContractFile, custom_properties, join_columns
from lake_model.contracts.kpi_contract import declares_kpis, kpi_contract
from lake_model.contracts.lake_types import lake_type
from lake_model.contracts.silver_contract import (
    DEFAULT_MAX_DELETE_SHARE,
    Column,
    Join,
    OneBigTableContract,
    SilverContract,
    TableKind,
    WideColumn,
)
from lake_model.contracts.sql_expressions import columns_of
from lake_model.contracts.table_rules import counted_rules, expectations_of, rules_of, stop_above_of
from lake_model.contracts.waivers import waivers_of

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty


def silver_contract(folder: Path, file: ContractFile) -> SilverContract:
    """The contract of a dimension or fact whose file, and the waivers of whose folder, have no problems."""
    settings, day = file.settings, date_column(file)
    names = tuple(lake_columns(file))
    key = tuple(column.name or "" for column in key_columns(file))
    scd_type = settings.get("scdType", 1)
    tracked = settings.get("trackedColumns", [name for name in names if name not in key])
    return SilverContract(
        file=file.file,
        schema=file.schema,
        source_table=file.source_name,
        name=file.name,
        kind=TableKind(settings["tableKind"]),
        columns=tuple(_column(column) for column in lake_columns(file).values()),
        rules=rules_of(file),
        key=key,
        scd_type=scd_type,
        tracked=tuple(tracked) if scd_type == 2 else (),
        date_source=str(settings.get("dateColumn") or ""),
        date_column=(day.name or "") if day else "",
        keep_one=settings.get("duplicates") == "keep_one",
        clustered=settings.get("layout") == "cluster",
        measures=tuple(settings.get("measures") or ()),
        counted=counted_rules(file),
        expectations=expectations_of(file),
        stop_above=stop_above_of(file),
        waivers=waivers_of(folder, file),
        lines=file.lines,
        max_delete_share=float(settings.get("maxDeleteShare", DEFAULT_MAX_DELETE_SHARE)),
    )


def one_big_table_contract(file: ContractFile) -> OneBigTableContract:
    """The contract of a One Big Table whose file has no problems."""
    settings = file.settings
    joins = tuple(_join(join) for join in settings.get("joins") or ())
    return OneBigTableContract(
        file=file.file,
        schema=file.schema,
        name=file.name,
        fact=str(settings["factTable"]),
        joins=joins,
        columns=tuple(_wide_column(column, joins) for column in lake_columns(file).values()),
        partition_column=str(settings["partitionColumn"]),
        clustered=settings.get("layout") == "cluster",
        measures=tuple(settings.get("measures") or ()),
        lines=file.lines,
        kpis=kpi_contract(file) if declares_kpis(file) else None,
    )


def _column(column: SchemaProperty) -> Column:
    name = column.name or ""
    derived = custom_properties(column.customProperties).get("derived", False)
    source = None if derived else column.physicalName or name
    quoted = (source or name).replace("`", "``")
    expression = column.transformLogic or f"`{quoted}`"
    return Column(name, source, expression, lake_type(column) or "", column.classification or "")


def _join(join: object) -> Join:
    columns = join_columns(join)
    assert isinstance(join, dict)
    assert columns
    return Join(str(join["table"]), tuple(columns.items()))


def _wide_column(column: SchemaProperty, joins: tuple[Join, ...]) -> WideColumn:
    settings, expression = custom_properties(column.customProperties), column.transformLogic or ""
    unknown = settings.get("unknownMember")
    dimension = None
    if unknown is not None:
        used = {reference.table for reference in columns_of(expression)}
        dimension = next(join.dimension for join in joins if join.dimension in used)
    given = lake_type(column) if "sparkType" in settings else None
    return WideColumn(column.name or "", expression, given, dimension, None if unknown is None else str(unknown))
