"""Comparing the columns of the source with those of the contract and of the last copy. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date

from lake_model.bronze_manifest import Column
from lakehouse.errors import SourceDriftError
from lakehouse.source.type_map import DATE_TYPES, ColumnPlan, one_form

_SYNONYMS = {
    "integer": "int",
    "numeric": "decimal",
    "dec": "decimal",
    "fixed": "decimal",
    "real": "double",
    "double precision": "double",
    "boolean": "tinyint(1)",
    "bool": "tinyint(1)",
    "character": "char",
    # MariaDB has no type of its own for either.
    "json": "longtext",
    "geomcollection": "geometrycollection",
}


def same_type(one: str, other: str) -> bool:
    """Whether two spellings mean one MySQL type: MySQL 8.0.19 stopped printing the display width of integers."""
    return _normal(one) == _normal(other)


def check_contract(
    table: str,
    contract: str,
    contracted: Sequence[tuple[str, str | None]],
    date_column: str | None,
    plans: Sequence[ColumnPlan],
    policy: str = "contracted",
    measures: Collection[str] = (),
) -> None:
    """Hold the source's columns against the contract's.

    Args:
        table: the full name of the table, for messages.
        contract: what to call the contract in messages.
        contracted: name and physical type of every contracted column; None where any type will do.
        date_column: the column that dates the rows.
        plans: the source's columns.
        policy: one of `DRIFT_POLICIES`: what may differ.
        measures: the columns whose sums are to be conserved; whatever the policy, the source must sum them.

    Raises:
        SourceDriftError: columns are missing or, unless that is `tolerant`, have another type, or, where that is
            `strict`, are not in the contract, or measures have no exact sum; the message lists them all, with the cure.
    """
    found = {plan.name: plan for plan in plans}
    known = {name for name, _ in contracted}
    problems = []
    for name, expected in contracted:
        if name not in found:
            renamed = [plan.name for plan in plans if plan.name not in known and _could_be(expected, plan)]
            hint = f", or if it was renamed, set its physicalName to {' or '.join(renamed)}" if renamed else ""
            problems.append(
                f"{table}: column {name} ({expected or 'of any type'}) is missing at the source; "
                f"if that is meant, remove the property {name} from {contract}{hint}"
            )
        elif expected is not None and not same_type(expected, found[name].mysql_type) and policy != "tolerant":
            problems.append(
                f"{table}: column {name} is {expected} by contract, but {found[name].mysql_type} at the source; "
                f"if that is meant, set physicalType of {name} to {found[name].mysql_type} in {contract}"
            )
    if contracted and policy == "strict":
        problems += [
            f"{table}: column {plan.name} ({plan.mysql_type}) is not in the contract, and its sourceDrift is strict; "
            f"if that is meant, add a property {plan.name} with physicalType {plan.mysql_type} to {contract}"
            for plan in plans
            if plan.name not in known
        ]
    if date_column is not None:
        problems += _date_column_problems(table, contract, date_column, found.get(date_column))
    problems += [
        f"{table}: column {plan.name}, one of measures in {contract}, is {plan.mysql_type} at the source, "
        f"{without_sum(plan)}"
        for plan in plans
        if plan.name in measures and without_sum(plan)
    ]
    if problems:
        raise SourceDriftError("\n".join(problems))


def without_sum(plan: ColumnPlan) -> str | None:
    """Why a column's sum cannot be held against the source's, and the cure; None where it can."""
    cure = "remove it from measures, or copy a view that casts it to a decimal"
    if plan.sum_sql is None:
        return f"which is not summed there: {cure}"
    return f"whose sum depends on the order of its rows: {cure}" if plan.kind == "float" else None


def describe_changes(
    contracted: Sequence[tuple[str, str | None]], previous: Sequence[Column], plans: Sequence[ColumnPlan]
) -> tuple[str, ...]:
    """What differs at the source and was taken all the same, one line for each column.

    With a contract: columns that it does not know, and those of another type. Then, for columns that no contract
    speaks of, differences from the last copy.
    """
    expected = dict(contracted)
    before = {column.name: column for column in previous if column.name not in expected}
    lines = []
    for plan in plans:
        wanted = expected.get(plan.name)
        if expected and plan.name not in expected:
            lines.append(f"column {plan.name} ({plan.mysql_type}) is not in the contract")
        elif previous and not expected and plan.name not in before:
            lines.append(f"column {plan.name} ({plan.mysql_type}) is new")
        elif wanted is not None and not same_type(wanted, plan.mysql_type):
            lines.append(f"column {plan.name} is {wanted} by contract, and is taken as {plan.mysql_type}")
        if plan.name in before and not same_type(before[plan.name].mysql_type, plan.mysql_type):
            lines.append(f"column {plan.name} was {before[plan.name].mysql_type} and is {plan.mysql_type}")
    now = {plan.name for plan in plans}
    gone = [f"column {name} ({column.mysql_type}) is gone" for name, column in before.items() if name not in now]
    return (*lines, *gone)


def describe_late_snapshot(business_date: date, copied_on: date) -> tuple[str, ...]:
    """A line for a snapshot that was not taken on its business date or the day after it, as after an outage."""
    days = (copied_on - business_date).days
    if days <= 1:
        return ()
    return (
        f"the snapshot of {business_date} was taken {days} days late, on {copied_on}: "
        "it shows the table as it was then",
    )


def _could_be(mysql_type: str | None, plan: ColumnPlan) -> bool:
    return mysql_type is not None and same_type(mysql_type, plan.mysql_type)


def _date_column_problems(table: str, contract: str, name: str, plan: ColumnPlan | None) -> list[str]:
    if plan is None:
        return [f"{table}: column {name}, dateColumn in {contract}, is missing at the source"]
    if plan.base_type not in DATE_TYPES:
        return [
            f"{table}: column {name}, dateColumn in {contract}, is {plan.mysql_type} at the source; "
            f"it must be {', '.join(DATE_TYPES)}"
        ]
    return []


def _compact(text: str) -> str:
    return re.sub(r"\s*([(,])\s*", r"\1", re.sub(r"\s*\)", ")", text))


def _normal(mysql_type: str) -> str:
    # Values of an ENUM or SET stand in quotes and keep their case and spaces.
    parts = re.split(r"('(?:[^']|'')*')", mysql_type.strip())
    text = "".join(part if part.startswith("'") else _compact(part.lower()) for part in parts)
    name = re.match(r"[a-z ]*[a-z]", text)
    if name and name[0] in _SYNONYMS:
        text = _SYNONYMS[name[0]] + text[name.end() :]
    text = re.sub(r"^decimal(?!\()", "decimal(10,0)", text)
    text = re.sub(r"^decimal\((\d+)\)", r"decimal(\1,0)", text)
    return one_form(text)
