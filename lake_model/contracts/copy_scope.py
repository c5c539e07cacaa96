"""Where a copy looks for changes and what of the source's columns fails it: plain values."""

from __future__ import annotations

from dataclasses import dataclass

CHANGE_DETECTIONS = ("fingerprint", "watermark", "full")
# What of the source's columns fails a copy: that a contracted one is missing or retyped; that it is missing; or any
# column that is not as contracted.
DRIFT_POLICIES = ("contracted", "tolerant", "strict")


@dataclass(frozen=True)
class ChangeScope:
    """Where a run looks for changes when it does not look everywhere.

    Attributes:
        full_pass_days: it looks everywhere when the last run that did is so many business dates older.
        trailing_days: it looks at this many days up to its own; None with a watermark.
        watermark_column: it looks at the dates of rows whose value here is newer than the last seen; None without.
        overlap_minutes: how much older than the last seen it may be, for rows that were committed late.
    """

    full_pass_days: int
    trailing_days: int | None = None
    watermark_column: str | None = None
    overlap_minutes: int = 0
