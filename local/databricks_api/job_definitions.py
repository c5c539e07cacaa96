"""Reads the body of `jobs/create` into a job, and makes a run of it with the parameters of `jobs/run-now`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import (
    JobCluster,
    JobParameter,
    JobParameterDefinition,
    JobsAPI,
    JobSettings,
    QueueSettings,
    SubmitTask,
    Task,
)

from local.databricks_api.errors import InvalidParameterError
from local.databricks_api.fields import field_types, read_fields
from local.databricks_api.submission import MAX_PARAMETER_BYTES, SUPPORTED, Submission, check_submission

JOB_FIELDS = (
    *("name", "description", "tags", "tasks", "parameters", "environments", "job_clusters", "timeout_seconds"),
    *("max_concurrent_runs", "queue"),
)
_SUPPORTED: Mapping[type, Collection[str]] = {
    **SUPPORTED,
    Task: SUPPORTED[SubmitTask] | {"job_cluster_key"},
    JobCluster: frozenset({"job_cluster_key", "new_cluster"}),
}
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_REFERENCE = re.compile(r"\{\{\s*((?:job|task|tasks|workspace)\.[^{}]*?)\s*\}\}")
_PARAMETER = "job.parameters."


@dataclass(frozen=True)
class DeployedJob:
    """A job that was created; `created_time` is in milliseconds since 1970-01-01 UTC."""

    job_id: int
    settings: JobSettings
    created_time: int


def parse_job(body: Mapping[str, Any]) -> JobSettings:
    """Settings of a job, of a create body.

    Raises:
        ApiError: a field is missing or wrong, or asks for what this server does not do.
    """
    values = read_fields(field_types(JobsAPI.create), body, "", JOB_FIELDS, _SUPPORTED)
    settings = JobSettings(**{"max_concurrent_runs": 1, **values, "name": values.get("name") or "Untitled"})
    _check(settings)
    check_submission(run_of(settings, {}))
    return settings


def run_of(settings: JobSettings, given: Mapping[str, str], token: str = "") -> Submission:
    """A run of the job, in which each parameter has the value that was given, or else its default.

    Raises:
        InvalidParameterError: the job has no such parameter, or they are too long.
    """
    parameters = {one.name: given.get(one.name, one.default) for one in settings.parameters or ()}
    for name in given:
        if name not in parameters:
            raise InvalidParameterError(
                f"Unknown job parameter '{name}'. The parameters of job '{settings.name}' are: "
                f"{', '.join(parameters) or 'none'}."
            )
    size = len(json.dumps(parameters).encode())
    if size > MAX_PARAMETER_BYTES:
        raise InvalidParameterError(
            f"The JSON representation of job_parameters has {size} bytes; it cannot exceed {MAX_PARAMETER_BYTES} bytes."
        )
    clusters = {one.job_cluster_key: one.new_cluster for one in settings.job_clusters or () if one.new_cluster}
    return Submission(
        run_name=settings.name or "",
        tasks=tuple(_task_of_run(task, clusters, parameters) for task in settings.tasks or ()),
        timeout_seconds=settings.timeout_seconds or 0,
        idempotency_token=token,
        environments=tuple(settings.environments or ()),
        max_concurrent_runs=settings.max_concurrent_runs or 0,
        job_parameters=tuple(
            JobParameter(name=one.name, default=one.default, value=parameters[one.name])
            for one in settings.parameters or ()
        ),
    )


def _check(settings: JobSettings) -> None:
    if not settings.tasks:
        raise InvalidParameterError("Missing required field: tasks")
    if (settings.max_concurrent_runs or 0) < 1:
        raise InvalidParameterError(
            f"max_concurrent_runs {settings.max_concurrent_runs} is not supported by the local Databricks API: it must "
            "be at least 1."
        )
    if not (settings.queue or QueueSettings(enabled=False)).enabled:
        raise InvalidParameterError(
            "queue.enabled must be true: the local Databricks API queues the runs beyond max_concurrent_runs, and "
            "skips none."
        )
    _check_parameters(settings.parameters or ())


def _check_parameters(parameters: Sequence[JobParameterDefinition]) -> None:
    seen = set()
    for one in parameters:
        if not _NAME.fullmatch(one.name):
            raise InvalidParameterError(
                f"Job parameter '{one.name}': only alphanumeric characters, _, - and . are permitted in its name."
            )
        if one.name in seen:
            raise InvalidParameterError(f"Job parameter '{one.name}' is defined more than once.")
        seen.add(one.name)
        if _REFERENCE.search(one.default):
            raise InvalidParameterError(
                f"Job parameter '{one.name}': a reference in its default is not supported by the local Databricks API."
            )


def _task_of_run(task: Task, clusters: Mapping[str, ClusterSpec], parameters: Mapping[str, str]) -> SubmitTask:
    where = f"Task '{task.task_key}'"
    document = task.as_dict()
    key = document.pop("job_cluster_key", None)
    if key:
        if key not in clusters:
            raise InvalidParameterError(f"{where}: job cluster '{key}' is not defined in field 'job_clusters'.")
        if "new_cluster" in document:
            raise InvalidParameterError(f"{where}: job_cluster_key and new_cluster can not both be specified.")
        document["new_cluster"] = clusters[key].as_dict()
    for program in ("spark_python_task", "python_wheel_task"):
        values = document.get(program, {})
        if "parameters" in values:
            values["parameters"] = [_substituted(text, parameters, where) for text in values["parameters"]]
        if values.get("named_parameters"):
            named = {name: _substituted(text, parameters, where) for name, text in values["named_parameters"].items()}
            # As Databricks does it, which gives all of the job's parameters to a task that takes them by name.
            values["named_parameters"] = {**named, **parameters}
    return SubmitTask.from_dict(document)


def _substituted(text: str, parameters: Mapping[str, str], where: str) -> str:
    def value(found: re.Match[str]) -> str:
        reference = found[1]
        name = reference.removeprefix(_PARAMETER).strip("`")
        if not reference.startswith(_PARAMETER):
            raise InvalidParameterError(
                f"{where}: the reference '{reference}' is not supported by the local Databricks API; it knows "
                f"{_PARAMETER}NAME."
            )
        if name not in parameters:
            raise InvalidParameterError(f"{where}: the reference '{reference}' names no parameter of the job.")
        return parameters[name]

    return _REFERENCE.sub(value, text)
