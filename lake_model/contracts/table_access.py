"""Who may see what of a One Big Table: the `roles` of its contract, with the columns and rows that each of them sees.

A role sees the columns whose `classification` is open, and those of the classifications that it names. A role with
`rows` sees only the rows whose columns have one of the values. A reader of several roles sees the rows of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lake_model.contracts.contract_columns import lake_columns
from lake_model.contracts.contract_files import ContractFile, Problem, custom_properties

OPEN_CLASSIFICATIONS = frozenset({"", "public", "internal"})
"""Any other word, also an unknown one, hides a column from readers without a role for it."""
_PROPERTIES = {"classifications", "rows"}
_VALUES = {"string": str, "integer": int, "boolean": bool}

RowRule = tuple[tuple[str, tuple[str, ...]], ...]
"""Columns with the values that a row must have one of, in each of the columns; empty: every row."""


@dataclass(frozen=True)
class RoleRule:
    """What the readers of one role see.

    Attributes:
        role: its name, in lower case.
        classifications: of the columns that it sees beside the open ones, in lower case.
        rows: which rows it sees.
    """

    role: str
    classifications: frozenset[str] = frozenset()
    rows: RowRule = ()


@dataclass(frozen=True)
class Access:
    """What one reader sees of a table.

    Attributes:
        rules: a row is seen that one of them lets through.
        classifications: of the columns that are seen beside the open ones; None: of all.
    """

    rules: frozenset[RowRule]
    classifications: frozenset[str] | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is hidden."""
        return self.classifications is None and self.sees_all_rows

    @property
    def sees_all_rows(self) -> bool:
        """Whether no row is hidden."""
        return () in self.rules

    def sees(self, classification: str) -> bool:
        """Whether a column of a classification is seen."""
        word = classification.lower()
        return word in OPEN_CLASSIFICATIONS or self.classifications is None or word in self.classifications


WHOLE = Access(frozenset({()}), None)
"""Of who may see everything."""
OPEN = Access(frozenset({()}), frozenset())
"""Of every reader of a table whose contract names no roles."""


def access_of(rules: Collection[RoleRule], roles: Collection[str]) -> Access | None:
    """What a reader with some roles sees of a table; None where no role of theirs reads it.

    A classification is seen only where the roles that grant it see all rows that the reader sees: else two roles
    together would show a column in rows where neither of them shows it.

    Args:
        rules: of the table's contract.
        roles: names, in lower case.
    """
    if not rules:
        return OPEN
    held = [rule for rule in rules if rule.role in roles]
    if not held:
        return None
    seen = frozenset(rule.rows for rule in held)
    granted = {word for rule in held for word in rule.classifications}

    def is_granted_everywhere(word: str) -> bool:
        where = {rule.rows for rule in held if word in rule.classifications}
        return () in where or where == seen

    return Access(frozenset({()}) if () in seen else seen, frozenset(filter(is_granted_everywhere, granted)))


def role_rules(file: ContractFile) -> tuple[RoleRule, ...]:
    """The roles of a contract that has no problems."""
    found = []
    for role in file.contract.roles or ():
        given = custom_properties(role.customProperties)
        rows = tuple((str(column), tuple(map(_text, values))) for column, values in (given.get("rows") or {}).items())
        words = frozenset(str(word).lower() for word in given.get("classifications") or ())
        found.append(RoleRule((role.role or "").lower(), words, rows))
    return tuple(found)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def row_rule_columns(file: ContractFile) -> set[str]:
    """The columns by which a contract's roles tell rows apart, also where it has problems."""
    rules = [custom_properties(role.customProperties).get("rows") for role in file.contract.roles or ()]
    return {str(column) for rule in rules if isinstance(rule, dict) for column in rule}


def check_roles(file: ContractFile) -> Iterator[Problem]:
    """What is wrong with the roles of a One Big Table's contract."""
    names = [(role.role or "").lower() for role in file.contract.roles or ()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(file.file, "roles", name, "is there more than once: keep one of them")
    known = {str(column.classification).lower() for column in lake_columns(file).values() if column.classification}
    for role in file.contract.roles or ():
        at = f"roles[{role.role}]"
        if not (role.role or "").strip():
            yield Problem(file.file, f"{at}.role", role.role, "must be the name of a role")
        if role.access != "read":
            yield Problem(file.file, f"{at}.access", role.access, "must be read: the lake's tables are written by jobs")
        given = custom_properties(role.customProperties)
        for name in sorted(set(given) - _PROPERTIES):
            cure = f"is not known for a role; known are {', '.join(sorted(_PROPERTIES))}"
            yield Problem(file.file, f"{at}.customProperties.{name}", given[name], cure)
        if "classifications" in given:
            yield from _check_words(file, f"{at}.customProperties.classifications", given["classifications"], known)
        if "rows" in given:
            yield from _check_rows(file, f"{at}.customProperties.rows", given["rows"])


def _check_words(file: ContractFile, at: str, words: Any, known: Collection[str]) -> Iterator[Problem]:
    if not isinstance(words, list) or not words:
        yield Problem(file.file, at, words, "must be a list of classifications, such as [confidential]")
        return
    for word in words:
        if str(word).lower() not in known:
            cure = f"is the classification of no column; there are {', '.join(sorted(known)) or 'none'}"
            yield Problem(file.file, at, word, cure)


def _check_rows(file: ContractFile, at: str, rows: Any) -> Iterator[Problem]:
    if not isinstance(rows, dict) or not rows:
        yield Problem(file.file, at, rows, "must be columns with their values, such as {zone: [North]}")
        return
    columns = lake_columns(file)
    for name, values in rows.items():
        column = columns.get(str(name))
        if column is None:
            cure = f"is no column of this contract; it has {', '.join(columns)}"
            yield Problem(file.file, at, name, cure)
        elif column.logicalType not in _VALUES:
            cure = f"is {column.logicalType}: rows are told apart by a string, an integer or a boolean"
            yield Problem(file.file, at, name, cure)
        elif (
            not isinstance(values, list) or not values or {type(one) for one in values} != {_VALUES[column.logicalType]}
        ):
            cure = f"must be a list of at least one value, each of them of the column's type {column.logicalType}"
            yield Problem(file.file, f"{at}.{name}", values, cure)
