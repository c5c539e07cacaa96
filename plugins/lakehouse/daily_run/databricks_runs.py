"""Builds the Jobs API's requests for silver, gold and upkeep: a one-time run, or a run of the bundle's deployed job.

Which of the two is one setting (`databricks_jobs`). Both are given the same parameters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from lakehouse.settings import Settings

STAGES = ("silver", "gold", "upkeep")
WHEEL_PACKAGE = "lakehouse-spark-jobs"
# What the jobs import beside Spark; the wheel brings it itself.
JOB_DEPENDENCIES = ("jsonschema>=4.21", "msgspec>=0.20", "open-data-contract-standard>=3.2", "pyyaml>=6", "sqlglot>=27")

_TAG_LENGTH = 255
# Names of at most 64 characters: more of them would not fit into a task's label.
_NAMED = 3


def run_request(
    settings: Settings,
    stage: str,
    *,
    schema: str,
    tables: Sequence[str],
    business_date: date,
    run_slug: str,
    attempt: str,
    choices: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The request that runs a stage for some tables of one business date, one after the other.

    It is one of `runs/submit`; where `databricks_jobs` is set, one of `run-now` with the job's name in place of its id.

    Args:
        settings: where code, contracts and lake are for Spark, and what the run computes on.
        stage: `silver`, `gold` or `upkeep`.
        schema: source schema, which names the contracts' folder.
        tables: the tables' names in the lake; none: all of the schema.
        business_date: the date to work on.
        run_slug: the Airflow run's name in paths.
        attempt: names this try of this task: the same try submits one run however often it asks, and the next try
            submits a fresh one.
        choices: parameters of the stage alone.
    """
    parameters = {
        "contracts_root": settings.spark_contracts_root,
        "schema": schema,
        "tables": ",".join(tables),
        "business_date": business_date.isoformat(),
        "run_id": run_slug,
        "lake_root": settings.spark_lake_root,
        "catalog": settings.catalog,
        **(choices or {}),
    }
    token = hashlib.sha256("\n".join((stage, schema, *tables, business_date.isoformat(), attempt)).encode()).hexdigest()
    if settings.databricks_jobs:
        return {
            "job_name": job_name(settings.databricks_jobs, stage),
            "job_parameters": parameters,
            "idempotency_token": token,
        }
    return _one_time_run(settings, stage, tables, parameters) | {"idempotency_token": token}


def job_name(pattern: str, stage: str) -> str:
    """The name of a stage's deployed job, by the setting `databricks_jobs`."""
    return pattern.replace("{stage}", stage)


def job_arguments(parameters: Mapping[str, str]) -> list[str]:
    """The command line of a job that has these parameters."""
    rest = {name: value for name, value in parameters.items() if name not in {"contracts_root", "schema"}}
    return [
        f"--contracts={parameters['contracts_root']}/{parameters['schema']}",
        *(f"--{name.replace('_', '-')}={value}" for name, value in rest.items()),
    ]


def _one_time_run(
    settings: Settings, stage: str, tables: Sequence[str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    schema, day, arguments = parameters["schema"], parameters["business_date"], job_arguments(parameters)
    task: dict[str, Any] = {"task_key": stage}
    if settings.job_wheel:
        task["python_wheel_task"] = {"package_name": WHEEL_PACKAGE, "entry_point": stage, "parameters": arguments}
    else:
        python_file = f"{settings.spark_code_root}/{stage}.py"
        task["spark_python_task"] = {"python_file": python_file, "parameters": arguments}
    run: dict[str, Any] = {
        "run_name": f"{stage} {'.'.join(filter(None, (schema, names_of(tables))))} {day}",
        "tasks": [task],
        "timeout_seconds": settings.databricks_timeout_minutes * 60,
    }
    tags = {"stage": stage, "schema": schema, "tables": names_of(tables), "business_date": day}
    _add_compute(settings, run, task, {f"lakehouse_{name}": value for name, value in tags.items() if value})
    return run


def names_of(tables: Sequence[str]) -> str:
    """Some tables in a few words: all of their names, or the first and how many more there are."""
    more = len(tables) - _NAMED
    return ", ".join(tables) if more <= 1 else f"{', '.join(tables[:_NAMED])} and {more} more"


def _add_compute(settings: Settings, run: dict[str, Any], task: dict[str, Any], tags: Mapping[str, str]) -> None:
    """Says what a run computes on; a cluster of its own has tags by which its bill is split."""
    compute = settings.compute
    if "environment_key" not in compute:
        task.update(compute)
        if "new_cluster" in compute:
            cluster = compute["new_cluster"]
            # As in the clouds' own rules for tags, which take no comma everywhere.
            own = {name: value.replace(",", "")[:_TAG_LENGTH] for name, value in tags.items()}
            task["new_cluster"] = cluster | {"custom_tags": {**own, **cluster.get("custom_tags", {})}}
        if settings.job_wheel:
            task["libraries"] = [{"whl": settings.job_wheel}]
        return
    # Serverless: what is needed is a dependency of the environment, since a task may not list libraries there.
    task["environment_key"] = compute["environment_key"]
    spec = dict(compute.get("spec", {}))
    needed = [settings.job_wheel] if settings.job_wheel else JOB_DEPENDENCIES
    spec["dependencies"] = [*spec.get("dependencies", []), *needed]
    run["environments"] = [{"environment_key": compute["environment_key"], "spec": spec}]
