"""Holds a contract against the live table: what it claims of columns, required values and keys must be so there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import SourceError
from lakehouse.source.fingerprint import table_sql, undated_predicate
from lakehouse.source.query_time import time_is_up
from lakehouse.source.source_drift import same_type, without_sum
from lakehouse.source.sql_text import quote_identifier
from lakehouse.source.type_map import ColumnPlan, SourceColumn, plan_column

from cli.drafting.source_description import TableDescription
from lake_model.contracts.contract_columns import date_column, lake_columns, source_columns
from lake_model.contracts.contract_files import ContractFile, Problem
from lake_model.contracts.sql_expressions import columns_of

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource
    from open_data_contract_standard.model import SchemaProperty

    from lake_model.contracts.table_contracts import TableContract

# Such an expression may give a value where the source has NULL.
_FILLS_NULL = re.compile(r"\b(coalesce|ifnull|nvl2?|if|case|decode|concat_ws|iff|isnull)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """A difference between contract and source: an error where a claim of the contract is not so, else a warning."""

    problem: Problem
    is_error: bool = True

    def __str__(self) -> str:
        return f"{'error' if self.is_error else 'warning'}: {self.problem}"


def missing_table(contract: TableContract, label: str, tables: Collection[str]) -> Finding:
    """The contract's table is not at the source; `label` names the file."""
    near = difflib.get_close_matches(contract.table, list(tables), n=1)
    hint = f" (there is {near[0]})" if near else ""
    cure = f"is not at the source{hint}: correct it, restore the table or its grant, or set excluded: true"
    return Finding(Problem(label, f"schema[{contract.name}].physicalName", contract.table, cure))


def check_columns(contract: TableContract, label: str, table: TableDescription) -> Iterator[Finding]:
    """Columns that are missing, have another type or one without a rule, or are new at the source."""
    live = {column.name: column for column in table.columns}
    for wanted in contract.contracted_columns:
        field = f"schema[{contract.name}].properties[{wanted.name}]"
        found = live.get(wanted.name)
        if found is None:
            near = difflib.get_close_matches(wanted.name, list(live), n=1)
            hint = f" (there is {near[0]})" if near else ""
            cure = f"is not a column of the source{hint}: correct physicalName, or remove the property"
            yield Finding(Problem(label, field, wanted.name, cure))
        elif wanted.physical_type is not None and not same_type(wanted.physical_type, found.mysql_type):
            cure = f"is {found.mysql_type} at the source: set physicalType to that, and see that logicalType fits"
            yield Finding(Problem(label, f"{field}.physicalType", wanted.physical_type, cure))
    known = {column.name for column in contract.contracted_columns}
    for column in table.columns:
        try:
            plan = plan_column(SourceColumn(column.name, column.mysql_type, column.nullable))
        except SourceError as error:
            yield Finding(Problem(label, f"schema[{contract.name}].properties", column.name, str(error)))
        else:
            if column.name in contract.measures and (reason := without_sum(plan)):
                field = f"schema[{contract.name}].customProperties.measures"
                yield Finding(Problem(label, field, column.name, f"is {column.mysql_type} at the source, {reason}"))
        if column.name not in known:
            cure = f"is a column of the source ({column.mysql_type}) that silver will not have: add a property for it"
            field = f"schema[{contract.name}].properties"
            yield Finding(Problem(label, field, column.name, cure), is_error=False)


def check_values(
    source: MySqlSource, file: ContractFile, label: str, table: TableDescription, seconds: int
) -> Iterator[Finding]:
    """NULLs in required columns, and keys that rows share, each with its count; one query for all NULLs, one per key.

    A key that the source itself keeps unique is not counted. A query that takes longer than the session allows becomes
    a warning.

    Raises:
        SourceError: the table cannot be read.
    """
    for check in (_missing_values, _shared_keys):
        try:
            yield from check(source, file, label, table)
        except SourceError as error:
            if not time_is_up(error):
                raise
            cure = f"could not be counted through within {seconds} s: give --seconds more, or try in a quiet hour"
            yield Finding(Problem(label, f"schema[{file.name}]", table.table, cure), is_error=False)


def _plans(table: TableDescription) -> dict[str, ColumnPlan]:
    return {
        column.name: plan_column(SourceColumn(column.name, column.mysql_type, column.nullable))
        for column in table.columns
    }


def _missing_values(source: MySqlSource, file: ContractFile, label: str, table: TableDescription) -> Iterator[Finding]:
    plans = _plans(table)
    judged = {
        name: column
        for name, column in source_columns(file).items()
        if name in plans
        and plans[name].nullable
        and (column.required or column.primaryKey)
        and _keeps_null(column, name)
    }
    if not judged:
        return
    sums = ", ".join(f"SUM({_null_sql(plans[name])})" for name in judged)
    counts = source.rows(f"SELECT {sums} FROM {table_sql(table.schema, table.table)}")[0]
    for (name, column), count in zip(judged.items(), counts, strict=True):
        if int(count or 0):
            zero = " (zero dates among them become NULL)" if _is_dated(plans[name]) else ""
            field = f"schema[{file.name}].properties[{column.name}].required"
            # No contract of a fact can say less of its date, so this one claims nothing that it could leave out.
            is_date = column is date_column(file)
            cure = (
                "correct them: silver refuses a row without a date" if is_date else "correct them, or remove required"
            )
            said = f"{name} is not so in {_rows(int(count or 0))}{zero}: {cure}"
            yield Finding(Problem(label, field, True, said), is_error=not is_date)


def _keeps_null(column: SchemaProperty, name: str) -> bool:
    if column.transformLogic is None:
        return True
    used = {reference.column.casefold() for reference in columns_of(column.transformLogic)}
    return used == {name.casefold()} and not _FILLS_NULL.search(column.transformLogic)


def _null_sql(plan: ColumnPlan) -> str:
    return undated_predicate(plan) if _is_dated(plan) else f"{quote_identifier(plan.name)} IS NULL"


def _is_dated(plan: ColumnPlan) -> bool:
    return plan.kind in {"date", "datetime", "timestamp"}


def _shared_keys(source: MySqlSource, file: ContractFile, label: str, table: TableDescription) -> Iterator[Finding]:
    plans = _plans(table)
    sources = {column.name or "": name for name, column in source_columns(file).items()}
    columns = lake_columns(file)
    keys = {"primaryKey": [name for name, column in columns.items() if column.primaryKey]}
    keys |= {f"properties[{name}].unique": [name] for name, column in columns.items() if column.unique}
    for field, names in keys.items():
        key = [sources.get(name, "") for name in names]
        if key and all(name in plans for name in key) and not _is_kept_unique(key, table):
            yield from _count_shared(source, f"schema[{file.name}].{field}", label, table, key, plans)


def _is_kept_unique(key: Collection[str], table: TableDescription) -> bool:
    return any(set(declared) <= set(key) for declared in table.declared_keys)


def _count_shared(
    source: MySqlSource,
    field: str,
    label: str,
    table: TableDescription,
    key: list[str],
    plans: Mapping[str, ColumnPlan],
) -> Iterator[Finding]:
    # As bytes: to a collation `a`, `A` and `a ` may be one, but to silver they are three.
    grouped = ", ".join(
        f"CAST({quote_identifier(name)} AS BINARY)" if plans[name].kind == "text" else quote_identifier(name)
        for name in key
    )
    present = " AND ".join(f"{quote_identifier(name)} IS NOT NULL" for name in key)
    counted, rows = source.rows(
        "SELECT COUNT(*), SUM(shared.n) FROM (SELECT COUNT(*) AS n "
        f"FROM {table_sql(table.schema, table.table)} WHERE {present} GROUP BY {grouped} HAVING COUNT(*) > 1) AS shared"
    )[0]
    if int(counted or 0):
        value = " + ".join(key)
        several = f"{int(counted or 0):,} value{'s' if int(counted or 0) > 1 else ''}"
        cure = (
            f"does not tell rows apart: {_rows(int(rows or 0))} share {several}, and silver will refuse them: "
            "correct them, or choose another key"
        )
        yield Finding(Problem(label, field, value, cure))


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"
