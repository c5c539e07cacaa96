"""Reads the body of `jobs/runs/submit` into values, and refuses what the real API refuses or this cannot do."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from local.databricks_api.errors import InvalidParameterError
from local.databricks_api.fields import (
    integer_field,
    list_field,
    object_field,
    refuse_unless_empty,
    string_list_field,
    text_field,
)
from local.databricks_api.run_states import RunIf

MAX_TOKEN_LENGTH = 64
MAX_TASKS = 1000
SUPPORTED_TASKS = ("spark_python_task", "python_wheel_task")
COMPUTE_FIELDS = ("environment_key", "existing_cluster_id", "new_cluster", "job_cluster_key")
UNSUPPORTED_RUN_FIELDS = ("git_source", "email_notifications", "webhook_notifications")
UNSUPPORTED_TASK_FIELDS = ("max_retries", "email_notifications", "webhook_notifications", "disabled")


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
class TaskSpec:
    """One task as submitted. `wheels` are put on its import path; `definition` is what `runs/get` shows of it."""

    task_key: str
    program: PythonFile | PythonWheel
    wheels: tuple[Path, ...]
    depends_on: tuple[str, ...]
    run_if: RunIf
    timeout_seconds: int
    environment: Mapping[str, str]
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Submission:
    """One submitted run; `is_single_task` tells the old form, in which the body itself is the only task."""

    run_name: str
    tasks: tuple[TaskSpec, ...]
    timeout_seconds: int
    idempotency_token: str
    is_single_task: bool


def parse_submission(body: Mapping[str, Any]) -> Submission:
    """Values of a submit body; numbers may come as text, as Airflow sends them.

    Raises:
        InvalidParameterError: a field is missing or wrong, or asks for what this server does not do.
    """
    for field in UNSUPPORTED_RUN_FIELDS:
        refuse_unless_empty(body, field, "The run")
    run_name = text_field(body, "run_name", "The run") or "Untitled"
    token = text_field(body, "idempotency_token", "The run")
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidParameterError(
            f"idempotency_token has {len(token)} characters; at most {MAX_TOKEN_LENGTH} are allowed."
        )
    timeout_seconds = integer_field(body, "timeout_seconds", "The run")
    environments = _environments(body)
    is_single_task = not body.get("tasks")
    if is_single_task:
        tasks: tuple[TaskSpec, ...] = (_single_task(body, run_name),)
    else:
        tasks = tuple(_task(entry, environments) for entry in list_field(body, "tasks", "The run"))
    _check_dependencies(tasks)
    return Submission(run_name, tasks, timeout_seconds, token, is_single_task)


def _single_task(body: Mapping[str, Any], run_name: str) -> TaskSpec:
    fields = (*SUPPORTED_TASKS, "libraries", "existing_cluster_id", "new_cluster")
    entry = {field: body[field] for field in body if field in fields or field.endswith("_task")}
    return _task({**entry, "task_key": run_name}, environments={})


def _task(entry: Any, environments: Mapping[str, tuple[Path, ...]]) -> TaskSpec:
    if not isinstance(entry, Mapping):
        raise InvalidParameterError("Each entry of tasks must be an object.")
    task_key = text_field(entry, "task_key", "A task")
    if not task_key:
        raise InvalidParameterError("A task has no task_key.")
    where = f"Task '{task_key}'"
    for field in UNSUPPORTED_TASK_FIELDS:
        refuse_unless_empty(entry, field, where)
    run_if = text_field(entry, "run_if", where) or RunIf.ALL_SUCCESS
    if run_if not in set(RunIf):
        raise InvalidParameterError(f"{where}: run_if '{run_if}' is none of {', '.join(RunIf)}.")
    return TaskSpec(
        task_key=task_key,
        program=_program(entry, where),
        wheels=(*_environment_wheels(entry, environments, where), *_library_wheels(entry, where)),
        depends_on=_depends_on(entry, where),
        run_if=RunIf(run_if),
        timeout_seconds=integer_field(entry, "timeout_seconds", where),
        environment=_cluster_environment(entry, where),
        definition=dict(entry),
    )


def _program(entry: Mapping[str, Any], where: str) -> PythonFile | PythonWheel:
    kinds = [field for field, value in entry.items() if field.endswith("_task") and value is not None]
    unsupported = [kind for kind in kinds if kind not in SUPPORTED_TASKS]
    if unsupported:
        raise InvalidParameterError(
            f"{where}: {unsupported[0]} is not supported by the local Databricks API; "
            f"it runs {' and '.join(SUPPORTED_TASKS)}."
        )
    if len(kinds) != 1:
        raise InvalidParameterError(
            f"{where} must have exactly one of {', '.join(SUPPORTED_TASKS)}; it has {len(kinds)}."
        )
    task = object_field(entry, kinds[0], where)
    if kinds[0] == "spark_python_task":
        return _python_file(task, where)
    return _python_wheel(task, where)


def _python_file(task: Mapping[str, Any], where: str) -> PythonFile:
    source = text_field(task, "source", where)
    if source and source != "WORKSPACE":
        raise InvalidParameterError(
            f"{where}: spark_python_task.source '{source}' is not supported locally; use WORKSPACE."
        )
    python_file = text_field(task, "python_file", where)
    if not python_file:
        raise InvalidParameterError(f"{where}: spark_python_task.python_file is missing.")
    path = local_path(python_file, f"{where}: spark_python_task.python_file")
    return PythonFile(path, string_list_field(task, "parameters", where))


def _python_wheel(task: Mapping[str, Any], where: str) -> PythonWheel:
    package_name = text_field(task, "package_name", where)
    entry_point = text_field(task, "entry_point", where)
    if not package_name or not entry_point:
        raise InvalidParameterError(f"{where}: python_wheel_task needs package_name and entry_point.")
    parameters = string_list_field(task, "parameters", where)
    named = object_field(task, "named_parameters", where)
    if parameters and named:
        raise InvalidParameterError(f"{where}: python_wheel_task takes parameters or named_parameters, not both.")
    arguments = parameters or tuple(f"--{name}={value}" for name, value in named.items())
    return PythonWheel(package_name, entry_point, arguments)


def local_path(text: str, where: str) -> Path:
    """A path of this machine, given as an absolute path or as a `file:` URI.

    Raises:
        InvalidParameterError: it has another scheme (dbfs:, s3:, abfss:, …) or is relative.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise InvalidParameterError(
            f"{where} '{text}' is not on this machine; the local Databricks API reads local files only."
        )
    path = Path(unquote(parts.path)) if parts.scheme else Path(text)
    if not path.is_absolute():
        raise InvalidParameterError(f"{where} '{text}' must be an absolute path or a file: URI.")
    return path


def _depends_on(entry: Mapping[str, Any], where: str) -> tuple[str, ...]:
    keys = []
    for dependency in list_field(entry, "depends_on", where):
        key = dependency.get("task_key") if isinstance(dependency, Mapping) else None
        if not isinstance(key, str) or not key:
            raise InvalidParameterError(f"{where}: each entry of depends_on must be an object with a task_key.")
        refuse_unless_empty(dependency, "outcome", f"{where}: depends_on '{key}'")
        keys.append(key)
    return tuple(keys)


def _environments(body: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
    environments = {}
    for entry in list_field(body, "environments", "The run"):
        key = entry.get("environment_key") if isinstance(entry, Mapping) else None
        if not isinstance(key, str) or not key:
            raise InvalidParameterError("Each entry of environments must be an object with an environment_key.")
        where = f"Environment '{key}'"
        spec = object_field(entry, "spec", where)
        for field in ("java_dependencies", "base_environment"):
            refuse_unless_empty(spec, field, where)
        dependencies = string_list_field(spec, "dependencies", where)
        wheels = [one for one in dependencies if one.endswith(".whl") or not _is_installed(one)]
        environments[key] = tuple(_wheel(one, f"{where}: dependency") for one in wheels)
    return environments


def _is_installed(requirement: str) -> bool:
    """Whether the driver's own Python has a package as it is asked for, so that nothing is left to install."""
    try:
        wanted = Requirement(requirement)
        return wanted.specifier.contains(version(wanted.name))
    except (InvalidRequirement, PackageNotFoundError):
        return False


def _environment_wheels(
    entry: Mapping[str, Any], environments: Mapping[str, tuple[Path, ...]], where: str
) -> tuple[Path, ...]:
    compute = [field for field in COMPUTE_FIELDS if entry.get(field)]
    if len(compute) != 1:
        raise InvalidParameterError(
            f"{where} must name its compute by exactly one of {', '.join(COMPUTE_FIELDS)}; it has {len(compute)}. "
            "All of them run on the one local Spark driver."
        )
    if compute != ["environment_key"]:
        return ()
    key = text_field(entry, "environment_key", where)
    if key not in environments:
        raise InvalidParameterError(f"{where}: environment_key '{key}' is not among the run's environments.")
    if entry.get("libraries"):
        raise InvalidParameterError(
            f"{where}: libraries are not allowed with environment_key; list the wheels in the environment's "
            "spec.dependencies."
        )
    return environments[key]


def _library_wheels(entry: Mapping[str, Any], where: str) -> tuple[Path, ...]:
    wheels = []
    for library in list_field(entry, "libraries", where):
        if not isinstance(library, Mapping) or list(library) != ["whl"]:
            kind = ", ".join(map(str, library)) if isinstance(library, Mapping) else str(library)
            raise InvalidParameterError(
                f"{where}: library '{kind}' is not supported by the local Databricks API; it takes wheels only: "
                '{"whl": "/path/to/file.whl"}.'
            )
        wheels.append(_wheel(str(library["whl"]), f"{where}: library"))
    return tuple(wheels)


def _wheel(text: str, where: str) -> Path:
    if not text.endswith(".whl"):
        raise InvalidParameterError(
            f"{where} '{text}' is no wheel, and not installed here; the local Databricks API installs local .whl files "
            "only."
        )
    return local_path(text, where)


def _cluster_environment(entry: Mapping[str, Any], where: str) -> dict[str, str]:
    cluster = object_field(entry, "new_cluster", where)
    return {name: str(value) for name, value in object_field(cluster, "spark_env_vars", where).items()}


def _check_dependencies(tasks: tuple[TaskSpec, ...]) -> None:
    if len(tasks) > MAX_TASKS:
        raise InvalidParameterError(f"The run has {len(tasks)} tasks; at most {MAX_TASKS} are allowed.")
    graph: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        if task.task_key in graph:
            raise InvalidParameterError(f"task_key '{task.task_key}' is used by more than one task.")
        graph[task.task_key] = task.depends_on
    for task in tasks:
        for key in task.depends_on:
            if key not in graph:
                raise InvalidParameterError(f"Task '{task.task_key}' depends on '{key}', which is no task of this run.")
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise InvalidParameterError(
            f"The tasks depend on each other in a circle: {' -> '.join(error.args[1])}."
        ) from error
