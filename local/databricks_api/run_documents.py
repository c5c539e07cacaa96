"""The JSON documents in which the API shows runs."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.run_states import LifeCycle, Result, State

TASKS_PER_PAGE = 100
_STATUS_OF_LIFE_CYCLE = {LifeCycle.SKIPPED: "TERMINATED", LifeCycle.INTERNAL_ERROR: "TERMINATED"}
_PLATFORM_FAULTS = frozenset({"INTERNAL_ERROR", "DRIVER_ERROR"})
_NO_FAULTS = frozenset({"SUCCESS", "SUCCESS_WITH_FAILURES"})


class RunPages:
    """Addresses of the run pages. A browser sends no bearer token, so each address carries a key made from it."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token

    def url(self, run_id: int) -> str:
        """Address of the page of a run or task run."""
        return f"{self._base_url}/runs/{run_id}?key={self._key(run_id)}"

    def is_allowed(self, run_id: int, key: str) -> bool:
        """Whether `key` opens the page of this run."""
        return hmac.compare_digest(self._key(run_id).encode(), key.encode())

    def _key(self, run_id: int) -> str:
        return hmac.new(self._token.encode(), f"run page {run_id}".encode(), hashlib.sha256).hexdigest()[:32]


def state_document(state: State) -> dict[str, Any]:
    """The `state` field (the older form)."""
    document: dict[str, Any] = {
        "life_cycle_state": state.life_cycle,
        "state_message": state.message,
        "user_cancelled_or_timedout": state.result in {Result.CANCELED, Result.TIMEDOUT},
    }
    if state.result is not None:
        document["result_state"] = state.result
    return document


def status_document(state: State) -> dict[str, Any]:
    """The `status` field (the newer form)."""
    document: dict[str, Any] = {"state": _STATUS_OF_LIFE_CYCLE.get(state.life_cycle, str(state.life_cycle))}
    if state.is_terminal:
        kind = "SUCCESS" if state.code in _NO_FAULTS else "CLIENT_ERROR"
        kind = "INTERNAL_ERROR" if state.code in _PLATFORM_FAULTS else kind
        document["termination_details"] = {"code": state.code, "type": kind, "message": state.message}
    return document


def task_document(task: TaskRun, pages: RunPages) -> dict[str, Any]:
    """One entry of `tasks`: the task as submitted, and how it goes."""
    return {
        **task.spec.definition,
        "task_key": task.spec.task_key,
        "run_id": task.run_id,
        "run_if": task.spec.run_if,
        "attempt_number": 0,
        "cluster_instance": {"cluster_id": "local"},
        "state": state_document(task.state),
        "status": status_document(task.state),
        "run_page_url": pages.url(task.job_run_id),
        "start_time": task.start_time,
        "end_time": task.end_time,
        **_durations(task),
    }


def _durations(task: TaskRun) -> dict[str, int]:
    started = task.execution_start or task.end_time
    return {
        "setup_duration": max(0, started - task.start_time) if started else 0,
        "execution_duration": task.end_time - task.execution_start if task.execution_start and task.end_time else 0,
        "cleanup_duration": 0,
    }


def run_document(
    run: JobRun, pages: RunPages, tasks: Sequence[TaskRun] | None, next_page_token: str = ""
) -> dict[str, Any]:
    """A run as `runs/get` and `runs/list` show it; `tasks` None leaves them out."""
    document: dict[str, Any] = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "number_in_job": run.run_id,
        "job_run_id": run.run_id,
        "original_attempt_run_id": run.run_id,
        "creator_user_name": "local",
        "run_name": run.submission.run_name,
        "run_type": "SUBMIT_RUN",
        "trigger": "ONE_TIME",
        "format": "SINGLE_TASK" if run.submission.is_single_task else "MULTI_TASK",
        "run_page_url": pages.url(run.run_id),
        "state": state_document(run.state),
        "status": status_document(run.state),
        "start_time": run.start_time,
        "end_time": run.end_time,
        "run_duration": run.end_time - run.start_time if run.end_time else 0,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
    }
    if tasks is not None:
        document["tasks"] = [task_document(task, pages) for task in tasks]
    if next_page_token:
        document["next_page_token"] = next_page_token
    return document


def task_run_document(run: JobRun, task: TaskRun, pages: RunPages) -> dict[str, Any]:
    """A task run as `runs/get` shows it when asked by the task run's own id, and `metadata` of its output."""
    return {
        **run_document(run, pages, tasks=[task]),
        "run_id": task.run_id,
        "number_in_job": task.run_id,
        "original_attempt_run_id": task.run_id,
        "run_name": task.spec.task_key,
        "task_key": task.spec.task_key,
        "attempt_number": 0,
        "state": state_document(task.state),
        "status": status_document(task.state),
        "start_time": task.start_time,
        "end_time": task.end_time,
        **_durations(task),
    }


def output_document(run: JobRun, task: TaskRun, pages: RunPages, logs: str, logs_truncated: bool) -> dict[str, Any]:
    """What `runs/get-output` answers for a task run."""
    document: dict[str, Any] = {
        "metadata": task_run_document(run, task, pages),
        "logs": logs,
        "logs_truncated": logs_truncated,
    }
    if task.error:
        document["error"] = task.error
    if task.error_trace:
        document["error_trace"] = task.error_trace
    return document
