"""Who reads the page, and which roles of the contracts they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lake_model.contracts.kpi_contract import KpiContract
from lake_model.contracts.table_access import WHOLE, Access, access_of


@dataclass(frozen=True)
class Reader:
    """A user of Airflow, and the names of their roles there, in lower case."""

    name: str
    roles: frozenset[str]


def reader_of(user: Any) -> Reader:
    """The reader that an auth manager's user is; one that knows no roles has none."""
    roles = [getattr(role, "name", role) for role in getattr(user, "roles", None) or [getattr(user, "role", None)]]
    return Reader(str(user.get_name()), frozenset(str(role).lower() for role in roles if role))


class RoleNames:
    """What Airflow's roles are in contracts."""

    def __init__(self, unrestricted: Collection[str], meanings: Mapping[str, Collection[str]]) -> None:
        """Args:
        unrestricted: Airflow roles that see everything.
        meanings: roles of contracts by Airflow role; one without an entry is the role of its own name.
        """
        self._unrestricted = {role.lower() for role in unrestricted}
        self._meanings = {role.lower(): {one.lower() for one in meant} for role, meant in meanings.items()}

    def sees_everything(self, reader: Reader) -> bool:
        """Whether nothing is hidden from a reader."""
        return not self._unrestricted.isdisjoint(reader.roles)

    def access(self, contract: KpiContract, reader: Reader) -> Access | None:
        """What a reader sees of a table; None where it is not for them."""
        if self.sees_everything(reader):
            return WHOLE
        held = {meant for role in reader.roles for meant in self._meanings.get(role, {role})}
        return access_of(contract.roles, held)
