"""Checks what the contracts of one schema say about each other: relationships, joins, One Big Table columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_columns import date_column, key_columns, lake_columns
from lake_model.contracts.contract_files import ContractFile, Problem, custom_properties, join_columns
from lake_model.contracts.lake_types import lake_type, member_fault
from lake_model.contracts.sql_expressions import ExpressionError, columns_of
from lake_model.contracts.table_rules import SEVERITIES, is_error

if TYPE_CHECKING:
    from open_data_contract_standard.model import Relationship, SchemaProperty


def check_references(files: Sequence[ContractFile], unread: Collection[str] = ()) -> Iterator[Problem]:
    """Everything that is wrong between the contracts of one schema.

    Args:
        files: the contracts that could be read.
        unread: names of the tables whose contracts could not: nothing is said of what refers to them.
    """
    yield from _check_duplicates(files, "name", lambda file: file.name)
    # `Sales` and `sales` are two tables where MySQL tells them apart; where it folds them, a run misses one of the two.
    sources = [file for file in files if file.settings.get("tableKind") != "one_big_table"]
    yield from _check_duplicates(sources, "physicalName", lambda file: file.source_name)
    by_name = {file.name: file for file in files}
    for file in files:
        if file.settings.get("tableKind") == "one_big_table":
            yield from _check_one_big_table(file, by_name, unread)
        for column in file.table.properties or ():
            for relationship in column.relationships or ():
                yield from _check_relationship(file, column, relationship, by_name, unread)
        if file.table.relationships:
            cure = "must stand at the column that refers to the other table"
            yield Problem(file.file, f"schema[{file.name}].relationships", "…", cure)


def _check_duplicates(
    files: Sequence[ContractFile], field: str, name_of: Callable[[ContractFile], str]
) -> Iterator[Problem]:
    times = Counter(name_of(file) for file in files)
    for file in files:
        name = name_of(file)
        if times[name] > 1:
            others = ", ".join(other.file for other in files if other is not file and name_of(other) == name)
            yield Problem(file.file, f"schema[{file.name}].{field}", name, f"is also described by {others}: keep one")


def _check_relationship(
    file: ContractFile,
    column: SchemaProperty,
    relationship: Relationship,
    by_name: Mapping[str, ContractFile],
    unread: Collection[str],
) -> Iterator[Problem]:
    field = f"schema[{file.name}].properties[{column.name}].relationships"
    if relationship.type not in {None, "foreignKey"}:
        yield Problem(file.file, f"{field}.type", relationship.type, "must be foreignKey")
    custom = custom_properties(relationship.customProperties)
    for name, value in custom.items():
        if name != "severity" or value not in SEVERITIES:
            cure = f"is not known; known is severity: {' or '.join(SEVERITIES)}"
            yield Problem(file.file, f"{field}.customProperties.{name}", value, cure)
    target = relationship.to
    table, _, target_column = target.rpartition(".") if isinstance(target, str) else ("", "", "")
    if not table:
        yield Problem(file.file, f"{field}.to", target, "must be written table.column")
    elif table in unread:
        return
    elif table not in by_name:
        cure = f"there is no contract for {table}; write {table}.odcs.yaml or remove the relationship"
        yield Problem(file.file, f"{field}.to", target, cure)
    elif target_column not in lake_columns(by_name[table]):
        yield Problem(file.file, f"{field}.to", target, _no_such_column(by_name[table], target_column))
    elif is_error(relationship):
        yield from _check_refusal(file, field, str(target), by_name[table])
        # Silver compares keys as texts.
        if fault := _type_fault(column, by_name[table], target_column, lambda kind: kind):
            yield Problem(file.file, f"{field}.to", target, fault)


def _check_refusal(file: ContractFile, field: str, target: str, other: ContractFile) -> Iterator[Problem]:
    """An unknown key can refuse a row only where silver knows on which dates the key was known."""
    keys = _key(other)
    if other.settings.get("tableKind") != "dimension" or target != f"{other.name}.{'.'.join(keys)}":
        cure = f"severity error needs the whole key of a dimension; that of {other.name} is {', '.join(keys) or 'none'}"
        yield Problem(file.file, f"{field}.to", target, cure)
    if file.settings.get("tableKind") != "fact":
        cure = "only rows of a fact can be refused for an unknown key: use warning"
        yield Problem(file.file, f"{field}.customProperties.severity", "error", cure)


def _type_fault(column: SchemaProperty, other: ContractFile, name: str, family_of: Callable[[str], str]) -> str | None:
    """Why a column's values cannot be looked up among another table's; None where they can."""
    key = lake_columns(other).get(name)
    kind, wanted = lake_type(column), None if key is None else lake_type(key)
    if kind is None or wanted is None or family_of(kind) == family_of(wanted):
        return None
    cure = "give both one type by logicalType or sparkType"
    return f"{column.name} is {kind}, and {other.name}.{name} is {wanted}: {cure}"


def _family(kind: str) -> str:
    """Types that Spark compares by value; a text beside a number it reads as one, and stops where it is none."""
    if kind in {"string", "boolean", "binary"}:
        return kind
    return "time" if kind == "date" or kind.startswith("timestamp") else "number"


def _key(file: ContractFile) -> list[str]:
    return [column.name or "" for column in key_columns(file)]


def _no_such_column(file: ContractFile, column: str) -> str:
    return f"{file.file} has no column {column}; it has {', '.join(lake_columns(file))}"


def _check_one_big_table(
    file: ContractFile, by_name: Mapping[str, ContractFile], unread: Collection[str]
) -> Iterator[Problem]:
    prefix = f"schema[{file.name}]"
    fact_name = file.settings.get("factTable")
    fact = by_name.get(fact_name) if isinstance(fact_name, str) else None
    if (
        isinstance(fact_name, str)
        and fact_name not in unread
        and (fact is None or fact.settings.get("tableKind") != "fact")
    ):
        cure = f"must be a fact table with a contract; there {_list_of('fact', by_name)}"
        yield Problem(file.file, f"{prefix}.customProperties.factTable", fact_name, cure)
    tables = {fact.name: fact} if fact else {}
    joins = file.settings.get("joins")
    for join in joins if isinstance(joins, list) else ():
        columns = join_columns(join)
        if not columns:
            continue  # Reported with the contract's own problems.
        if join["table"] in unread:
            continue
        joined = by_name.get(str(join["table"]))
        if joined is None or joined.settings.get("tableKind") != "dimension":
            cure = f"must be a dimension with a contract; there {_list_of('dimension', by_name)}"
            yield Problem(file.file, f"{prefix}.customProperties.joins.table", join["table"], cure)
            continue
        tables[joined.name] = joined
        yield from _check_join(file, fact, joined, columns)
    for column in file.table.properties or ():
        yield from _check_expression(file, column, tables, unread)
        yield from _check_unknown_member(file, column, tables, unread)
    if fact is not None:
        yield from _check_partition(file, fact)


def _check_join(
    file: ContractFile, fact: ContractFile | None, joined: ContractFile, columns: Mapping[Any, Any]
) -> Iterator[Problem]:
    field = f"schema[{file.name}].customProperties.joins[{joined.name}].on"
    for fact_column, dimension_column in columns.items():
        for owner, name in ((fact, fact_column), (joined, dimension_column)):
            if owner is not None and name not in lake_columns(owner):
                yield Problem(file.file, field, name, _no_such_column(owner, str(name)))
        owned = lake_columns(fact).get(fact_column) if fact is not None else None
        if owned is not None and (fault := _type_fault(owned, joined, dimension_column, _family)):
            yield Problem(file.file, field, fact_column, fault)
    keys = _key(joined)
    if sorted(columns.values()) != sorted(keys):
        cure = f"must be the whole key of {joined.name}, or rows would be multiplied: {', '.join(keys) or 'none'}"
        yield Problem(file.file, field, columns, cure)


def _check_unknown_member(
    file: ContractFile, column: SchemaProperty, tables: Mapping[str, ContractFile], unread: Collection[str]
) -> Iterator[Problem]:
    dimensions = tables.keys() - {file.settings.get("factTable")}
    field = f"schema[{file.name}].properties[{column.name}].customProperties.unknownMember"
    value = custom_properties(column.customProperties).get("unknownMember")
    try:
        used = {reference.table for reference in columns_of(column.transformLogic or "1")}
    except ExpressionError:
        return
    if value is not None and not used & set(unread) and len(used & set(dimensions)) != 1:
        cure = "stands for a missing row of a dimension, so transformLogic must use exactly one dimension"
        yield Problem(file.file, field, value, cure)
    elif value is not None and (kind := _wide_type(column, tables)) and (fault := member_fault(value, kind)):
        cure = f"{fault}, as the column is {kind}; leave it out to have NULL there"
        yield Problem(file.file, field, value, cure)


def _wide_type(column: SchemaProperty, tables: Mapping[str, ContractFile]) -> str | None:
    """The Spark type of a wide column, as far as the contracts say it."""
    table, _, name = (column.transformLogic or "").replace("`", "").strip().partition(".")
    source = lake_columns(tables[table]).get(name) if table in tables else None
    if "sparkType" in custom_properties(column.customProperties) or source is None:
        return lake_type(column)
    return lake_type(source)


def _check_partition(file: ContractFile, fact: ContractFile) -> Iterator[Problem]:
    """Gold is rewritten by the fact's dates, so its rows must lie in partitions of just those."""
    name, day = file.settings.get("partitionColumn"), date_column(fact)
    column = lake_columns(file).get(name) if isinstance(name, str) else None
    if column is None or day is None:
        return  # Reported with the contract's own problems.
    given = custom_properties(column.customProperties).get("sparkType")
    written = (column.transformLogic or "").replace("`", "").strip()
    if written != f"{fact.name}.{day.name}" or given not in {None, "date"}:
        cure = f"must be a column with transformLogic: {fact.name}.{day.name}: gold is rewritten by the fact's date"
        yield Problem(file.file, f"schema[{file.name}].customProperties.partitionColumn", name, cure)


def _list_of(kind: str, by_name: Mapping[str, ContractFile]) -> str:
    names = [name for name, file in by_name.items() if file.settings.get("tableKind") == kind]
    return f"are {', '.join(names)}" if names else "is none"


def _check_expression(
    file: ContractFile, column: SchemaProperty, tables: Mapping[str, ContractFile], unread: Collection[str]
) -> Iterator[Problem]:
    field = f"schema[{file.name}].properties[{column.name}].transformLogic"
    try:
        used = columns_of(column.transformLogic or "1")
    except ExpressionError:
        return  # Reported with the contract's own problems.
    for reference in used:
        owner = tables.get(reference.table)
        if not reference.table:
            cure = f"{reference.column} must be written table.column"
            yield Problem(file.file, field, column.transformLogic, cure)
        elif reference.table in unread:
            continue
        elif owner is None:
            cure = f"{reference.table} is neither the fact table nor joined; those are {', '.join(tables)}"
            yield Problem(file.file, field, column.transformLogic, cure)
        elif reference.column.casefold() not in {name.casefold() for name in lake_columns(owner)}:
            yield Problem(file.file, field, column.transformLogic, _no_such_column(owner, reference.column))
