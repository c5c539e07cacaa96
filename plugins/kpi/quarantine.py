"""The rows of a fact that wait in quarantine, by their date and what is wrong with them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lakehouse.lake.delta_table import delta_state

from kpi.periods import Period

_SESSION: dict[str, Any] = {"memory_limit": "256MB", "threads": 1}
# A row with two faults waits once, and is told under each of them.
_BY_REASON = """
SELECT business_date, error.message AS reason, list_sort(error.columns) AS columns, count(*)
FROM (SELECT business_date, unnest(_errors) AS error FROM waiting) GROUP BY ALL
"""
_WHOLE = "SELECT business_date, count(*) FROM waiting GROUP BY ALL"


@dataclass(frozen=True)
class Quarantine:
    """Open entries at one version of the quarantine.

    Attributes:
        rows: by date.
        reasons: rows by date, reason, and the columns that it is about.
    """

    table_id: str
    version: int
    rows: dict[dt.date, int]
    reasons: dict[tuple[dt.date, str, tuple[str, ...]], int]

    def rows_of(self, period: Period) -> int:
        """How many rows of a period wait."""
        return sum(rows for day, rows in self.rows.items() if period.start <= day <= period.end)

    def reasons_of(self, period: Period) -> list[tuple[str, int]]:
        """What is wrong with the rows of a period, the most frequent first."""
        found: Counter[str] = Counter()
        for (day, reason, _), rows in self.reasons.items():
            if period.start <= day <= period.end:
                found[reason] += rows
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))

    def without(self, hidden: Callable[[str], bool], instead: str) -> Quarantine:
        """The same for who does not see some columns: other words stand for what is wrong with those."""
        reasons: Counter[tuple[dt.date, str, tuple[str, ...]]] = Counter()
        for (day, reason, columns), rows in self.reasons.items():
            reasons[(day, instead, ()) if any(map(hidden, columns)) else (day, reason, columns)] += rows
        return dataclasses.replace(self, reasons=dict(reasons))


def read_quarantine(lake: Any, fact: str, before: Quarantine | None) -> Quarantine | None:
    """The open entries of a fact's quarantine; None where it has none. What was read before is kept while it holds.

    Raises:
        StorageError: the lake cannot be read.
    """
    import duckdb

    state = delta_state(lake / "silver" / f"{fact}_quarantine")
    if state is None:
        return None
    if before is not None and (before.table_id, before.version) == (state.id, state.version):
        return before
    with duckdb.connect(config=_SESSION) as session:
        session.register("stored", state.batches("SELECT business_date, _errors FROM stored WHERE state = 'open'"))
        session.execute("CREATE TABLE waiting AS SELECT * FROM stored")
        rows = dict(session.execute(_WHOLE).fetchall())
        found = session.execute(_BY_REASON).fetchall()
        reasons = {(day, reason, tuple(columns or ())): count for day, reason, columns, count in found}
    return Quarantine(state.id, state.version, rows, reasons)
