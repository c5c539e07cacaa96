"""Who reads the page, and what of a table's contract they may see."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lake_model.contracts.kpi_contract import Hierarchy, KpiContract

OPEN_CLASSIFICATIONS = frozenset({"", "public", "internal"})
"""Any other word, also one that nobody here knows, hides a column from readers without a role for it."""


@dataclass(frozen=True)
class Reader:
    """A user of Airflow, and the names of their roles there, in lower case."""

    name: str
    roles: frozenset[str]


def reader_of(user: Any) -> Reader:
    """The reader that an auth manager's user is; one that knows no roles has none."""
    roles = [getattr(role, "name", role) for role in getattr(user, "roles", None) or [getattr(user, "role", None)]]
    return Reader(str(user.get_name()), frozenset(str(role).lower() for role in roles if role))


def visible(contract: KpiContract, reader: Reader, confidential_roles: Collection[str]) -> KpiContract:
    """The contract without what the reader may not see: then no question can reach it.

    Args:
        contract: of the table.
        reader: who asks.
        confidential_roles: names of the roles that see confidential columns too, in lower case.
    """
    if reader.roles & set(confidential_roles):
        return contract
    hierarchies = [
        Hierarchy(one.name, one.title, tuple(level for level in one.levels if _is_open(level.classification)))
        for one in contract.hierarchies
    ]
    measures = [one for one in contract.measures if all(map(_is_open, one.classifications))]
    return dataclasses.replace(
        contract, hierarchies=tuple(one for one in hierarchies if one.levels), measures=tuple(measures)
    )


def _is_open(classification: str) -> bool:
    return classification.lower() in OPEN_CLASSIFICATIONS
