"""Turns what Airflow says of a failure into one message that an on-call engineer can act on. Pure: it sends nothing.

There are three kinds: a task failed for good, a scheduled run missed its deadline, a task waits and no worker takes it.
Each problem has one stable `dedup_key`, so that a channel that groups messages shows it once.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from lakehouse.alerting.cures import MANUAL, WAITING, cure_of
from lakehouse.alerting.masking import masked, printable

LONGEST_CAUSE = 400
LONGEST_KEY = 255
LONGEST_FIELD = 300


@dataclass(frozen=True)
class Alert:
    """One problem, for people.

    Attributes:
        kind: `task_failed`, `deadline_missed` or `task_waiting`.
        what: the problem in a few words.
        table, business_date: what it concerns, where it concerns one.
        cause: one line; never a secret.
        link: the task's log or the run, in Airflow.
        run_page: the Databricks run, where there was one.
        cure: what to do, and where more is written.
        dedup_key: the same for every message about the same problem.
    """

    kind: str
    what: str
    dag_id: str
    run_id: str
    task_id: str | None
    map_index: int | None
    table: str | None
    business_date: str | None
    cause: str
    link: str
    run_page: str | None
    cure: str
    dedup_key: str

    @property
    def title(self) -> str:
        """The problem in one line, with its table and date."""
        concerned = ", ".join(part for part in (self.table, self.business_date) if part)
        return f"{self.what}: {concerned}" if concerned else self.what

    def lines(self) -> list[tuple[str, str]]:
        """What there is to say, as label and text."""
        parts = [
            ("Table", self.table),
            ("Business date", self.business_date),
            ("Cause", self.cause),
            ("Log" if self.task_id else "Run", self.link),
            ("Databricks run", self.run_page),
            ("What to do", self.cure),
            ("Airflow run", self.run_id),
        ]
        return [(label, text) for label, text in parts if text]

    def links(self) -> list[tuple[str, str]]:
        """Those of the lines that people may be led to: what an error says is none, whatever it looks like."""
        ours = {self.link, self.run_page}
        return [
            (label, text) for label, text in self.lines() if text in ours and text.startswith(("http://", "https://"))
        ]

    def text(self) -> str:
        """The whole message as plain text."""
        return "\n".join([self.title, *(f"{label}: {text}" for label, text in self.lines())])


@dataclass(frozen=True)
class WaitingTask:
    """A task that no worker has begun.

    Attributes:
        state: `queued`, or `up_for_reschedule` where workers gave it back.
        since: when it was queued, or given back for the first time.
        tries: how often it was given back.
        label: what names the instance of a mapped task, such as its table.
        queue, executor: who is to take it; no executor: Airflow's first one.
        conf, interval_start: of its run.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str
    since: datetime
    tries: int = 0
    label: str | None = None
    queue: str = ""
    executor: str | None = None
    conf: Mapping[str, Any] | None = None
    interval_start: datetime | None = None


def waiting_alert(task: WaitingTask, *, now: datetime, airflow_url: str, timezone: str) -> Alert:
    """The alert of a task that waits for too long; `airflow_url` and `timezone` as for `build_alert`."""
    map_index = task.map_index if task.map_index >= 0 else None
    name = task.task_id.rpartition(".")[2]
    given_back = f", and was given back {task.tries} times" if task.tries else ""
    whom = f"queue {task.queue} of {task.executor or 'the first executor'}"
    link = f"{_run_link(airflow_url, task.dag_id, task.run_id)}/tasks/{task.task_id}"
    run = {"conf": task.conf, "data_interval_start": task.interval_start}
    return _sendable(
        Alert(
            kind="task_waiting",
            what=f"{task.dag_id}: {name} waits",
            dag_id=task.dag_id,
            run_id=task.run_id,
            task_id=task.task_id,
            map_index=map_index,
            table=task.label,
            business_date=_date_of_run(run, timezone),
            cause=f"it is {task.state} for {int((now - task.since).total_seconds() // 60)} minutes{given_back}: {whom}",
            link=link if map_index is None else f"{link}/mapped/{map_index}",
            run_page=None,
            cure=f"{WAITING.cure}; see {MANUAL}",
            dedup_key=_dedup_key(task.dag_id, task.run_id, task.task_id, map_index, "task_waiting"),
        )
    )


def build_alert(context: Mapping[str, Any], *, airflow_url: str, timezone: str, run_page: str | None = None) -> Alert:
    """The alert of a task's failure context or a missed deadline's.

    Args:
        context: as Airflow hands it to a callback.
        airflow_url: Airflow's address, without a slash at its end.
        timezone: the DAG's time zone, in which its data interval has a date.
        run_page: the task's Databricks run, if it started one.
    """
    if "deadline" in context:
        return _sendable(_deadline_alert(context, airflow_url, timezone))
    return _sendable(_task_alert(context, airflow_url, timezone, run_page))


def task_field(context: Mapping[str, Any], name: str) -> Any:
    """What a failed task has under this name, or None.

    Airflow gives a task whose process was killed as the DAG file has it: what is mapped, or another task's result, is
    yet to be looked up.
    """
    task: Any = context.get("task")
    try:
        value: Any
        if hasattr(task, "partial_kwargs") and hasattr(task, "expand_input"):
            mapped, _ = task.expand_input.resolve(context)
            value = {**task.partial_kwargs, **mapped}.get(name)
        else:
            value = getattr(task, name, None)
        return value.resolve(context) if hasattr(value, "resolve") else value
    # An alert without its table is better than none.
    except Exception:
        return None


def one_line(cause: object) -> str:
    """The first thing that an error says, without secrets, short enough for a phone."""
    try:
        text = str(cause)
    # Such as that of values which hold each other.
    except Exception:
        return f"{type(cause).__name__}, whose message cannot be shown"
    text = _databricks_error(text) or text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return f"{type(cause).__name__} without a message" if isinstance(cause, BaseException) else "unknown"
    # A heading such as "3 problems in the contracts:" says little without its first problem.
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    first = printable(masked(first))
    return first if len(first) <= LONGEST_CAUSE else first[: LONGEST_CAUSE - 1] + "…"


def _databricks_error(text: str) -> str | None:
    """The job's own error within the provider's message, which wraps it in the run's state."""
    _, _, errors = text.partition("with the errors ")
    # Only the one text within is parsed: the whole may be nested deeper than Python's parser goes.
    found = re.search(r"""'error': ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", errors)
    try:
        return str(ast.literal_eval(found[1])) if found else None
    except (ValueError, SyntaxError):
        return None


def _task_alert(context: Mapping[str, Any], airflow_url: str, timezone: str, run_page: str | None) -> Alert:
    instance = context.get("ti") or context["task_instance"]
    map_index = instance.map_index if instance.map_index is not None and instance.map_index >= 0 else None
    name = instance.task_id.rpartition(".")[2]
    link = f"{_run_link(airflow_url, instance.dag_id, instance.run_id)}/tasks/{instance.task_id}"
    if map_index is not None:
        link += f"/mapped/{map_index}"
    return Alert(
        kind="task_failed",
        what=f"{instance.dag_id}: {name} failed",
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=map_index,
        table=_table_of(context),
        business_date=_business_date_of(context) or _date_of_run(_run_fields(context.get("dag_run")), timezone),
        cause=one_line(context.get("exception") or "the task's process ended without an error: see its log"),
        link=f"{link}?try_number={instance.try_number}",
        run_page=run_page,
        cure=cure_of(name),
        dedup_key=_dedup_key(instance.dag_id, instance.run_id, instance.task_id, map_index, "task_failed"),
    )


def _deadline_alert(context: Mapping[str, Any], airflow_url: str, timezone: str) -> Alert:
    run = _run_fields(context["dag_run"])
    return Alert(
        kind="deadline_missed",
        what=f"{run['dag_id']}: not ready in time",
        dag_id=run["dag_id"],
        run_id=run["run_id"],
        task_id=None,
        map_index=None,
        table=None,
        business_date=_date_of_run(run, timezone),
        cause=f"the run was due by {context['deadline']['deadline_time']} and is {run['state'] or 'not finished'}",
        link=_run_link(airflow_url, run["dag_id"], run["run_id"]),
        run_page=None,
        cure=cure_of(None),
        dedup_key=_dedup_key(run["dag_id"], run["run_id"], None, None, "deadline_missed"),
    )


def _run_fields(dag_run: Any) -> dict[str, Any]:
    """What we need of a run, which is an object in tasks and the REST API's mapping in deadline callbacks."""
    if isinstance(dag_run, Mapping):
        return {**{name: dag_run.get(name) for name in ("dag_id", "conf", "data_interval_start", "state")},
                "run_id": dag_run.get("dag_run_id") or dag_run.get("run_id")}  # fmt: skip
    names = ("dag_id", "run_id", "conf", "data_interval_start", "state")
    return {name: getattr(dag_run, name, None) for name in names}


def _date_of_run(run: Mapping[str, Any], timezone: str) -> str | None:
    asked = (run.get("conf") or {}).get("business_date")
    if isinstance(asked, str) and asked:
        return asked
    start = run.get("data_interval_start")
    if isinstance(start, str):
        start = datetime.fromisoformat(start)
    return start.astimezone(ZoneInfo(timezone)).date().isoformat() if start else None


def _table_of(context: Mapping[str, Any]) -> str | None:
    plan, batch = task_field(context, "plan"), task_field(context, "batch")
    if isinstance(plan, Mapping):
        table = plan.get("table")
    else:
        table = batch.get("label") if isinstance(batch, Mapping) else task_field(context, "table")
    return table if isinstance(table, str) else None


def _business_date_of(context: Mapping[str, Any]) -> str | None:
    value = task_field(context, "business_date")
    # A task that failed before its templates were rendered still has the template there.
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else None


def _run_link(airflow_url: str, dag_id: str, run_id: str) -> str:
    return f"{airflow_url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _dedup_key(dag_id: str, run_id: str, task_id: str | None, map_index: int | None, kind: str) -> str:
    key = "/".join((dag_id, run_id, task_id or "-", "-" if map_index is None else str(map_index), kind))
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _sendable(alert: Alert) -> Alert:
    """The alert with fields that every channel can carry: a line end would cost the mail, half a character the JSON."""
    values = {field.name: getattr(alert, field.name) for field in fields(alert)}
    texts: dict[str, Any] = {name: _short(name, text) for name, text in values.items() if isinstance(text, str)}
    return replace(alert, **texts)


def _short(name: str, text: str) -> str:
    line = printable(text)
    whole = name in {"cause", "link", "run_page", "cure", "dedup_key"}
    return line if whole or len(line) <= LONGEST_FIELD else line[: LONGEST_FIELD - 1] + "…"
