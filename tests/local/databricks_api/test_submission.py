from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import RunIf

from local.databricks_api.errors import InvalidParameterError, MalformedRequestError
from local.databricks_api.submission import (
    PythonFile,
    PythonWheel,
    Submission,
    dependencies_of,
    parse_submission,
    program_of,
    variables_of,
    wheels_of,
)


def task(**changes: Any) -> dict[str, Any]:
    return {
        "task_key": "silver",
        "existing_cluster_id": "c",
        "spark_python_task": {"python_file": "/code/silver.py", "parameters": ["--table", "customer"]},
        **changes,
    }


WHEEL_TASK = {"package_name": "medallion", "entry_point": "silver", "named_parameters": {"table": "customer"}}
WHEEL_BODY = {
    "tasks": [{"task_key": "w", "environment_key": "e", "python_wheel_task": WHEEL_TASK}],
    "environments": [
        {"environment_key": "e", "spec": {"client": "4", "dependencies": ["pytest>=1", "/dist/m-1-py3-none-any.whl"]}}
    ],
}


def test_a_python_file_task_is_read_in_the_form_that_airflow_sends() -> None:
    body: dict[str, Any] = {
        "run_name": "daily",
        "tasks": [task(timeout_seconds="60", max_retries="0", retry_on_timeout="false")],
        "timeout_seconds": "600",
        "idempotency_token": "t",
        "email_notifications": {},
        "access_control_list": None,
    }
    submission = parse_submission(body)
    assert (submission.run_name, submission.timeout_seconds, submission.idempotency_token) == ("daily", 600, "t")
    (spec,) = submission.tasks
    assert program_of(spec) == PythonFile(Path("/code/silver.py"), ("--table", "customer"))
    assert (spec.task_key, spec.timeout_seconds, spec.run_if, dependencies_of(spec)) == ("silver", 60, None, ())


def test_the_old_form_with_one_task_is_named_after_the_run() -> None:
    body = {
        "run_name": "one of März",
        "timeout_seconds": 5,
        "existing_cluster_id": "c",
        "spark_python_task": {"python_file": "file:///code/a%20b.py"},
    }
    submission = parse_submission(body)
    assert (submission.is_single_task, submission.timeout_seconds) == (True, 5)
    assert (submission.tasks[0].task_key, submission.tasks[0].timeout_seconds) == ("one_of_M_rz", None)
    assert program_of(submission.tasks[0]) == PythonFile(Path("/code/a b.py"), ())


def test_a_wheel_task_takes_named_parameters_and_the_wheels_of_its_environment() -> None:
    submission = parse_submission(WHEEL_BODY)
    (spec,) = submission.tasks
    assert program_of(spec) == PythonWheel("medallion", "silver", ("--table=customer",))
    assert wheels_of(spec, submission.environments) == (Path("/dist/m-1-py3-none-any.whl"),)


def test_dependencies_and_cluster_variables_are_read() -> None:
    cluster = {"spark_version": "18.x-scala2.13", "num_workers": "2", "spark_env_vars": {"STAGE": "test"}}
    second = task(task_key="gold", depends_on=[{"task_key": "silver"}], run_if="ALL_DONE", existing_cluster_id=None)
    spec = parse_submission({"tasks": [task(), {**second, "new_cluster": cluster}]}).tasks[1]
    assert (dependencies_of(spec), spec.run_if, variables_of(spec)) == (
        ("silver",),
        RunIf.ALL_DONE,
        {"STAGE": "test"},
    )


@pytest.mark.parametrize("body", [{"tasks": [task(description="d", run_if="ALL_DONE")]}, WHEEL_BODY])
def test_a_submission_is_the_same_after_it_was_stored_as_json(body: dict[str, Any]) -> None:
    submission = parse_submission(body)
    stored = json.dumps(submission.as_dict())
    assert Submission.from_dict(json.loads(stored)).as_dict() == submission.as_dict()


def cluster(**fields: Any) -> dict[str, Any]:
    return {"tasks": [task(existing_cluster_id=None, new_cluster={"spark_version": "18.x-scala2.13", **fields})]}


SUPPORTED_TASK_FIELDS = (
    "depends_on, description, environment_key, existing_cluster_id, libraries, new_cluster, "
    "python_wheel_task, run_if, spark_python_task, task_key, timeout_seconds"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"tasks": [task(spark_python_task=None, notebook_task={"notebook_path": "/n"})]},
            "tasks[0].notebook_task is not supported by the local Databricks API. "
            f"Supported here: {SUPPORTED_TASK_FIELDS}.",
        ),
        (
            {"run_name": "r", "existing_cluster_id": "c", "spark_jar_task": {"main_class_name": "M"}},
            f"spark_jar_task is not supported by the local Databricks API. Supported here: {SUPPORTED_TASK_FIELDS}.",
        ),
        (
            {"tasks": [task(spark_python_task=None)]},
            "Task 'silver': exactly one of spark_python_task, python_wheel_task must be specified.",
        ),
        (
            {"tasks": [task(python_wheel_task=WHEEL_TASK)]},
            "Task 'silver': exactly one of spark_python_task, python_wheel_task must be specified.",
        ),
        ({}, "Task 'Untitled': exactly one of spark_python_task, python_wheel_task must be specified."),
        ({"tasks": [task(task_key=None)]}, "Missing required field: tasks[0].task_key"),
        ({"tasks": [task(task_key="")]}, "Missing required field: tasks[0].task_key"),
        (
            {"tasks": [task(spark_python_task={"parameters": ["a"]})]},
            "Missing required field: tasks[0].spark_python_task.python_file",
        ),
        (
            {"tasks": [task(task_key="a b")]},
            "Task key 'a b' contains an invalid character. Only alphanumeric, - and _ characters are permitted.",
        ),
        ({"tasks": [task(task_key="x" * 101)]}, "A task key has 101 characters; at most 100 are allowed."),
        ({"tasks": [task(), task()]}, "Task key 'silver' is used by more than one task."),
        (
            {"tasks": [task(depends_on=[{"task_key": "x"}])]},
            "Invalid dependency graph, task 'silver' depends on 'x', which is no task of this run.",
        ),
        (
            {"tasks": [task(depends_on=[{"task_key": "silver"}])]},
            "Invalid dependency graph, task 'silver' can not reference itself.",
        ),
        (
            {"tasks": [task(depends_on=[{"task_key": "b"}]), task(task_key="b", depends_on=[{"task_key": "silver"}])]},
            "Invalid dependency graph, the tasks depend on each other: silver -> b -> silver.",
        ),
        (
            {"tasks": [task(existing_cluster_id=None)]},
            "Task 'silver': exactly one of environment_key, existing_cluster_id, new_cluster must be specified. "
            "All of them run on the one local Spark driver.",
        ),
        (
            {"tasks": [task(existing_cluster_id=None, environment_key="e")]},
            "Task 'silver': environment 'e' is not defined in field 'environments'.",
        ),
        (
            {"tasks": [task(libraries=[{"pypi": {"package": "x"}}])]},
            "tasks[0].libraries[0].pypi is not supported by the local Databricks API. Supported here: whl.",
        ),
        (
            {"tasks": [task(libraries=[{"whl": "dbfs:/x.whl"}])]},
            "Task 'silver': library 'dbfs:/x.whl' is not on this machine; the local Databricks API reads local files "
            "only.",
        ),
        (
            {"tasks": [task(spark_python_task={"python_file": "silver.py"})]},
            "Task 'silver': spark_python_task.python_file 'silver.py' must be an absolute path or a file: URI.",
        ),
        (
            {"tasks": [task(spark_python_task={"python_file": "file:///a%00.py"})]},
            "Task 'silver': spark_python_task.python_file 'file:///a%00.py' must be an absolute path or a file: URI.",
        ),
        (
            {"tasks": [task(spark_python_task={"python_file": "//[x"})]},
            "Task 'silver': spark_python_task.python_file is no path and no URI (Invalid IPv6 URL).",
        ),
        (
            {"tasks": [task(spark_python_task={"python_file": "/x.py", "source": "GIT"})]},
            "Task 'silver': spark_python_task.source GIT is not supported by the local Databricks API; use WORKSPACE.",
        ),
        (
            {"tasks": [task(run_if="SOMETIMES")]},
            "Invalid value for tasks[0].run_if: it must be one of ALL_DONE, ALL_FAILED, ALL_SUCCESS, "
            "AT_LEAST_ONE_FAILED, AT_LEAST_ONE_SUCCESS, NONE_FAILED.",
        ),
        ({"tasks": [task(timeout_seconds=-1)]}, "Task 'silver': timeout_seconds -1 is not between 0 and 2147483647."),
        ({"tasks": [task()], "timeout_seconds": 2**31}, "The run: timeout_seconds 2147483648 is not between 0 and 214"),
        ({"tasks": [task()], "timeout_seconds": 2**63}, "timeout_seconds 9223372036854775808 is out of the range"),
        ({"tasks": [task(max_retries=2)]}, "tasks[0].max_retries is not supported by the local Databricks API."),
        ({"tasks": [task(helth={"rules": []})]}, "Unknown field: tasks[0].helth"),
        ({"tasks": [task()], "spark_python_task": {"python_file": "/x.py"}}, "Unknown field: spark_python_task"),
        (
            {"tasks": [task()], "idempotency_token": "x" * 65},
            "idempotency_token has 65 characters; at most 64 are allowed.",
        ),
        ({"tasks": [task()], "run_name": "ü" * 2049}, "run_name has 4098 bytes; at most 4096 are allowed."),
        (
            {"tasks": [task(spark_python_task={"python_file": "/x.py", "parameters": ["x" * 9_997]})]},
            "Task 'silver': the JSON representation of parameters has 10001 bytes; it cannot exceed 10000 bytes.",
        ),
        ({"tasks": [task(task_key=f"t{n}") for n in range(1001)]}, "The run has 1001 tasks; at most 1000 are allowed."),
        (
            {"tasks": [task()], "environments": [{"environment_key": "e", "spec": {"java_dependencies": ["x.jar"]}}]},
            "environments[0].spec.java_dependencies is not supported by the local Databricks API. "
            "Supported here: client, dependencies, environment_version.",
        ),
        (
            {
                "tasks": [task(existing_cluster_id=None, environment_key="e")],
                "environments": [{"environment_key": "e", "spec": {"dependencies": ["pytest==2"]}}],
            },
            "Environment 'e': dependency 'pytest==2' is no wheel, and not installed here; the local Databricks API "
            "installs local .whl files only.",
        ),
        (cluster(spark_conf={"a": "b"}), "tasks[0].new_cluster.spark_conf is not supported by the local Databricks"),
        (cluster(spark_env_vars={"A=B": "c"}), "Task 'silver': 'A=B' in spark_env_vars is no name of a variable."),
        (cluster(spark_env_vars={"A": "\0"}), "tasks[0].new_cluster.spark_env_vars.A must not contain the character"),
        *(
            ({"tasks": [task()], field: value}, f"{field} is not supported by the local Databricks API.")
            for field, value in {
                "run_as": {"user_name": "somebody@example.com"},
                "access_control_list": [{"group_name": "g", "permission_level": "CAN_VIEW"}],
                "health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 5}]},
                "git_source": {"git_url": "u"},
                "email_notifications": {"on_failure": ["somebody@example.com"]},
                "queue": {"enabled": True},
                "performance_target": "STANDARD",
            }.items()
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        parse_submission(body)
    assert refused.value.message.startswith(message)
    assert (refused.value.status, refused.value.error_code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tasks": "silver"}, "Expected array for field tasks, found STRING"),
        ({"tasks": ["silver"]}, "Expected object for field tasks[0], found STRING"),
        (
            {"tasks": [task(timeout_seconds="soon")]},
            "Expected integer for field tasks[0].timeout_seconds, found STRING",
        ),
        ({"tasks": [task(timeout_seconds=True)]}, "Expected integer for field tasks[0].timeout_seconds, found BOOLEAN"),
        ({"tasks": [task()], "run_name": {}}, "Expected string for field run_name, found OBJECT"),
        (
            {"tasks": [task(spark_python_task={"python_file": "/x.py", "parameters": [None]})]},
            "Expected string for field tasks[0].spark_python_task.parameters[0], found NULL",
        ),
        (
            cluster(is_single_node="maybe"),
            "Expected boolean for field tasks[0].new_cluster.is_single_node, found STRING",
        ),
        (
            cluster(azure_attributes={"spot_bid_max_price": float("inf")}),
            "Expected number for field tasks[0].new_cluster.azure_attributes.spot_bid_max_price, found NUMBER",
        ),
    ],
)
def test_json_of_another_form_is_refused_with_the_field(body: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedRequestError) as refused:
        parse_submission(body)
    assert refused.value.message == f"Could not parse request object: {message}"
    assert (refused.value.status, refused.value.error_code) == (400, "MALFORMED_REQUEST")
