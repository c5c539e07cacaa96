"""What a copy reports, while it runs and at its end: plain values, without heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class CopyProgress(Protocol):
    """Is called with how far a copy has come, from whichever thread reads."""

    def begin(self, rows: int) -> None:
        """So many rows will be read; called once. On the first load of a large table it is the server's estimate."""

    def advance(self, rows: int) -> None:
        """So many further rows were read."""


@dataclass(frozen=True)
class CopyOutcome:
    """What a copy did.

    Attributes:
        outcome: `copied`; `unchanged` (no new files); `reused_snapshot` (a past date's snapshot stands as landed);
            `no_snapshot` (a past date has none, and nothing was written).
        rows_in_table, sums: of the whole index that is visible now (of the reused snapshot).
        slices_copied, slices_resumed: those read from the source, and those taken over from an unfinished copy.
        drift: changes of the source's columns that were taken all the same.
        notes: what could not be done as asked, such as reading ranges in parallel.
    """

    outcome: str
    rows_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    slices_checked: int = 0
    slices_copied: int = 0
    slices_resumed: int = 0
    slices_dropped: int = 0
    files: int = 0
    rows_not_yet_due: int = 0
    rows_in_table: int = 0
    sums: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def detail(self) -> dict[str, Any]:
        """The figures of a ledger row's `detail`."""
        return {
            "slices_checked": self.slices_checked,
            "slices_copied": self.slices_copied,
            "slices_resumed": self.slices_resumed,
            "slices_dropped": self.slices_dropped,
            "files": self.files,
            "rows_not_yet_due": self.rows_not_yet_due,
            "rows_in_table": self.rows_in_table,
            "drift": list(self.drift),
            "notes": list(self.notes),
        }
