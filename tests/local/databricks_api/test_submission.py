from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.databricks_api.errors import InvalidParameterError
from local.databricks_api.run_states import RunIf
from local.databricks_api.submission import PythonFile, PythonWheel, parse_submission


def task(**changes: Any) -> dict[str, Any]:
    return {
        "task_key": "silver",
        "existing_cluster_id": "c",
        "spark_python_task": {"python_file": "/code/silver.py", "parameters": ["--table", "customer"]},
        **changes,
    }


def test_a_python_file_task_is_read_in_the_form_that_airflow_sends() -> None:
    body = {
        "run_name": "daily",
        "tasks": [task(timeout_seconds="60")],
        "timeout_seconds": "600",
        "idempotency_token": "t",
    }
    submission = parse_submission(body)
    assert (submission.run_name, submission.timeout_seconds, submission.idempotency_token) == ("daily", 600, "t")
    (spec,) = submission.tasks
    assert spec.program == PythonFile(Path("/code/silver.py"), ("--table", "customer"))
    assert (spec.task_key, spec.timeout_seconds, spec.run_if, spec.depends_on) == ("silver", 60, RunIf.ALL_SUCCESS, ())


def test_the_old_form_with_one_task_is_named_after_the_run() -> None:
    body = {
        "run_name": "one",
        "existing_cluster_id": "c",
        "spark_python_task": {"python_file": "file:///code/a%20b.py"},
    }
    submission = parse_submission(body)
    assert submission.is_single_task
    assert submission.tasks[0].task_key == "one"
    assert submission.tasks[0].program == PythonFile(Path("/code/a b.py"), ())


def test_a_wheel_task_takes_named_parameters_and_the_wheels_of_its_environment() -> None:
    wheel_task = {"package_name": "medallion", "entry_point": "silver", "named_parameters": {"table": "customer"}}
    body = {
        "tasks": [{"task_key": "w", "environment_key": "e", "python_wheel_task": wheel_task}],
        "environments": [
            {
                "environment_key": "e",
                "spec": {"client": "4", "dependencies": ["pytest>=1", "/dist/m-1-py3-none-any.whl"]},
            }
        ],
    }
    (spec,) = parse_submission(body).tasks
    assert spec.program == PythonWheel("medallion", "silver", ("--table=customer",))
    assert spec.wheels == (Path("/dist/m-1-py3-none-any.whl"),)


def test_dependencies_and_cluster_variables_are_read() -> None:
    cluster = {"spark_version": "18.x-scala2.13", "spark_env_vars": {"STAGE": "test"}}
    second = task(task_key="gold", depends_on=[{"task_key": "silver"}], run_if="ALL_DONE", existing_cluster_id=None)
    spec = parse_submission({"tasks": [task(), {**second, "new_cluster": cluster}]}).tasks[1]
    assert (spec.depends_on, spec.run_if, spec.environment) == (("silver",), RunIf.ALL_DONE, {"STAGE": "test"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"tasks": [task(spark_python_task=None, notebook_task={"notebook_path": "/n"})]},
            "notebook_task is not supported",
        ),
        ({"run_name": "r", "existing_cluster_id": "c", "spark_jar_task": {}}, "spark_jar_task is not supported"),
        (
            {"tasks": [task(spark_python_task=None)]},
            "must have exactly one of spark_python_task, python_wheel_task; it has 0",
        ),
        ({}, "must have exactly one of"),
        ({"tasks": [task(task_key=None)]}, "no task_key"),
        ({"tasks": [task(), task()]}, "task_key 'silver' is used by more than one task"),
        ({"tasks": [task(depends_on=[{"task_key": "x"}])]}, "depends on 'x', which is no task of this run"),
        (
            {"tasks": [task(depends_on=[{"task_key": "b"}]), task(task_key="b", depends_on=[{"task_key": "silver"}])]},
            "depend on each other",
        ),
        ({"tasks": [task(existing_cluster_id=None)]}, "must name its compute"),
        ({"tasks": [task(existing_cluster_id=None, environment_key="e")]}, "'e' is not among the run's environments"),
        ({"tasks": [task(libraries=[{"pypi": {"package": "x"}}])]}, "library 'pypi' is not supported"),
        ({"tasks": [task(libraries=[{"whl": "dbfs:/x.whl"}])]}, "'dbfs:/x.whl' is not on this machine"),
        ({"tasks": [task(spark_python_task={"python_file": "silver.py"})]}, "must be an absolute path"),
        ({"tasks": [task(spark_python_task={"python_file": "s3://b/x.py"})]}, "is not on this machine"),
        (
            {"tasks": [task(spark_python_task={"python_file": "/x.py", "source": "GIT"})]},
            "source 'GIT' is not supported",
        ),
        ({"tasks": [task(run_if="SOMETIMES")]}, "run_if 'SOMETIMES' is none of"),
        ({"tasks": [task(timeout_seconds="soon")]}, "timeout_seconds 'soon' is no whole number"),
        ({"tasks": [task(timeout_seconds=-1)]}, "must not be negative"),
        ({"tasks": [task(max_retries=2)]}, "max_retries is not supported"),
        ({"tasks": [task()], "git_source": {"git_url": "u"}}, "git_source is not supported"),
        (
            {"tasks": [task()], "idempotency_token": "x" * 65},
            "idempotency_token has 65 characters; at most 64 are allowed",
        ),
        ({"tasks": "silver"}, "tasks must be a list"),
        (
            {"tasks": [task()], "environments": [{"environment_key": "e", "spec": {"dependencies": ["pytest==2"]}}]},
            "'pytest==2' is no wheel, and not installed here",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        parse_submission(body)
    assert message in refused.value.message
    assert (refused.value.status, refused.value.error_code) == (400, "INVALID_PARAMETER_VALUE")
