"""The calls of the Jobs API, as functions from parameters to a JSON document; HTTP is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from databricks.sdk.service.jobs import (
    BaseJob,
    Job,
    JobsAPI,
    JobSettings,
    ListJobsResponse,
    ListRunsResponse,
    RepairHistoryItem,
    RepairHistoryItemType,
)

from local.databricks_api.clock import Clock
from local.databricks_api.errors import InvalidParameterError, UnknownRunError
from local.databricks_api.fields import field_types, read_fields
from local.databricks_api.job_definitions import parse_job, run_of
from local.databricks_api.page_addresses import PageAddresses
from local.databricks_api.run_documents import (
    TASKS_PER_PAGE,
    run_document,
    run_output,
    run_state,
    run_type,
    task_run_document,
)
from local.databricks_api.run_records import JobRun
from local.databricks_api.run_store import RunStore
from local.databricks_api.scheduler import Scheduler
from local.databricks_api.settings import ServerSettings
from local.databricks_api.submission import Submission, check_submission, parse_submission
from local.databricks_api.task_files import read_log

Parameters = Mapping[str, Any]
Document = dict[str, Any]

DEFAULT_LIST_LIMIT = 20
MAX_LIST_LIMIT = 25
MAX_LIST_OFFSET = 1000
MAX_JOBS_LIMIT = 100
# The fields of each call that are acted upon, by what the SDK calls it.
_KNOWN = {
    JobsAPI.get: ("job_id",),
    JobsAPI.delete: ("job_id",),
    JobsAPI.run_now: ("job_id", "job_parameters", "idempotency_token"),
    JobsAPI.get_run: ("run_id", "page_token", "include_history"),
    JobsAPI.get_run_output: ("run_id",),
    JobsAPI.cancel_run: ("run_id",),
    JobsAPI.delete_run: ("run_id",),
    JobsAPI.list_runs: tuple(field_types(JobsAPI.list_runs)),
}


# Airflow's hook asks whether to give names of users, which the SDK knows nothing of.
_LIST_TYPES = {**field_types(JobsAPI.list), "include_user_names": bool}
_LIST_KNOWN = ("name", "limit", "page_token", "expand_tasks", "include_user_names")


class JobsApi:
    """Answers each call; every method raises an `ApiError` where the request is wrong."""

    def __init__(
        self, settings: ServerSettings, store: RunStore, scheduler: Scheduler, pages: PageAddresses, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._scheduler = scheduler
        self._pages = pages
        self._clock = clock

    def create_job(self, parameters: Parameters) -> Document:
        """`jobs/create`: keep a job, to be started by `jobs/run-now`."""
        return {"job_id": self._store.create_job(parse_job(parameters), self._clock())}

    def get_job(self, parameters: Parameters) -> Document:
        """`jobs/get`."""
        job = self._store.job(_job_id(_given(JobsAPI.get, parameters)))
        shown = {"job_id": job.job_id, "created_time": job.created_time, "creator_user_name": "local"}
        return Job(**shown, run_as_user_name="local", settings=job.settings).as_dict()  # type: ignore[arg-type]

    def list_jobs(self, parameters: Parameters) -> Document:
        """`jobs/list`: newest first, by pages; of a name in any case, as the real API."""
        given = read_fields(_LIST_TYPES, parameters, "", _LIST_KNOWN, {})
        limit = given.get("limit", DEFAULT_LIST_LIMIT)
        if not 0 < limit <= MAX_JOBS_LIMIT:
            raise InvalidParameterError(f"Invalid limit {limit} - it has to be between 1 and {MAX_JOBS_LIMIT}.")
        name = given.get("name", "").lower()
        found = [
            BaseJob(
                job_id=job.job_id,
                created_time=job.created_time,
                creator_user_name="local",
                settings=job.settings if given.get("expand_tasks") else JobSettings(name=job.settings.name),
            )
            for job in self._store.newest_jobs(before=_page_token(given))
            if name in {"", (job.settings.name or "").lower()}
        ]
        has_more = len(found) > limit
        return ListJobsResponse(
            jobs=found[:limit],
            has_more=has_more,
            next_page_token=str(found[limit - 1].job_id) if has_more else None,
        ).as_dict()

    def delete_job(self, parameters: Parameters) -> Document:
        """`jobs/delete`: forget a job; its runs stay."""
        self._store.delete_job(_job_id(_given(JobsAPI.delete, parameters)))
        return {}

    def run_now(self, parameters: Parameters) -> Document:
        """`jobs/run-now`: start a run of a job, or answer with the run that has the same idempotency token."""
        given = _given(JobsAPI.run_now, parameters)
        job = self._store.job(_job_id(given))
        run = run_of(job.settings, given.get("job_parameters", {}), given.get("idempotency_token", ""))
        check_submission(run)
        return self._started(run, job.job_id)

    def submit(self, parameters: Parameters) -> Document:
        """`runs/submit`: take up a run, or answer with the run that has the same idempotency token."""
        return self._started(parse_submission(parameters))

    def _started(self, submission: Submission, job_id: int = 0) -> Document:
        run_id, is_new = self._store.create(submission, self._clock(), job_id)
        if is_new:
            self._scheduler.submitted(run_id)
        # As the real API: what numbered the runs of a job is the run's id now.
        return {"run_id": run_id, "number_in_job": run_id} if job_id else {"run_id": run_id}

    def get(self, parameters: Parameters) -> Document:
        """`runs/get`, by the id of a run or of a task run; 100 tasks a page."""
        given = _given(JobsAPI.get_run, parameters)
        run_id = _run_id(given)
        run = self._store.get(run_id)
        if run_id != run.run_id:
            return task_run_document(run, run.task(run_id), self._pages).as_dict()
        first = _page_token(given)
        last = first + TASKS_PER_PAGE
        document = run_document(run, self._pages, run.tasks[first:last], str(last) if last < len(run.tasks) else "")
        if given.get("include_history"):
            kind, state = RepairHistoryItemType.ORIGINAL, run_state(run.state)
            document.repair_history = [
                RepairHistoryItem(type=kind, start_time=run.start_time, end_time=run.end_time, state=state)
            ]
        return document.as_dict()

    def get_output(self, parameters: Parameters) -> Document:
        """`runs/get-output`, by the id of a task run (or of a run that was submitted in the single-task form)."""
        run_id = _run_id(_given(JobsAPI.get_run_output, parameters))
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
        return run_output(run, task, self._pages, log.text, log.is_truncated).as_dict()

    def cancel(self, parameters: Parameters) -> Document:
        """`runs/cancel`: begin to stop a run or a task run; one that has ended is left as it is."""
        run_id = _run_id(_given(JobsAPI.cancel_run, parameters))
        self._store.get(run_id)
        self._scheduler.cancel(run_id)
        return {}

    def delete(self, parameters: Parameters) -> Document:
        """`runs/delete`: forget a run that has ended."""
        run_id = _run_id(_given(JobsAPI.delete_run, parameters))
        if self._store.get(run_id).run_id != run_id:
            raise UnknownRunError(run_id)
        self._store.delete(run_id)
        return {}

    def list_runs(self, parameters: Parameters) -> Document:
        """`runs/list`: newest first, by pages."""
        given = _given(JobsAPI.list_runs, parameters)
        limit = given.get("limit", DEFAULT_LIST_LIMIT) or MAX_LIST_LIMIT
        if not 0 < limit <= MAX_LIST_LIMIT:
            raise InvalidParameterError(f"Invalid limit {limit} - it has to be no more than {MAX_LIST_LIMIT}.")
        offset = given.get("offset", 0)
        if not 0 <= offset <= MAX_LIST_OFFSET:
            raise InvalidParameterError(
                f"The supplied offset {offset} has exceeded the value of {MAX_LIST_OFFSET} allowed for this parameter. "
                "Please use the page_token."
            )
        if given.get("active_only") and given.get("completed_only"):
            raise InvalidParameterError("active_only and completed_only can not both be true.")
        found: list[JobRun] = []
        for run in self._store.newest_first(before=_page_token(given)):
            if not _is_listed(run, given):
                continue
            if offset:
                offset -= 1
                continue
            found.append(run)
            if len(found) > limit:
                break
        tasks = TASKS_PER_PAGE if given.get("expand_tasks") else 0
        return ListRunsResponse(
            runs=[run_document(run, self._pages, run.tasks[:tasks]) for run in found[:limit]],  # type: ignore[misc]
            has_more=len(found) > limit,
            next_page_token=str(found[limit - 1].run_id) if len(found) > limit else None,
        ).as_dict()


def _given(call: Callable[..., Any], parameters: Parameters) -> dict[str, Any]:
    return read_fields(field_types(call), parameters, "", _KNOWN[call], {})


def _run_id(given: Mapping[str, Any]) -> int:
    run_id: int = given.get("run_id", 0)
    if not run_id:
        raise InvalidParameterError("Missing required field: run_id")
    return run_id


def _job_id(given: Mapping[str, Any]) -> int:
    job_id: int = given.get("job_id", 0)
    if not job_id:
        raise InvalidParameterError("Missing required field: job_id")
    return job_id


def _page_token(given: Mapping[str, Any]) -> int:
    token = given.get("page_token") or "0"
    if not re.fullmatch(r"[0-9]{1,18}", token):
        raise InvalidParameterError("Invalid page_token: it is none that this server gave.")
    return int(token)


def _is_listed(run: JobRun, given: Mapping[str, Any]) -> bool:
    ended = run.state.is_terminal
    return not (
        (given.get("active_only") and ended)
        or (given.get("completed_only") and not ended)
        or run.job_id != (given.get("job_id") or run.job_id)
        or run.start_time < given.get("start_time_from", 0)
        or run.start_time > (given.get("start_time_to") or run.start_time)
        or given.get("run_type", run_type(run)) != run_type(run)
    )
