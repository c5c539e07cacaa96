"""The run ledger: one JSON row per table, stage and attempt, so that figures can be read long after logs are gone.

No two attempts share a name, so that none can take another's row away: of a table and stage the row of the attempt that
began last counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date
from typing import Protocol, TypeVar

from lake_model.lake_layout import ledger_folder_name, ledger_row_name
from lake_model.lake_layout import run_slug as run_slug
from lake_model.ledger_row import STAGES as STAGES
from lake_model.ledger_row import LedgerRow as LedgerRow
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import LakePath, files_below, publish, read

PathT = TypeVar("PathT", bound=LakePath)
# In the detail of a row that Airflow wrote itself, for a table that no run was sent for.
UNCHANGED_SINCE = "unchanged_since"
_SAID = {"expectations_not_met": "not met", "waivers_ended": "waiver ended"}


def ledger_folder(lake: PathT, schema: str, business_date: str, run: str) -> PathT:
    """Where the rows of one run and business date are."""
    return lake / ledger_folder_name(schema, business_date, run)


def ledger_path(lake: PathT, row: LedgerRow, attempt: str) -> PathT:
    """Where the row of an attempt is kept."""
    folder = ledger_folder(lake, row.schema, row.business_date, row.run_id)
    return folder / ledger_row_name(row.table, row.stage, attempt)


def write_row(lake: LakePath, row: LedgerRow) -> None:
    """Writes the row of an attempt, beside those of earlier ones.

    Raises:
        StorageError: the lake cannot be written.
    """
    publish(ledger_path(lake, row, secrets.token_hex(6)), row.to_json().encode() + b"\n")


def read_rows(lake: LakePath, schema: str, business_date: date | str, run: str) -> list[LedgerRow]:
    """The newest row of each table and stage of one run and business date, by table and in order of the stages.

    Raises:
        StorageError: the lake cannot be read, or holds something that is no ledger row.
    """
    folder = ledger_folder(lake, schema, str(business_date), run)
    # A row was a folder in the first version.
    names = [file.name for file in files_below(folder) if file.name.endswith(".json") and "/" not in file.name]
    rows = [row for name in names if (row := _parsed(folder / name)) is not None]
    newest = {(row.table, row.stage): row for row in sorted(rows, key=_began)}
    return sorted(
        newest.values(), key=lambda row: (row.table, STAGES.index(row.stage) if row.stage in STAGES else len(STAGES))
    )


def read_row(lake: LakePath, schema: str, business_date: str, run: str, name: str) -> LedgerRow | None:
    """One row by its name among those of a run and business date; None where it is gone.

    Raises:
        StorageError: the lake cannot be read, or holds something that is no ledger row.
    """
    return _parsed(ledger_folder(lake, schema, business_date, run) / name)


class NamedTable(Protocol):
    """A table by its names in MySQL and in the lake."""

    @property
    def table(self) -> str: ...
    @property
    def lake_name(self) -> str: ...


NamedTableT = TypeVar("NamedTableT", bound=NamedTable)


def not_in_silver(tables: Iterable[NamedTableT], rows: Iterable[LedgerRow]) -> list[NamedTableT]:
    """Those of some tables that a run has not brought to silver.

    A table that had no snapshot on the date has nothing to bring, and counts as brought.
    """
    found = list(rows)
    done = {row.table for row in found if row.stage == "silver" and row.status == "success"}
    nothing = {row.table for row in found if row.stage == "copy" and row.outcome == "no_snapshot"}
    return [one for one in tables if one.lake_name not in done and one.table not in nothing]


def render_rows(rows: Iterable[LedgerRow]) -> str:
    """The rows as a table for a task's log; below it errors, and what their details have for people."""
    heading = ("table", "stage", "status", "outcome", "rows read", "rows written", "bytes", "seconds")
    rows = list(rows)
    cells = [heading] + [
        (
            r.table,
            r.stage,
            r.status,
            r.outcome,
            f"{r.rows_read:,}",
            f"{r.rows_written:,}",
            "" if r.bytes_written is None else f"{r.bytes_written:,}",
            f"{r.seconds:.1f}",
        )
        for r in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heading))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    errors = [f"{row.table} {row.stage}: {row.error}" for row in rows if row.error]
    stood = [
        f"{row.table} {row.stage}: unchanged since {row.detail[UNCHANGED_SINCE]}"
        for row in rows
        if UNCHANGED_SINCE in row.detail
    ]
    said = [
        f"{row.table} {row.stage}: {what}: {sentence}"
        for row in rows
        for name, what in _SAID.items()
        if not row.error
        for sentence in row.detail.get(name) or ()
    ]
    return "\n".join(lines + errors + stood + said)


def _began(row: LedgerRow) -> tuple[str, str]:
    return row.started_at, row.ended_at


def _parsed(path: LakePath) -> LedgerRow | None:
    content = read(path)
    # In a cloud store an object of Spark's is empty for a moment: the row is then not there yet.
    if not content:
        return None
    try:
        return LedgerRow.from_json(content.decode())
    except ValueError as error:
        raise StorageError(
            f"{path} is no ledger row ({error}): clear the task that wrote it, and it is written again"
        ) from error
