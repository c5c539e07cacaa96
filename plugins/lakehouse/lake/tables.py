"""The tables of silver and gold as they are read without Spark jobs, wherever they are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lake_model.changed_rows import ChangedRows
from lakehouse.lake.lake_path import LakePath


class DeltaState(Protocol):
    """A Delta table at one version."""

    @property
    def id(self) -> str:
        """Of the table; a table that is made anew has another."""

    @property
    def version(self) -> int:
        """The version."""

    @property
    def committed_at(self) -> dt.datetime:
        """When the version was written."""

    @property
    def types(self) -> dict[str, str]:
        """The type of each column, as Delta's schema names it."""

    def commits(self, most: int) -> list[dict[str, Any]]:
        """The newest commits, the newest first, as Delta's log has them."""

    def batches(self, sql: str) -> Any:
        """The answer of a query over the table, which is named `stored` in it, as a stream of Arrow batches.

        Queries are written as DuckDB reads them.
        """

    def changed_since(self, version: int) -> ChangedRows | None:
        """The rows that commits after a version wrote; None where they do not show it."""


Tables = Callable[[str, str], DeltaState | None]
"""Gives a table by its layer and name, at its newest version; None where there is none yet."""


@dataclass(frozen=True)
class Lake:
    """A lake that is read.

    Attributes:
        root: of its folders.
        tables: those of silver and gold.
        names: gives the names of a layer's tables.
    """

    root: LakePath
    tables: Tables
    names: Callable[[str], list[str]]
