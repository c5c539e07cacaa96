"""What the run ledger says about a One Big Table: the newest business date whose run was reconciled, or was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lakehouse.lake.lake_path import files_below, folders_in, read
from lakehouse.ledger import LedgerRow

from lake_model.lake_layout import folder_of_name

_MOST_DATES = 14


@dataclass(frozen=True)
class Reconciliation:
    """How the newest reconciled run ended.

    Attributes:
        holds: source, silver and gold agreed in rows and sums.
        ended_at: ISO 8601.
        problem: the first difference, where they did not agree.
    """

    business_date: str
    run_id: str
    holds: bool
    ended_at: str
    problem: str | None


def newest_reconciliation(lake: Any, schema: str, table: str) -> Reconciliation | None:
    """The newest business date's last reconciliation of a table; None where none of the newest dates has one.

    Raises:
        StorageError: the lake cannot be read.
    """
    root = lake / "ledger" / f"schema={folder_of_name(schema)}"
    for folder in sorted(folders_in(root), reverse=True)[:_MOST_DATES]:
        place = root / folder
        wanted = f"{folder_of_name(table)}.reconcile."
        names = [file.name for file in files_below(place) if file.name.rpartition("/")[2].startswith(wanted)]
        rows = [row for name in names if (row := _row(read(place / name)))]
        if rows:
            newest = max(rows, key=lambda row: row.ended_at)
            return Reconciliation(
                newest.business_date, newest.run_id, newest.status == "success", newest.ended_at, newest.error
            )
    return None


def _row(content: bytes | None) -> LedgerRow | None:
    try:
        return LedgerRow.from_json((content or b"").decode())
    except ValueError:
        return None  # The page shows figures all the same; the run's own reader reports what is wrong.
