"""Which dates of a table a run holds against the source. No I/O.

A run looks everywhere unless the contract says otherwise: then it looks at a window of the last days, or at the dates
that a watermark points to, and everywhere only now and then (a full pass). What lies outside is carried over as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lake_model.bronze_manifest import ALL, UNDATED, Column, Manifest
from lake_model.contracts.copy_spec import ChangeScope
from lakehouse.source.fingerprint import dated_predicate, since_predicate, table_sql, undated_predicate
from lakehouse.source.sql_text import quote_identifier, quote_text
from lakehouse.source.type_map import ColumnPlan


@dataclass(frozen=True)
class ScanScope:
    """The slices that a run scans.

    Attributes:
        everywhere: all of them; the others then mean nothing.
        days: these dates.
        since: every date from this one on.
        undated: the rows of no date.
    """

    everywhere: bool = False
    days: tuple[date, ...] = ()
    since: date | None = None
    undated: bool = False

    def __contains__(self, name: object) -> bool:
        """Whether the run scans the slice of this name."""
        if self.everywhere or name == ALL:
            return True
        if name == UNDATED:
            return self.undated
        day = date.fromisoformat(str(name))
        return day in self.days or (self.since is not None and day >= self.since)

    def predicate(self, date_column: ColumnPlan | None) -> str | None:
        """The predicate of the rows of these slices; None where all rows are meant."""
        if self.everywhere or date_column is None:
            return None
        parts = []
        if self.since is not None:
            parts.append(since_predicate(date_column, self.since))
        days = [day for day in self.days if self.since is None or day < self.since]
        if days:
            parts.append(dated_predicate(date_column, days, True))
        if self.undated:
            parts.append(undated_predicate(date_column))
        return " OR ".join(f"({part})" for part in parts) if parts else "FALSE"


EVERYWHERE = ScanScope(everywhere=True)


def needs_full_pass(
    scope: ChangeScope | None, previous: Manifest | None, columns: Sequence[Column], business_date: date
) -> bool:
    """Whether the run looks everywhere.

    It does with no scope, with nothing landed, when the last full pass is `full_pass_days` old, and when columns came,
    went or changed: those are in every row.
    """
    if scope is None or previous is None or previous.full_pass is None or previous.columns != tuple(columns):
        return True
    if scope.watermark_column is not None and previous.watermark is None:
        return True
    return business_date - date.fromisoformat(previous.full_pass) >= timedelta(days=scope.full_pass_days)


def trailing_window(days: int, business_date: date, newest: date) -> ScanScope:
    """The last so many days up to the business date, and all since the newest that was landed, however long ago."""
    return ScanScope(since=min(business_date - timedelta(days=days - 1), newest + timedelta(days=1)))


def since_watermark(touched: Collection[str], newest: date) -> ScanScope:
    """The slices that hold rows of after the watermark, and the dates that were not due before."""
    days = sorted(date.fromisoformat(name) for name in touched if name != UNDATED)
    return ScanScope(days=tuple(days), since=newest + timedelta(days=1), undated=UNDATED in touched)


def touched_sql(schema: str, table: str, date_key: str, scope: ChangeScope, watermark: str) -> str:
    """The statement that gives the dates with rows whose watermark column is not older than the overlap allows."""
    column = quote_identifier(scope.watermark_column or "")
    start = f"{quote_text(watermark)} - INTERVAL {scope.overlap_minutes} MINUTE"
    return f"SELECT DISTINCT {date_key} FROM {table_sql(schema, table)} WHERE {column} >= {start}"


def watermark_sql(schema: str, table: str, scope: ChangeScope) -> str:
    """The statement that gives the newest watermark; one far in the future would hide all that comes before it."""
    column = quote_identifier(scope.watermark_column or "")
    return f"SELECT LEAST(MAX({column}), UTC_TIMESTAMP(6) + INTERVAL 1 DAY) FROM {table_sql(schema, table)}"
