from __future__ import annotations

import json
from typing import Any

import pytest
from databricks.sdk.service.jobs import JobSettings

from local.databricks_api.errors import InvalidParameterError
from local.databricks_api.job_definitions import parse_job, run_of
from local.databricks_api.submission import Submission, check_submission


def task(**changes: Any) -> dict[str, Any]:
    words = ["--tables={{job.parameters.tables}}", "{{ job.parameters.`run.id` }}", "{{my.value}} {{job.id"]
    return {
        "task_key": "silver",
        "environment_key": "e",
        "spark_python_task": {"python_file": "/code/silver.py", "parameters": words},
        **changes,
    }


def job(**changes: Any) -> dict[str, Any]:
    return {
        "name": "lakehouse silver",
        "tasks": [task()],
        "environments": [{"environment_key": "e", "spec": {"environment_version": "4"}}],
        "parameters": [{"name": "tables", "default": ""}, {"name": "run.id", "default": "by_hand"}],
        "queue": {"enabled": True},
        "timeout_seconds": 7200,
        "max_concurrent_runs": 20,
        **changes,
    }


def words_of(run: Submission) -> list[str]:
    (found,) = run.tasks
    assert found.spark_python_task
    return found.spark_python_task.parameters or []


def test_a_run_has_the_parameters_that_it_is_given_and_the_defaults_of_the_others() -> None:
    run = run_of(parse_job(job()), {"tables": "customer,{{job.parameters.run.id}}"}, "token")

    # What is no reference stays as it is, and a value is put in as it is.
    assert words_of(run) == ["--tables=customer,{{job.parameters.run.id}}", "by_hand", "{{my.value}} {{job.id"]
    assert [(one.name, one.default, one.value) for one in run.job_parameters] == [
        ("tables", "", "customer,{{job.parameters.run.id}}"),
        ("run.id", "by_hand", "by_hand"),
    ]
    assert (run.run_name, run.idempotency_token, run.timeout_seconds) == ("lakehouse silver", "token", 7200)
    assert (run.is_of_job, run.max_concurrent_runs) == (True, 20)


def test_one_run_at_a_time_is_what_a_job_allows_by_itself() -> None:
    body = job()
    del body["max_concurrent_runs"]
    assert run_of(parse_job(body), {}).max_concurrent_runs == 1


def test_a_job_and_its_run_are_the_same_after_they_were_stored_as_json() -> None:
    settings = parse_job(job())
    run = run_of(settings, {"tables": "a"})

    assert JobSettings.from_dict(json.loads(json.dumps(settings.as_dict()))).as_dict() == settings.as_dict()
    assert Submission.from_dict(json.loads(json.dumps(run.as_dict()))).as_dict() == run.as_dict()


def test_a_task_computes_on_its_job_cluster() -> None:
    clusters = [{"job_cluster_key": "jobs", "new_cluster": {"spark_version": "18.x-scala2.13", "policy_id": "p"}}]

    run = run_of(parse_job(job(tasks=[task(environment_key=None, job_cluster_key="jobs")], job_clusters=clusters)), {})

    assert run.tasks[0].new_cluster
    assert run.tasks[0].new_cluster.policy_id == "p"


def test_a_task_that_takes_parameters_by_name_is_given_all_of_the_job() -> None:
    wheel = {"package_name": "m", "entry_point": "silver", "named_parameters": {"tables": "x", "day": "today"}}
    by_name = task(spark_python_task=None, python_wheel_task=wheel)

    run = run_of(parse_job(job(tasks=[by_name])), {"tables": "a"})

    assert run.tasks[0].python_wheel_task
    assert run.tasks[0].python_wheel_task.named_parameters == {"tables": "a", "day": "today", "run.id": "by_hand"}


def with_words(*words: str) -> dict[str, Any]:
    return job(tasks=[task(spark_python_task={"python_file": "/x.py", "parameters": list(words)})])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (job(tasks=[]), "Missing required field: tasks"),
        (
            job(max_concurrent_runs=0),
            "max_concurrent_runs 0 is not supported by the local Databricks API: it must be at least 1.",
        ),
        (
            job(queue=None),
            "queue.enabled must be true: the local Databricks API queues the runs beyond max_concurrent_runs, and "
            "skips none.",
        ),
        (
            with_words("{{job.parameters.table}}"),
            "Task 'silver': the reference 'job.parameters.table' names no parameter of the job.",
        ),
        (
            with_words("{{job.run_id}}"),
            "Task 'silver': the reference 'job.run_id' is not supported by the local Databricks API; it knows "
            "job.parameters.NAME.",
        ),
        (
            job(parameters=[{"name": "a b", "default": ""}]),
            "Job parameter 'a b': only alphanumeric characters, _, - and . are permitted in its name.",
        ),
        (
            job(parameters=[{"name": "tables", "default": ""}, {"name": "tables", "default": "x"}]),
            "Job parameter 'tables' is defined more than once.",
        ),
        (
            job(parameters=[{"name": "tables", "default": "{{job.id}}"}]),
            "Job parameter 'tables': a reference in its default is not supported by the local Databricks API.",
        ),
        (job(parameters=[{"name": "tables"}]), "Missing required field: parameters[0].default"),
        (
            job(tasks=[task(job_cluster_key="jobs", environment_key=None)]),
            "Task 'silver': job cluster 'jobs' is not defined in field 'job_clusters'.",
        ),
        (
            job(
                tasks=[task(job_cluster_key="k", new_cluster={"spark_version": "18.x-scala2.13"})],
                job_clusters=[{"job_cluster_key": "k", "new_cluster": {"spark_version": "18.x-scala2.13"}}],
            ),
            "Task 'silver': job_cluster_key and new_cluster can not both be specified.",
        ),
        (
            job(tasks=[task(environment_key=None)]),
            "Task 'silver': exactly one of environment_key, existing_cluster_id, new_cluster must be specified. "
            "All of them run on the one local Spark driver.",
        ),
        (job(schedule={"quartz_cron_expression": "0", "timezone_id": "UTC"}), "schedule is not supported by the local"),
        (job(run_as={"user_name": "somebody@example.com"}), "run_as is not supported by the local Databricks API."),
        (job(tasks=[task(max_retries=3)]), "tasks[0].max_retries is not supported by the local Databricks API."),
        (job(permissions=[]), "Unknown field: permissions"),
    ],
)
def test_a_job_that_cannot_be_run_is_refused_with_the_reason(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        parse_job(body)
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"table": "customer"},
            "Unknown job parameter 'table'. The parameters of job 'lakehouse silver' are: tables, run.id.",
        ),
        (
            {"tables": "x" * 9_966},
            "The JSON representation of job_parameters has 10001 bytes; it cannot exceed 10000 bytes.",
        ),
    ],
)
def test_parameters_that_a_job_does_not_take_are_refused_with_the_reason(given: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        run_of(parse_job(job()), given)
    assert refused.value.message == message


def test_a_value_that_makes_a_tasks_parameters_too_long_is_refused_as_in_a_submitted_run() -> None:
    run = run_of(parse_job(with_words(*["{{job.parameters.tables}}"] * 2)), {"tables": "x" * 6_000})

    with pytest.raises(InvalidParameterError, match="Task 'silver': the JSON representation of parameters has 12008 b"):
        check_submission(run)
