"""The page that the server's own address opens, for a browser: how Spark is, and the last runs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from local.databricks_api.page_frame import instant, label, page, seconds
from local.databricks_api.run_records import JobRun
from local.databricks_api.spark_driver import DriverStatus

RUNS_SHOWN = 50
REFRESH_SECONDS = 5

_SPARK = {
    DriverStatus.READY: '<strong class="good">ready</strong>: a run starts at once',
    DriverStatus.STARTING: '<strong class="open">starting</strong>: runs wait until it is ready',
    DriverStatus.FAILED: '<strong class="bad">failed to start</strong>: the next run tries again',
}


def render_overview(driver_status: DriverStatus, logs: str, runs: Sequence[JobRun], now: int) -> str:
    """HTML of the overview; `logs` is the folder of Spark's logs, `runs` the last ones, newest first."""
    in_flight = sum(not run.state.is_terminal for run in runs)
    rows = "".join(_row(run, now) for run in runs)
    table = f"""<table><thead><tr><th>Run</th><th>Name</th><th>State</th><th>Started</th><th>Took</th></tr></thead>
<tbody>{rows}</tbody></table>
<p class="muted">The last {RUNS_SHOWN} runs at most. A run's page has its tasks and their logs.</p>"""
    body = f"""<h1>Local Databricks</h1>
<p class="muted">The Jobs API of this machine, with Apache Spark and Delta. This page is as of {instant(now)}.</p>
<p>Spark is {_SPARK[driver_status]}. <span class="muted">Its logs: <code>{escape(logs)}</code></span></p>
<p>{in_flight or "No"} run{"" if in_flight == 1 else "s"} in flight.</p>
{table if runs else "<p>Nothing was submitted yet.</p>"}"""
    return page("Local Databricks", body, REFRESH_SECONDS)


def _row(run: JobRun, now: int) -> str:
    return (
        f'<tr><td>{run.run_id}</td><td><a href="/runs/{run.run_id}">{escape(run.submission.run_name)}</a></td>'
        f"<td>{label(run.state)} {escape(run.state.message)}</td>"
        f'<td class="figure">{instant(run.start_time)}</td>'
        f'<td class="figure">{seconds(run.start_time, run.end_time or now)}</td></tr>'
    )
