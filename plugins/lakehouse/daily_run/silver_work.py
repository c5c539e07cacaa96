"""Which tables of a run silver must work on, and why the others need no Databricks run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.daily_run.planning import AwaitedTable
from lakehouse.daily_run.unchanged import QuietDay, ReasonToRunError
from lakehouse.ledger import UNCHANGED_SINCE, LedgerRow, not_in_silver, write_row


@dataclass(frozen=True)
class Wishes:
    """What the run's parameters ask for beyond what changed.

    Attributes:
        rebuild: the tables are to be made anew from bronze alone, also where the date has no snapshot.
        anyway: somebody asked for a run of these tables, changed or not.
    """

    rebuild: bool = False
    anyway: bool = False


def wishes_of(params: Mapping[str, Any]) -> Wishes:
    """What a run's parameters ask for."""
    return Wishes(bool(params.get("rebuild")), bool(params.get("accept_deletes") or params.get("tables")))


@dataclass(frozen=True)
class SilverWork:
    """What is to be done for some tables.

    Attributes:
        to_run: the plans of those that Databricks must work on.
        unchanged: ledger rows to write, of those that nothing changed for.
        notes: one line for each table, for the log.
    """

    to_run: tuple[Mapping[str, Any], ...]
    unchanged: tuple[LedgerRow, ...]
    notes: tuple[str, ...]

    def settle(self, day: QuietDay, say: Callable[[str], object]) -> None:
        """Says the notes, and writes the ledger's rows of what needs no run."""
        for note in self.notes:
            say(note)
        for row in self.unchanged:
            write_row(day.lake, row)


def silver_work(
    day: QuietDay, plans: Iterable[Mapping[str, Any]], rows: Sequence[LedgerRow], wishes: Wishes
) -> SilverWork:
    """What is to be done for some tables; one that this run has brought to silver already is done.

    Args:
        day: the run.
        plans: the tables' plans.
        rows: the run's ledger.
        wishes: what its parameters ask for.
    """
    copies = {row.table: row for row in rows if row.stage == "copy"}
    to_run: list[Mapping[str, Any]] = []
    unchanged: list[LedgerRow] = []
    notes: list[str] = []
    for plan in plans:
        table = plan["table"]
        left_out = _left_out(plan, copies.get(table), wishes)
        if left_out:
            notes.append(f"{table}: {left_out}")
            continue
        try:
            row = day.silver_row(plan)
        except ReasonToRunError as reason:
            to_run.append(plan)
            notes.append(f"{table}: a Databricks run is needed: {reason}")
            continue
        since = row.detail.get(UNCHANGED_SINCE)
        if since is None:
            notes.append(f"{table}: this run has brought it to silver already")
        elif wishes.rebuild or wishes.anyway:
            to_run.append(plan)
            notes.append(f"{table}: a Databricks run is asked for, though nothing changed since {since}")
        else:
            unchanged.append(row)
            notes.append(f"{table}: unchanged since {since}: no Databricks run")
    return SilverWork(tuple(to_run), tuple(unchanged), tuple(notes))


def _left_out(plan: Mapping[str, Any], copy: LedgerRow | None, wishes: Wishes) -> str | None:
    if not plan["contracted"]:
        return "has no contract: it stays in bronze until one is written"
    if copy is None or copy.status == "failed":
        return "was not copied in this run: silver keeps what it has"
    if copy.outcome == "no_snapshot" and not wishes.rebuild:
        return f"has no snapshot of {copy.business_date}: the dimension keeps its history"
    return None


def held_back(plan: Mapping[str, Any], rows: Sequence[LedgerRow]) -> str | None:
    """Why a table cannot be judged in this run, naming the dimensions that are missing and what became of them.

    Judged against yesterday's keys it would refuse what is new today. None where nothing is missing.
    """
    missing = not_in_silver([AwaitedTable(**one) for one in plan["waits_for"]], rows)
    if not missing:
        return None
    what = "; ".join(_became(one, rows) for one in missing)
    return (
        f"it is judged against {', '.join(one.lake_name for one in missing)}, and {what}: mend that and clear it first"
    )


def _became(table: AwaitedTable, rows: Sequence[LedgerRow]) -> str:
    for stage, name, what in (("silver", table.lake_name, "its silver"), ("copy", table.table, "its copy")):
        row = next((row for row in rows if (row.stage, row.table, row.status) == (stage, name, "failed")), None)
        if row is not None:
            return f"{what} failed ({row.error})"
    return f"{table.lake_name} was not brought to silver in this run"


def failures(plans: Iterable[Mapping[str, Any]], rows: Sequence[LedgerRow]) -> dict[str, str]:
    """What kept each table from silver in this run, by its name in MySQL; those that are there are not in it."""
    silver = {row.table: row for row in rows if row.stage == "silver"}
    found = {}
    for plan in plans:
        row = silver.get(plan["lake_name"])
        if row is None or row.status == "failed":
            error = row.error if row else None
            found[plan["table"]] = held_back(plan, rows) or error or "this run did not bring it to silver"
    return found
