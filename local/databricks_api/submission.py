"""Reads the body of `jobs/runs/submit` into values, and refuses what the real API refuses or this cannot do."""

from __future__ import annotations

import graphlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from databricks.sdk.service.compute import ClusterSpec, Environment, Library
from databricks.sdk.service.jobs import (
    JobEnvironment,
    JobParameter,
    JobsAPI,
    PythonWheelTask,
    SparkPythonTask,
    SubmitTask,
    TaskDependency,
)
from packaging.requirements import InvalidRequirement, Requirement

from local.databricks_api.errors import InvalidParameterError
from local.databricks_api.fields import field_types, read_fields, read_object

MAX_TOKEN_LENGTH = 64
MAX_NAME_BYTES = 4096
MAX_KEY_LENGTH = 100
MAX_PARAMETER_BYTES = 10_000
MAX_TIMEOUT_SECONDS = 2**31 - 1
MAX_TASKS = 1000

RUN_FIELDS = ("run_name", "tasks", "timeout_seconds", "idempotency_token", "environments")
COMPUTE_FIELDS = ("environment_key", "existing_cluster_id", "new_cluster")
# What a cluster would do to a job; its size and kind do not matter on the one local driver.
_CLUSTER_ACTIONS = frozenset({"spark_conf", "init_scripts", "docker_image", "cluster_log_conf", "ssh_public_keys"})
SUPPORTED: Mapping[type, frozenset[str]] = {
    SubmitTask: frozenset(
        {"task_key", "description", "spark_python_task", "python_wheel_task", "depends_on", "run_if"}
        | {"timeout_seconds", "libraries", *COMPUTE_FIELDS}
    ),
    TaskDependency: frozenset({"task_key"}),
    Library: frozenset({"whl"}),
    Environment: frozenset({"client", "environment_version", "dependencies"}),
    ClusterSpec: frozenset(field_types(ClusterSpec)) - _CLUSTER_ACTIONS,
}


@dataclass(frozen=True)
class PythonFile:
    """A `spark_python_task`: a local script and its arguments."""

    path: Path
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class PythonWheel:
    """A `python_wheel_task`: a package's entry point and its arguments."""

    package_name: str
    entry_point: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """One submitted run, or one run of a deployed job.

    `is_single_task` is for the old form, in which the body itself is the only task. The last two are a deployed job's;
    `max_concurrent_runs` is 0 for a run that was submitted.
    """

    run_name: str
    tasks: tuple[SubmitTask, ...]
    timeout_seconds: int = 0
    idempotency_token: str = ""
    environments: tuple[JobEnvironment, ...] = ()
    is_single_task: bool = False
    max_concurrent_runs: int = 0
    job_parameters: tuple[JobParameter, ...] = ()

    @property
    def is_of_job(self) -> bool:
        """Whether it is a run of a deployed job."""
        return self.max_concurrent_runs > 0

    def as_dict(self) -> dict[str, Any]:
        """The submission as JSON takes it."""
        names = ("tasks", "environments", "job_parameters")
        lists = {name: [entry.as_dict() for entry in getattr(self, name)] for name in names}
        return {**vars(self), **lists}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Submission:
        """What `as_dict` made `document` of: read as it is, since the rules may have changed in the meantime."""
        tasks = tuple(SubmitTask.from_dict(task) for task in document["tasks"])
        environments = tuple(JobEnvironment.from_dict(one) for one in document["environments"])
        parameters = tuple(JobParameter.from_dict(one) for one in document.get("job_parameters", ()))
        return cls(**{**document, "tasks": tasks, "environments": environments, "job_parameters": parameters})


def parse_submission(body: Mapping[str, Any]) -> Submission:
    """Values of a submit body; numbers may come as text, as Airflow sends them.

    Raises:
        ApiError: a field is missing or wrong, or asks for what this server does not do.
    """
    types = field_types(JobsAPI.submit)
    is_single_task = not body.get("tasks")
    rest = {field: value for field, value in body.items() if field not in types} if is_single_task else {}
    values = read_fields(types, {field: body[field] for field in body if field not in rest}, "", RUN_FIELDS, SUPPORTED)
    run_name = values.get("run_name") or "Untitled"
    if is_single_task:
        values["tasks"] = [read_object(SubmitTask, {"task_key": _key_of(run_name), **rest}, "", SUPPORTED)]
    submission = Submission(
        run_name=run_name,
        tasks=tuple(values["tasks"]),
        timeout_seconds=values.get("timeout_seconds") or 0,
        idempotency_token=values.get("idempotency_token") or "",
        environments=tuple(values.get("environments") or ()),
        is_single_task=is_single_task,
    )
    check_submission(submission)
    return submission


def program_of(task: SubmitTask) -> PythonFile | PythonWheel:
    """What the task runs.

    Raises:
        InvalidParameterError: it has no program or two, or one that is not on this machine.
    """
    where = f"Task '{task.task_key}'"
    if task.spark_python_task and not task.python_wheel_task:
        return _python_file(task.spark_python_task, where)
    if task.python_wheel_task and not task.spark_python_task:
        return _python_wheel(task.python_wheel_task, where)
    raise InvalidParameterError(f"{where}: exactly one of spark_python_task, python_wheel_task must be specified.")


def wheels_of(task: SubmitTask, environments: Sequence[JobEnvironment]) -> tuple[Path, ...]:
    """The wheels to put on the task's import path.

    Raises:
        InvalidParameterError: its environment does not exist, or something in it is neither a local wheel nor
            installed here.
    """
    where = f"Task '{task.task_key}'"
    if not task.environment_key:
        return tuple(_wheel(library.whl or "", f"{where}: library") for library in task.libraries or ())
    if task.libraries:
        raise InvalidParameterError(
            f"{where}: libraries are not allowed with environment_key; list the wheels in the environment's "
            "spec.dependencies."
        )
    for environment in environments:
        if environment.environment_key == task.environment_key:
            dependencies = (environment.spec.dependencies if environment.spec else None) or ()
            where = f"Environment '{environment.environment_key}': dependency"
            return tuple(_wheel(one, where) for one in dependencies if one.endswith(".whl") or not _is_installed(one))
    raise InvalidParameterError(
        f"{where}: environment '{task.environment_key}' is not defined in field 'environments'."
    )


def variables_of(task: SubmitTask) -> dict[str, str]:
    """Environment variables that the task's cluster asks for."""
    return (task.new_cluster.spark_env_vars if task.new_cluster else None) or {}


def dependencies_of(task: SubmitTask) -> tuple[str, ...]:
    """Keys of the tasks that must have ended before this one."""
    return tuple(dependency.task_key for dependency in task.depends_on or ())


def _key_of(run_name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", run_name)[:MAX_KEY_LENGTH]


def check_submission(submission: Submission) -> None:
    """Refuses a run that cannot be.

    Raises:
        InvalidParameterError: a value is too long, out of its range, or does not fit the others.
    """
    token, size = submission.idempotency_token, len(submission.run_name.encode())
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidParameterError(
            f"idempotency_token has {len(token)} characters; at most {MAX_TOKEN_LENGTH} are allowed."
        )
    if size > MAX_NAME_BYTES:
        raise InvalidParameterError(f"run_name has {size} bytes; at most {MAX_NAME_BYTES} are allowed.")
    _check_timeout(submission.timeout_seconds, "The run")
    if len(submission.tasks) > MAX_TASKS:
        raise InvalidParameterError(f"The run has {len(submission.tasks)} tasks; at most {MAX_TASKS} are allowed.")
    for task in submission.tasks:
        _check_task(task, submission.environments)
    _check_dependencies(submission.tasks)


def _check_task(task: SubmitTask, environments: Sequence[JobEnvironment]) -> None:
    key = task.task_key
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidParameterError(f"A task key has {len(key)} characters; at most {MAX_KEY_LENGTH} are allowed.")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise InvalidParameterError(
            f"Task key '{key}' contains an invalid character. Only alphanumeric, - and _ characters are permitted."
        )
    program = program_of(task)
    size = len(json.dumps(program.parameters).encode())
    if size > MAX_PARAMETER_BYTES:
        raise InvalidParameterError(
            f"Task '{key}': the JSON representation of parameters has {size} bytes; it cannot exceed "
            f"{MAX_PARAMETER_BYTES} bytes."
        )
    if sum(bool(getattr(task, field)) for field in COMPUTE_FIELDS) != 1:
        raise InvalidParameterError(
            f"Task '{key}': exactly one of {', '.join(COMPUTE_FIELDS)} must be specified. "
            "All of them run on the one local Spark driver."
        )
    wheels_of(task, environments)
    for name in variables_of(task):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise InvalidParameterError(f"Task '{key}': '{name}' in spark_env_vars is no name of a variable.")
    _check_timeout(task.timeout_seconds or 0, f"Task '{key}'")


def _check_timeout(seconds: int, where: str) -> None:
    if not 0 <= seconds <= MAX_TIMEOUT_SECONDS:
        raise InvalidParameterError(f"{where}: timeout_seconds {seconds} is not between 0 and {MAX_TIMEOUT_SECONDS}.")


def _check_dependencies(tasks: Sequence[SubmitTask]) -> None:
    graph: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        if task.task_key in graph:
            raise InvalidParameterError(f"Task key '{task.task_key}' is used by more than one task.")
        graph[task.task_key] = dependencies_of(task)
    for key, needed in graph.items():
        if key in needed:
            raise InvalidParameterError(f"Invalid dependency graph, task '{key}' can not reference itself.")
        for missing in needed:
            if missing not in graph:
                raise InvalidParameterError(
                    f"Invalid dependency graph, task '{key}' depends on '{missing}', which is no task of this run."
                )
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise InvalidParameterError(
            f"Invalid dependency graph, the tasks depend on each other: {' -> '.join(error.args[1])}."
        ) from error


def _python_file(task: SparkPythonTask, where: str) -> PythonFile:
    if task.source and task.source.value != "WORKSPACE":
        raise InvalidParameterError(
            f"{where}: spark_python_task.source {task.source.value} is not supported by the local Databricks API; "
            "use WORKSPACE."
        )
    path = local_path(task.python_file, f"{where}: spark_python_task.python_file")
    return PythonFile(path, tuple(task.parameters or ()))


def _python_wheel(task: PythonWheelTask, where: str) -> PythonWheel:
    if task.parameters and task.named_parameters:
        raise InvalidParameterError(f"{where}: python_wheel_task takes parameters or named_parameters, not both.")
    named = tuple(f"--{name}={value}" for name, value in (task.named_parameters or {}).items())
    return PythonWheel(task.package_name, task.entry_point, tuple(task.parameters or named))


def local_path(text: str, where: str) -> Path:
    """A path of this machine, given as an absolute path or as a `file:` URI.

    Raises:
        InvalidParameterError: it has another scheme (dbfs:, s3:, abfss:, …) or is relative.
    """
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise InvalidParameterError(f"{where} is no path and no URI ({error}).") from error
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise InvalidParameterError(
            f"{where} '{text}' is not on this machine; the local Databricks API reads local files only."
        )
    path = Path(unquote(parts.path)) if parts.scheme else Path(text)
    if not path.is_absolute() or "\0" in str(path):
        raise InvalidParameterError(f"{where} '{text}' must be an absolute path or a file: URI.")
    return path


def _is_installed(requirement: str) -> bool:
    """Whether the driver's own Python has a package as it is asked for, so that nothing is left to install."""
    try:
        wanted = Requirement(requirement)
        return wanted.specifier.contains(version(wanted.name))
    except (InvalidRequirement, PackageNotFoundError):
        return False


def _wheel(text: str, where: str) -> Path:
    if not text.endswith(".whl"):
        raise InvalidParameterError(
            f"{where} '{text}' is no wheel, and not installed here; the local Databricks API installs local .whl files "
            "only."
        )
    return local_path(text, where)
