"""The calls of the Jobs API, as functions from parameters to a JSON document; HTTP is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.databricks_api.clock import Clock
from local.databricks_api.errors import InvalidParameterError, UnknownRunError
from local.databricks_api.fields import boolean_field, integer_field, text_field
from local.databricks_api.run_documents import (
    TASKS_PER_PAGE,
    RunPages,
    output_document,
    run_document,
    task_run_document,
)
from local.databricks_api.run_page import PAGE_LOG_LIMIT, render_run_page
from local.databricks_api.run_records import JobRun
from local.databricks_api.run_store import RunStore
from local.databricks_api.scheduler import Scheduler
from local.databricks_api.settings import ServerSettings
from local.databricks_api.submission import parse_submission
from local.databricks_api.task_files import read_log

Parameters = Mapping[str, Any]
Document = dict[str, Any]

DEFAULT_LIST_LIMIT = 20
MAX_LIST_LIMIT = 25
_REQUEST = "The request"


class JobsApi:
    """Answers each call; every method raises an `ApiError` where the request is wrong."""

    def __init__(
        self, settings: ServerSettings, store: RunStore, scheduler: Scheduler, pages: RunPages, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._scheduler = scheduler
        self._pages = pages
        self._clock = clock

    def submit(self, parameters: Parameters) -> Document:
        """`runs/submit`: take up a run, or answer with the run that has the same idempotency token."""
        submission = parse_submission(parameters)
        run_id, is_new = self._store.create(parameters, submission, self._clock())
        if is_new:
            self._scheduler.submitted(run_id)
        return {"run_id": run_id}

    def get(self, parameters: Parameters) -> Document:
        """`runs/get`, by the id of a run or of a task run; 100 tasks a page."""
        run_id = _run_id(parameters)
        run = self._store.get(run_id)
        if run_id != run.run_id:
            return task_run_document(run, run.task(run_id), self._pages)
        first = integer_field(parameters, "page_token", _REQUEST)
        last = first + TASKS_PER_PAGE
        document = run_document(run, self._pages, run.tasks[first:last], str(last) if last < len(run.tasks) else "")
        if boolean_field(parameters, "include_history", _REQUEST):
            document["repair_history"] = [
                {"type": "ORIGINAL", "start_time": run.start_time, "end_time": run.end_time, "state": document["state"]}
            ]
        return document

    def get_output(self, parameters: Parameters) -> Document:
        """`runs/get-output`, by the id of a task run (or of a run that was submitted in the single-task form)."""
        run_id = _run_id(parameters)
        run = self._store.get(run_id)
        if run_id == run.run_id:
            if not run.submission.is_single_task:
                raise InvalidParameterError(
                    "Retrieving the output of runs with multiple tasks is not supported. "
                    "Please retrieve the output of each individual task run instead."
                )
            run_id = run.tasks[0].run_id
        task = run.task(run_id)
        log = read_log(self._settings.task_folder(run.run_id, run_id) / "log.txt")
        return output_document(run, task, self._pages, log.text, log.is_truncated)

    def cancel(self, parameters: Parameters) -> Document:
        """`runs/cancel`: begin to stop a run or a task run; one that has ended is left as it is."""
        run_id = _run_id(parameters)
        self._store.get(run_id)
        self._scheduler.cancel(run_id)
        return {}

    def delete(self, parameters: Parameters) -> Document:
        """`runs/delete`: forget a run that has ended."""
        run_id = _run_id(parameters)
        if self._store.get(run_id).run_id != run_id:
            raise UnknownRunError(run_id)
        self._store.delete(run_id)
        return {}

    def list_runs(self, parameters: Parameters) -> Document:
        """`runs/list`: newest first, by pages."""
        limit = integer_field(parameters, "limit", _REQUEST, DEFAULT_LIST_LIMIT) or MAX_LIST_LIMIT
        if limit > MAX_LIST_LIMIT:
            raise InvalidParameterError(f"{_REQUEST}: limit {limit} is above {MAX_LIST_LIMIT}.")
        offset = integer_field(parameters, "offset", _REQUEST)
        active_only = boolean_field(parameters, "active_only", _REQUEST)
        completed_only = boolean_field(parameters, "completed_only", _REQUEST)
        if active_only and completed_only:
            raise InvalidParameterError(f"{_REQUEST}: active_only and completed_only exclude each other.")
        expand = boolean_field(parameters, "expand_tasks", _REQUEST)
        found: list[JobRun] = []
        for run in self._store.newest_first(before=integer_field(parameters, "page_token", _REQUEST)):
            if not _is_listed(run, parameters, active_only, completed_only):
                continue
            if offset:
                offset -= 1
                continue
            if len(found) == limit:
                more = {"has_more": True, "next_page_token": str(found[-1].run_id)}
                return {**self._list_document(found, expand), **more}
            found.append(run)
        return {**self._list_document(found, expand), "has_more": False}

    def _list_document(self, runs: list[JobRun], expand: bool) -> Document:
        if not runs:
            return {}
        documents = [run_document(run, self._pages, run.tasks[:TASKS_PER_PAGE] if expand else None) for run in runs]
        return {"runs": documents}

    def run_page(self, run_id: int) -> str:
        """HTML of the page of a run, also by the id of one of its task runs."""
        run = self._store.get(run_id)
        logs = {
            task.run_id: read_log(self._settings.task_folder(run.run_id, task.run_id) / "log.txt", PAGE_LOG_LIMIT)
            for task in run.tasks
        }
        return render_run_page(run, logs, self._clock())


def _run_id(parameters: Parameters) -> int:
    run_id = integer_field(parameters, "run_id", _REQUEST)
    if not run_id:
        raise InvalidParameterError("Missing required field: run_id")
    return run_id


def _is_listed(run: JobRun, parameters: Parameters, active_only: bool, completed_only: bool) -> bool:
    ended = run.state.is_terminal
    job_id = integer_field(parameters, "job_id", _REQUEST)
    earliest = integer_field(parameters, "start_time_from", _REQUEST)
    latest = integer_field(parameters, "start_time_to", _REQUEST)
    return not (
        (active_only and ended)
        or (completed_only and not ended)
        or (job_id and run.job_id != job_id)
        or run.start_time < earliest
        or (latest and run.start_time > latest)
        or text_field(parameters, "run_type", _REQUEST) not in {"", "SUBMIT_RUN"}
    )
