"""What the page's answers are made from: the tables' contracts and read models, as far as a reader sees them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from lakehouse.errors import LakehouseError
from lakehouse.lake.tables import Tables
from lakehouse.trace import Trace

from kpi.questions import QuestionError
from kpi.readers import Reader, RoleNames
from kpi.seen import Seen, seen_of
from kpi.shelf import NothingYetError, Shelf
from lake_model.contracts.kpi_contract import KpiContract
from lake_model.contracts.table_access import Access


class NotForReaderError(LakehouseError):
    """No role of the reader's reads any table."""


@dataclass(frozen=True)
class Desk:
    """What answers need: contracts, read models, and who sees what of them.

    Attributes:
        contracts: gives those of all tables, as they are now.
        trace: gives the way of a date's rows.
        lake_tables: gives those of the lake.
    """

    contracts: Callable[[], tuple[KpiContract, ...]]
    shelf: Shelf
    roles: RoleNames
    trace: Callable[[KpiContract, dt.date], Trace]
    lake_tables: Callable[[], Tables]

    def tables(self, reader: Reader) -> list[KpiContract]:
        """What the reader may look at, as far as they see it."""
        return [contract for contract, _, _ in self._seen(reader)]

    def table(self, reader: Reader, name: str | None) -> Seen:
        """A table by its name, or the first one.

        Raises:
            QuestionError: the reader sees no such table.
            NothingYetError: there is none at all.
            NotForReaderError: no role of the reader's reads one.
            LakehouseError: it cannot be shown.
        """
        known = {contract.name: (contract, whole, access) for contract, whole, access in self._seen(reader)}
        if not known:
            raise NothingYetError(
                "no contract of a One Big Table declares kpis and hierarchies yet: add them to have its page"
            )
        found = known.get(name) if name else next(iter(known.values()))
        if found is None:
            raise QuestionError(f"table must be one of {', '.join(known)}")
        contract, whole, access = found
        # The read model is the same for all readers.
        return seen_of(self.shelf.get(whole), contract, whole, access)

    def _seen(self, reader: Reader) -> list[tuple[KpiContract, KpiContract, Access]]:
        contracts = self.contracts()
        allowed = [(one, access) for one in contracts if (access := self.roles.access(one, reader)) is not None]
        if contracts and not allowed:
            raise NotForReaderError(
                "no table here is for one of your Airflow roles: the platform's operators give the roles that a "
                "table's contract names (LAKEHOUSE_KPI_ROLES)"
            )
        found = [(whole.seen_by(access), whole, access) for whole, access in allowed]
        return [one for one in found if one[0].hierarchies and one[0].measures]
