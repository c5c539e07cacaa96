"""What each failure means and what to do: for the alerts, and for the table in `docs/guides/operations.md`."""

from __future__ import annotations

from dataclasses import dataclass

MANUAL = "docs/guides/operations.md#what-to-do-by-what-failed"
_SILVER = "silver_dimensions, silver_facts"
_ANY = "mend what the cause names, then clear the task with downstream"


@dataclass(frozen=True)
class Failure:
    """A kind of failure.

    Attributes:
        what: the names of the tasks, by comma, or what else it is known by, in Markdown.
        means: what it means, in Markdown.
        cure: what to do; plain text, as alerts have it too.
        case: of a task that can fail in several ways, which one this is; alerts have the one that has none.
        more: what to add to the cure where it can be read at leisure, in Markdown.
    """

    what: str
    means: str
    cure: str
    case: str = ""
    more: str = ""


FAILURES = (
    Failure(
        "resolve_run",
        "no business date, or one that is no date or lies in the future",
        "trigger the run again with a business_date",
    ),
    Failure(
        "source_ready",
        "MySQL did not answer for an hour (timeout), or refuses the login, or the schema is gone: the message says it",
        "mend the source or its connection, then clear source_ready with downstream",
    ),
    Failure(
        "list_tables",
        "a contract is wrong, or a contracted table is gone from MySQL; every problem is listed with file, field and "
        "cure",
        "correct the contracts or the parameter named in the cause, then clear list_tables with downstream",
    ),
    Failure(
        "copy_to_bronze",
        "see the message of the table's copy, [below](#what-the-message-of-a-copy-means)",
        "mend what the cause names, then clear this table's copy_to_bronze with downstream",
        more="a drifted column needs its contract amended first",
    ),
    Failure(
        _SILVER,
        "the Spark job failed for the tables that the message names, each with its cause; the run page is linked, and "
        "the other tables of the batch are done",
        "mend what the cause names (see the Databricks run), then clear this task with downstream: only what is not "
        "done runs",
    ),
    Failure(
        _SILVER,
        "it stood in Databricks' queue or ran too long, and was cancelled; tries again",
        "see on its page what it waited for: more compute, or a higher LAKEHOUSE_DATABRICKS_TIMEOUT_MINUTES",
        case="the Databricks run … was not over after …",
    ),
    Failure(
        _SILVER,
        "a dimension whose keys the fact needs failed in this run; the other tables of the batch are done",
        "mend the dimension, then clear its copy_to_bronze or silver_dimensions with downstream",
        case="it is judged against …",
    ),
    Failure(
        _SILVER,
        "the data is not as its contract expects it",
        "correct the source, waive the rows, or accept them",
        case="stopped before silver was touched",
        more="see [below](#a-run-that-quality-stopped)",
    ),
    Failure(
        "gold",
        "likewise",
        "mend what the cause names (see the Databricks run), then clear gold with downstream",
    ),
    Failure(
        "gold",
        "a value of silver does not fit the column's `sparkType` whole; gold stays as it was",
        "cut it off on purpose in the transformLogic, or give a wider type; then clear gold with downstream",
        case="does not fit without losing part of it",
    ),
    Failure(
        "reconcile",
        "rows or sums differ somewhere between MySQL and gold; the message lists table, date and measure",
        "clear copy_to_bronze of the tables named, with downstream; if it differs again, keep the run's files",
    ),
    Failure(
        "report",
        "a table without a contract was not copied; all others were, and gold is up to date and published",
        "mend what the cause names, then clear copy_to_bronze of the tables named, with downstream; or have a contract "
        "exclude them",
        more="`excluded: true`",
    ),
    Failure(
        "sweep_bronze",
        "in the DAG `lakehouse_upkeep`: the index of a table is damaged; the others were swept",
        "mend what the cause names, then clear sweep_bronze",
        more="see [Upkeep of bronze](#upkeep-of-bronze)",
    ),
    Failure(
        "tend_tables",
        "in the DAG `lakehouse_upkeep`: files of silver or gold could not be tended; the message names each table",
        "mend what the cause names (see the Databricks run), then clear tend_tables",
        more="daily runs do not need it",
    ),
)
_OTHERS = (
    Failure(
        "an import error of `schemas_without_dag.py` (no alert: shown on *Dags*)",
        "a folder of contracts has a wrong `daily_run.toml`, so its DAG is away; the others run",
        "do as the message says; it is back within a minute",
    ),
)
DEADLINE = Failure(
    "a missed deadline",
    "a scheduled run has not succeeded `LAKEHOUSE_DEADLINE_MINUTES` after its interval's end",
    "open the run: whatever is red or still running is the cause",
)

WAITING = Failure(
    "a task that waits",
    "it is queued, or given back by workers, for longer than `LAKEHOUSE_WAITING_MINUTES`: no worker serves its queue, "
    "or one cannot read the DAG; `bin/lakehouse waiting` reports it, since it is not red",
    "see that a worker runs for the queue that the cause names, and run bin/lakehouse worker there",
    more="see [below](#tasks-that-wait)",
)


def cure_of(task: str | None) -> str:
    """What an alert says to do about a failed task, by its name; None: about a missed deadline."""
    if task is None:
        return f"{DEADLINE.cure}; see {MANUAL}"
    found = next((one.cure for one in FAILURES if task in one.what.split(", ") and not one.case), _ANY)
    return f"{found}; see {MANUAL}"


def failures_table() -> str:
    """All failures as a Markdown table, for `docs/guides/operations.md`."""
    rows = [(f"`{one.what.replace(', ', '`, `')}`" + (f", *{one.case}*" if one.case else ""), one) for one in FAILURES]
    rows += [(one.what, one) for one in (*_OTHERS, DEADLINE, WAITING)]
    lines = [f"| {what} | {one.means} | {'; '.join(filter(None, (one.cure, one.more)))} |" for what, one in rows]
    return "\n".join(["| what failed | it means | do |", "|---|---|---|", *lines]) + "\n"
