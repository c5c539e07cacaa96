"""The page of one run, for a browser: its tasks, states, timings and logs."""

from __future__ import annotations

from html import escape

from local.databricks_api.page_frame import instant, label, page, seconds
from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.task_files import TaskLog

PAGE_LOG_LIMIT = 200_000
REFRESH_SECONDS = 2


def render_run_page(run: JobRun, logs: dict[int, TaskLog], now: int) -> str:
    """HTML of a run's page; `logs` by task run id. It refreshes itself until the run has ended."""
    rows = "".join(_row(task, now) for task in run.tasks)
    name = run.submission.run_name
    body = f"""<p><a href="/">All runs</a></p>
<h1>{escape(name)}</h1>
<p class="muted">Run {run.run_id} on the local Databricks Jobs API · started {instant(run.start_time)} · \
{seconds(run.start_time, run.end_time or now)}</p>
<p>{label(run.state)} {escape(run.state.message)}</p>
<table><thead><tr><th>Task</th><th>State</th><th>Waited</th><th>Ran</th><th>Depends on</th></tr></thead>
<tbody>{rows}</tbody></table>
{"".join(_details(task, logs[task.run_id]) for task in run.tasks)}"""
    return page(f"Run {run.run_id}: {name}", body, 0 if run.state.is_terminal else REFRESH_SECONDS)


def _row(task: TaskRun, now: int) -> str:
    end = task.end_time or now
    ran = seconds(task.execution_start, end) if task.execution_start else "–"
    return (
        f'<tr><td><a href="#task-{task.run_id}">{escape(task.spec.task_key)}</a></td>'
        f"<td>{label(task.state)} {escape(task.state.message)}</td>"
        f'<td class="figure">{seconds(task.start_time, task.execution_start or end)}</td><td class="figure">{ran}</td>'
        f"<td>{escape(', '.join(task.depends_on)) or '–'}</td></tr>"
    )


def _details(task: TaskRun, log: TaskLog) -> str:
    number = f'<span class="muted">task run {task.run_id}</span>'
    parts = [f'<h2 id="task-{task.run_id}">{escape(task.spec.task_key)} {number}</h2>']
    if task.error:
        parts.append(f'<p class="bad">{escape(task.error)}</p>')
    if log.is_truncated:
        parts.append('<p class="muted">Only the end of the log is shown.</p>')
    parts.append(f"<pre>{escape(log.text) or 'Nothing was printed.'}</pre>")
    return "".join(parts)
