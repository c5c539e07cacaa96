"""The page of one run, for a browser: its tasks, states, timings and logs."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.run_states import Result, State
from local.databricks_api.task_files import TaskLog

PAGE_LOG_LIMIT = 200_000
REFRESH_SECONDS = 2

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b2733; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: top; }
th { color: #5a6b7b; font-weight: 600; } tr { border-bottom: 1px solid #e3e8ee; }
pre { background: #f5f7f9; border: 1px solid #e3e8ee; padding: .8rem;
  overflow: auto; max-height: 32rem; white-space: pre-wrap; }
.good { color: #0a7a3b; } .bad { color: #b3261e; } .open { color: #8a5a00; } .muted { color: #5a6b7b; }
"""


def render_run_page(run: JobRun, logs: dict[int, TaskLog], now: int) -> str:
    """HTML of a run's page; `logs` by task run id. It refreshes itself until the run has ended."""
    refresh = "" if run.state.is_terminal else f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
    rows = "".join(_row(task, now) for task in run.tasks)
    name = escape(run.submission.run_name)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{refresh}
<title>Run {run.run_id}: {name}</title><style>{_STYLE}</style></head>
<body>
<h1>{name}</h1>
<p class="muted">Run {run.run_id} on the local Databricks Jobs API · started {_instant(run.start_time)} · \
{_seconds(run.start_time, run.end_time or now)}</p>
<p><strong class="{_colour(run.state)}">{_label(run.state)}</strong> {escape(run.state.message)}</p>
<table><thead><tr><th>Task</th><th>State</th><th>Waited</th><th>Ran</th><th>Depends on</th></tr></thead>
<tbody>{rows}</tbody></table>
{"".join(_details(task, logs[task.run_id]) for task in run.tasks)}
</body></html>
"""


def _row(task: TaskRun, now: int) -> str:
    end = task.end_time or now
    ran = _seconds(task.execution_start, end) if task.execution_start else "–"
    return (
        f'<tr><td><a href="#task-{task.run_id}">{escape(task.spec.task_key)}</a></td>'
        f'<td><span class="{_colour(task.state)}">{_label(task.state)}</span> {escape(task.state.message)}</td>'
        f"<td>{_seconds(task.start_time, task.execution_start or end)}</td><td>{ran}</td>"
        f"<td>{escape(', '.join(task.spec.depends_on)) or '–'}</td></tr>"
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


def _label(state: State) -> str:
    return f"{state.life_cycle} {state.result}" if state.result else str(state.life_cycle)


def _colour(state: State) -> str:
    if not state.is_terminal:
        return "open"
    return "good" if state.result in {Result.SUCCESS, Result.SUCCESS_WITH_FAILURES} else "bad"


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _seconds(start: int, end: int) -> str:
    return f"{max(0, end - start) / 1000:.1f} s"
