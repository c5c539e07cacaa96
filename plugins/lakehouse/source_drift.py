"""Comparing the columns of the source with those of the contract and of the last copy. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lakehouse.errors import SourceDriftError
from lakehouse.manifest import Column
from lakehouse.type_map import DATE_TYPES, ColumnPlan

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
) -> None:
    """Hold the source's columns against the contract's.

    Args:
        table: the full name of the table, for messages.
        contract: what to call the contract in messages.
        contracted: name and physical type of every contracted column; None where any type will do.
        date_column: the column that dates the rows.
        plans: the source's columns.

    Raises:
        SourceDriftError: columns are missing or have another type; the message lists them all, with the cure.
    """
    found = {plan.name: plan for plan in plans}
    problems = []
    for name, expected in contracted:
        if name not in found:
            problems.append(
                f"{table}: column {name} ({expected or 'of any type'}) is missing at the source; "
                f"if that is meant, remove the property {name} from {contract}"
            )
        elif expected is not None and not same_type(expected, found[name].mysql_type):
            problems.append(
                f"{table}: column {name} is {expected} by contract, but {found[name].mysql_type} at the source; "
                f"if that is meant, set physicalType of {name} to {found[name].mysql_type} in {contract}"
            )
    if date_column is not None:
        problems += _date_column_problems(table, contract, date_column, found.get(date_column))
    if problems:
        raise SourceDriftError("\n".join(problems))


def describe_changes(
    contracted: Sequence[tuple[str, str | None]], previous: Sequence[Column], plans: Sequence[ColumnPlan]
) -> tuple[str, ...]:
    """What is new at the source and was taken all the same, one line for each change.

    With a contract: columns that it does not know. Without: differences from the last copy.
    """
    if contracted:
        known = {name for name, _ in contracted}
        return tuple(
            f"column {plan.name} ({plan.mysql_type}) is not in the contract" for plan in plans if plan.name not in known
        )
    if not previous:
        return ()
    before = {column.name: column for column in previous}
    now = {plan.name for plan in plans}
    return (
        *(f"column {plan.name} ({plan.mysql_type}) is new" for plan in plans if plan.name not in before),
        *(
            f"column {plan.name} was {before[plan.name].mysql_type} and is {plan.mysql_type}"
            for plan in plans
            if plan.name in before and not same_type(before[plan.name].mysql_type, plan.mysql_type)
        ),
        *(f"column {name} ({column.mysql_type}) is gone" for name, column in before.items() if name not in now),
    )


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
    if text.startswith("tinyint(1)"):
        return text
    return re.sub(r"^(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)", r"\1", text)
