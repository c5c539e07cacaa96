"""Decides, without touching anything, which tables of a source schema are copied, and how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, cast

import msgspec

from lake_model.contracts.copy_spec import CopySpec
from lake_model.contracts.table_contracts import ContractSet, TableContract
from lakehouse.errors import SourceDriftError, SourceError

MOST_TABLES = 1024


class SourceTable(Protocol):
    """A table or view as MySQL lists it."""

    @property
    def name(self) -> str: ...
    @property
    def is_view(self) -> bool: ...


@dataclass(frozen=True)
class AwaitedTable:
    """A table of the same run that another waits for: its names in MySQL and in the lake."""

    table: str
    lake_name: str


@dataclass(frozen=True, kw_only=True)
class TablePlan(CopySpec):
    """What the mapped tasks need to know of one table: how it is copied, and what becomes of it.

    Attributes:
        label: what the table's tasks are called in Airflow.
        contracted: whether it has a contract; without one it goes to bronze and no further.
        lake_name: its name in silver; None without a contract.
        kind: `dimension`, `fact`, or None without a contract.
        waits_for: the dimensions of this run that must be in silver before this table is judged: its contract refuses
            rows whose key they do not know.
    """

    label: str
    contracted: bool
    lake_name: str | None
    kind: str | None
    waits_for: tuple[AwaitedTable, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON takes it, for dynamic task mapping; `msgspec.convert` reads it."""
        return cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(self)))


def plan_tables(
    source: Iterable[SourceTable],
    contracts: ContractSet,
    requested: str | Sequence[str] = (),
    field: str = "params.tables",
) -> list[TablePlan]:
    """One plan per table to copy, by name.

    Tables that a contract excludes and views without a contract are left out (`left_out` names them).

    Args:
        source: tables and views of the schema.
        contracts: the schema's contracts.
        requested: names of the only tables to plan, as a list or by comma, as MySQL or the lake names them; empty: all.
        field: where they were requested, for messages.

    Raises:
        SourceError: the schema is empty, a requested table is not there, or there are more than Airflow maps over.
        SourceDriftError: a contracted table is not at the source any more.
    """
    tables = {table.name: table for table in source}
    if not tables:
        raise SourceError(
            f"the schema {contracts.schema} shows no table: check its name, and that the user of the connection was "
            f"granted SELECT on {contracts.schema}.*"
        )
    wanted = _requested_tables(requested, tables, contracts, field)
    missing = [c for c in contracts.tables.values() if c.table not in tables and not c.excluded]
    if missing and not wanted:
        raise SourceDriftError("\n".join(_missing_table(contract, tables) for contract in missing))
    plans = []
    for name in sorted(wanted or tables):
        contract = contracts.tables.get(name)
        if _reason_to_leave_out(tables[name], contract) is None:
            plans.append(_plan(contracts.schema, name, contract))
    if not plans:
        raise SourceError(
            f"no table of {contracts.schema} is left to copy: " + "; ".join(left_out(tables.values(), contracts))
        )
    if len(plans) > MOST_TABLES:
        raise SourceError(
            f"{contracts.schema} has {len(plans)} tables to copy, and one run maps over {MOST_TABLES} at most: exclude "
            "some by contract (excluded: true), ask for fewer by the parameter tables, or give each part its own DAG"
        )
    awaited = [AwaitedTable(plan.table, plan.lake_name) for plan in plans if plan.lake_name]
    return [replace(plan, waits_for=_judged_against(plan, contracts, awaited)) for plan in plans]


def left_out(source: Iterable[SourceTable], contracts: ContractSet) -> list[str]:
    """One line per table or view that no plan is made for, with the reason."""
    lines = []
    for table in sorted(source, key=lambda table: table.name):
        reason = _reason_to_leave_out(table, contracts.tables.get(table.name))
        if reason:
            lines.append(f"{table.name}: {reason}")
    return lines


def dropped_tables(landed: Iterable[str], source: Iterable[SourceTable], contracts: ContractSet) -> list[str]:
    """One line per table that was landed once and that the source does not show any more, by its name in MySQL.

    A contracted one is not among them: `plan_tables` fails for it, unless its contract excludes it.
    """
    gone = sorted(set(landed) - {table.name for table in source} - set(contracts.tables))
    return [f"{name}: is not at the source any more; what was landed of it stays in bronze" for name in gone]


def _reason_to_leave_out(table: SourceTable, contract: TableContract | None) -> str | None:
    if contract is None:
        return "is a view without a contract: write one to have it copied" if table.is_view else None
    return f"is excluded by {contract.file}" if contract.excluded else None


def _plan(schema: str, table: str, contract: TableContract | None) -> TablePlan:
    spec = contract or CopySpec(schema, table)
    return TablePlan(
        **{one.name: getattr(spec, one.name) for one in fields(CopySpec)},
        label=table,
        contracted=contract is not None,
        lake_name=contract.name if contract else None,
        kind=contract.kind if contract else None,
    )


def _judged_against(plan: TablePlan, contracts: ContractSet, run: Iterable[AwaitedTable]) -> tuple[AwaitedTable, ...]:
    contract = contracts.tables.get(plan.table)
    wanted = contract.judged_against if contract else ()
    return tuple(one for one in run if one.lake_name in wanted)


def _requested_tables(
    requested: str | Sequence[str], tables: dict[str, SourceTable], contracts: ContractSet, field: str
) -> set[str]:
    names = requested.split(",") if isinstance(requested, str) else requested
    source_names = {contract.name: contract.table for contract in contracts.tables.values()}
    wanted, unknown = set(), []
    for name in (str(name).strip() for name in names):
        if not name:
            continue
        source_name = name if name in tables else source_names.get(name, name)
        if source_name in tables:
            wanted.add(source_name)
        else:
            unknown.append(name)
    problems = [_unknown_table(name, tables, contracts, field) for name in unknown]
    problems += [f"{field} names {line}" for line in left_out([tables[name] for name in wanted], contracts)]
    if problems:
        raise SourceError("\n".join(problems))
    return wanted


def _unknown_table(name: str, tables: Iterable[str], contracts: ContractSet, field: str) -> str:
    near = difflib.get_close_matches(name, list(tables), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(sorted(tables)[:20])}"
    return f"{field} names {name!r}, but the schema {contracts.schema} shows no such table: {hint}"


def _missing_table(contract: TableContract, tables: Iterable[str]) -> str:
    near = difflib.get_close_matches(contract.table, list(tables), n=1)
    hint = f" (there is {near[0]})" if near else ""
    return (
        f"{contract.file}: the table {contract.schema}.{contract.table} is not at the source any more{hint}: restore "
        "it or its grant, correct physicalName, or take the contract out (excluded: true keeps what was landed)"
    )
