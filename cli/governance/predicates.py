"""Who sees a row and who sees a column, as conditions over the groups of the reader.

They mean what `table_access.access_of` says for a reader whose roles are these groups; a test tries both on all sets of
groups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cli.governance.sql_text import quoted, text, value_of
from lake_model.contracts.table_access import RowRule
from lake_model.contracts.table_governance import GovernedTable

NOBODY = "FALSE"


@dataclass(frozen=True)
class Exempt:
    """Who sees all rows and all columns.

    Attributes:
        principals: users, and service principals by their application's id. The jobs' own must be there: it would read
            filtered rows, and write them, in silence.
        groups: of the account.
    """

    principals: Collection[str]
    groups: Collection[str] = ()


def row_predicate(table: GovernedTable, exempt: Exempt) -> str | None:
    """The condition of a row that is seen, over the table's `row_columns`; None where every reader sees all rows."""
    if not table.row_columns:
        return None
    types = {column.name: column.lake_type for column in table.row_columns}
    seen = [_exempt(exempt)]
    for rule in dict.fromkeys(role.rows for role in table.roles):
        holders = _any_member(group for group, role in _roles(table) if role == rule)
        seen.append(f"({holders} AND {_condition(rule, types)})" if rule else holders)
    return f"coalesce({' OR '.join(seen)}, FALSE)"


def column_predicate(table: GovernedTable, classification: str, exempt: Exempt) -> str:
    """The condition under which a column of a classification is seen.

    It is seen where a role that grants it sees all rows, or where each kind of rows that the reader sees is one that a
    role of theirs sees with it: else two roles together would show it where neither of them does.
    """
    word = classification.lower()
    granting = {rule: _granting(table, rule, word) for rule in dict.fromkeys(role.rows for role in table.roles)}
    every = granting.get((), [])
    any_granting = [group for groups in granting.values() for group in groups]
    seen = [_exempt(exempt), *([_any_member(every)] if every else [])]
    if any_granting and any(granting[rule] for rule in granting if rule):
        parts = [_any_member(any_granting)]
        for rule, groups in granting.items():
            holders = [group for group, rows in _roles(table) if rows == rule]
            if set(holders) != set(groups):
                parts.append(f"(NOT ({_any_member(holders)}) OR {_any_member(groups)})")
        seen.append(f"({' AND '.join(parts)})")
    return " OR ".join(seen)


def _granting(table: GovernedTable, rule: RowRule, word: str) -> list[str]:
    pairs = zip(table.groups, table.roles, strict=True)
    return [group for group, role in pairs if role.rows == rule and word in role.classifications]


def _roles(table: GovernedTable) -> Iterable[tuple[str, RowRule]]:
    return [(group, role.rows) for group, role in zip(table.groups, table.roles, strict=True)]


def _exempt(exempt: Exempt) -> str:
    principals = [f"session_user() = {text(principal)}" for principal in exempt.principals]
    return " OR ".join([*principals, *map(_member, exempt.groups)]) or NOBODY


def _any_member(groups: Iterable[str]) -> str:
    found = list(map(_member, groups))
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})" if found else NOBODY


def _member(group: str) -> str:
    return f"is_account_group_member({text(group)})"


def _condition(rule: RowRule, types: dict[str, str]) -> str:
    return " AND ".join(f"{quoted(column)} IN ({_values(values, types[column])})" for column, values in rule)


def _values(values: Sequence[str], lake_type: str) -> str:
    return ", ".join(value_of(value, lake_type) for value in values)
