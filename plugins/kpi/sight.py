"""What one reader sees of a read model: every question of the page, its downloads and tables goes through here.

The read model's rows have another name than the one that questions use. That name exists only within a question: it
stands for the reader's rows and columns, so that a question that forgot about rules would find no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kpi.combinations import number_column
from kpi.read_model import DATE, ROWS, About, ReadModel, enum_type, quoted
from lake_model.contracts.kpi_contract import KpiContract
from lake_model.contracts.table_access import Access, RowRule

SEEN = "seen"
"""The name of the reader's rows in a question."""


class Sight:
    """A read model as one reader sees it."""

    def __init__(self, model: ReadModel, contract: KpiContract, access: Access) -> None:
        """Args:
        model: of the whole table.
        contract: as far as the reader sees it.
        access: what they see.
        """
        self._model = model
        levels = [level.column for level in contract.levels]
        measured = [one.column for one in contract.aggregates if one.column]
        numbers = [number_column(place) for place in range(len(model.about.combinations))]
        columns = ", ".join(map(quoted, dict.fromkeys([DATE, *levels, *measured, *numbers])))
        self._where, self._values = row_condition(access, enum_type)
        self._seen = f"{SEEN} AS NOT MATERIALIZED (SELECT {columns} FROM {ROWS} WHERE {self._where})"

    @property
    def about(self) -> About:
        """What the read model holds; its dates are those of the whole table, for all readers."""
        return self._model.about

    def tuples(self, columns: Sequence[str]) -> set[tuple[Any, ...]]:
        """The values of some levels that stand together in the reader's rows.

        They may be levels that the reader does not see: to decide by, and never to be shown.
        """
        wanted = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in columns)
        return set(self._model.ask(f"SELECT DISTINCT {wanted} FROM {ROWS} WHERE {self._where}", list(self._values)))

    def ask(self, select: str, values: Iterable[Any] = (), tables: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """The rows of an answer.

        Args:
            select: a SELECT over `SEEN` and `tables`.
            values: those of the question marks in `tables` and `select`, in their order.
            tables: further tables of a WITH clause, each `name AS (…)`.
        """
        return self._model.ask(f"WITH {', '.join((self._seen, *tables))} {select}", [*self._values, *values])


def row_condition(access: Access, type_of: Callable[[str], str]) -> tuple[str, list[str]]:
    """The condition of the rows that a reader sees, with its values apart.

    Args:
        access: what the reader sees.
        type_of: the type of a column.
    """
    if access.sees_all_rows:
        return "true", []
    rules = sorted(access.rules)
    values = [value for rule in rules for _, chosen in rule for value in chosen]
    return " OR ".join(f"({_condition(rule, type_of)})" for rule in rules) or "false", values


def _condition(rule: RowRule, type_of: Callable[[str], str]) -> str:
    # A value that the table has not lets no row through.
    return " AND ".join(
        f"{quoted(column)} IN ({', '.join([f'TRY_CAST(? AS {type_of(column)})'] * len(chosen))})"
        for column, chosen in rule
    )
