"""What a project's objects are called, and the identities that Power BI knows them by."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property

from lakehouse.errors import LakehouseError

from lake_model.contracts.kpi_contract import ColumnType, KpiContract, Measure
from lake_model.contracts.table_access import OPEN, Access, access_of

_SPACE = uuid.UUID("6b1f3f6e-0d8a-5c1c-9a53-6f0c2f6d9a10")
YEAR_BEFORE, CHANGE = "a year before", "change to a year before"
CALENDAR = ("Year", "Quarter", "Month", "Date")
"""Columns of the date table, the widest first."""


@dataclass(frozen=True)
class Model:
    """A One Big Table as a Power BI project shows it.

    Attributes:
        mode: `directQuery` or `import`.
    """

    contract: KpiContract
    mode: str

    @property
    def table(self) -> str:
        """The name of the wide table."""
        return self.contract.title

    @property
    def date_table(self) -> str:
        """The name of the table of dates."""
        return "Calendar" if self.table.lower() == "date" else "Date"

    def tag(self, *words: str) -> str:
        """An identity that is the same each time."""
        return str(uuid.uuid5(_SPACE, "/".join((self.contract.name, *words))))

    @cached_property
    def readers(self) -> dict[str, Access]:
        """What each role sees; without roles in the contract one access without a name, that of all."""
        roles = self.contract.roles
        return {one.role: access_of(roles, [one.role]) or OPEN for one in roles} or {"": OPEN}

    @cached_property
    def columns(self) -> tuple[ColumnType, ...]:
        """The columns that the project needs and some role sees: the date, what is grouped, told apart or measured."""
        measured = {one.column for measure in self.measures for one in (measure.value, measure.per) if one}
        levels = {level.column for level in self.contract.levels}
        wanted = {self.contract.date_column, *levels, *self.contract.row_columns, *measured}
        # A column tells rows apart for every reader, also for one who may not see its values.
        kept = {self.contract.date_column, *self.contract.row_columns}
        return tuple(
            one
            for one in self.contract.column_types
            if one.name in wanted and (one.name in kept or self._is_seen(one.classification))
        )

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that some role sees."""
        return tuple(one for one in self.contract.measures if all(map(self._is_seen, one.classifications)))

    def _is_seen(self, classification: str) -> bool:
        return any(access.sees(classification) for access in self.readers.values())

    @cached_property
    def titles(self) -> dict[str, str]:
        """Of each column the name that people read: its level's title where no other column or measure has it."""
        levels = {level.column: level.title for level in self.contract.levels}
        said = [levels.get(one.name, one.name).lower() for one in self.columns]
        said += [name.lower() for name in self.measure_names]
        titles = {
            one.name: levels[one.name] if one.name in levels and said.count(levels[one.name].lower()) == 1 else one.name
            for one in self.columns
        }
        taken = [name.lower() for name in (*titles.values(), *self.measure_names)]
        for name in (*titles.values(), *self.measure_names):
            if taken.count(name.lower()) > 1:
                raise LakehouseError(
                    f"{self.contract.name}: two measures or columns would be called {name} in Power BI, which knows no "
                    "upper and lower case: give one of them another title (kpis) or businessName (columns)"
                )
        return titles

    @cached_property
    def measure_names(self) -> list[str]:
        """All measures, with those that compare."""
        found = [one.title for one in self.measures]
        return [*found, *(f"{title} {what}" for title in found for what in (YEAR_BEFORE, CHANGE))]
