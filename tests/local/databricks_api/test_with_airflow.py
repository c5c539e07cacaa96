"""The server as the unmodified Databricks provider of Airflow sees it: operator, trigger and hook."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred
from airflow.providers.databricks.exceptions import DatabricksApiError
from airflow.providers.databricks.hooks.databricks import DatabricksHook, RunState
from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.module_loading import import_string
from lakehouse.hooks.deployed_jobs import try_databricks
from lakehouse.operators import databricks_run_trigger
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

from tests.local.databricks_api.conftest import RunningServer, wait_for

pytestmark = pytest.mark.spark

CONNECTION = "databricks_default"


class RecordedTaskInstance:
    """Takes the XComs that an operator pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    dag_id = run_id = id = "x"
    task_id, map_index = "silver", 0

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.pushed[key]


def context_of(instance: RecordedTaskInstance) -> Any:
    """As much of a task's context as the operator uses."""
    return {"ti": instance}


@pytest.fixture(autouse=True)
def connection(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection as users write it down."""
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", server.airflow_connection)


def operator(script: str, *parameters: str, **changes: Any) -> DatabricksSubmitRunOperator:
    task = {
        "task_key": "silver_customer",
        "environment_key": "default",
        "spark_python_task": {"python_file": script, "parameters": list(parameters)},
        "timeout_seconds": 60,
    }
    body = {"tasks": [task], "environments": [{"environment_key": "default", "spec": {"environment_version": "4"}}]}
    return DatabricksSubmitRunOperator(
        task_id="silver", json=body, databricks_conn_id=CONNECTION, polling_period_seconds=1, **changes
    )


def hook() -> DatabricksHook:
    return DatabricksHook(CONNECTION, retry_limit=1)


def event_of(trigger: DatabricksExecutionTrigger) -> dict[str, Any]:
    async def first_event() -> dict[str, Any]:
        async for event in trigger.run():  # type: ignore[no-untyped-call]
            return dict(event.payload)
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(first_event())


def deferred(task: DatabricksSubmitRunOperator, context: Any) -> DatabricksExecutionTrigger:
    with pytest.raises(TaskDeferred) as stopped:
        task.execute(context)
    trigger = stopped.value.trigger
    assert isinstance(trigger, DatabricksExecutionTrigger)
    assert stopped.value.method_name == "execute_complete"
    # As the scheduler does it: only what is serialized reaches the triggerer.
    trigger.run_id  # ruff: ignore[useless-expression]
    _, arguments = trigger.serialize()
    return DatabricksExecutionTrigger(**arguments)


def test_the_waiting_operator_succeeds_and_pushes_the_run_page(scripts: dict[str, str]) -> None:
    instance = RecordedTaskInstance()
    operator(scripts["count"], "--table", "customer", durable=False).execute(context_of(instance))
    run = hook().get_run(instance.pushed["run_id"])
    assert run["run_name"] == "silver"
    assert instance.pushed["run_page_url"] == run["run_page_url"]
    output = hook().get_run_output(run["tasks"][0]["run_id"])
    assert output["logs"] == "arguments ['--table', 'customer']\ncounted 1000\n"


def test_the_waiting_operator_fails_with_the_error_of_the_script(scripts: dict[str, str]) -> None:
    with pytest.raises(AirflowException) as failed:
        operator(scripts["fail"], durable=False).execute(context_of(RecordedTaskInstance()))
    assert "'task_key': 'silver_customer'" in str(failed.value)
    assert "'error': 'ValueError: table customer has no contract'" in str(failed.value)


def test_the_deferred_operator_succeeds(scripts: dict[str, str]) -> None:
    instance = RecordedTaskInstance()
    context = context_of(instance)
    task = operator(scripts["count"], deferrable=True)
    event = event_of(deferred(task, context))
    assert RunState.from_json(event["run_state"]).is_successful
    assert event["errors"] == []
    task.execute_complete(context=context, event=event)
    assert set(instance.pushed) == {"job_id", "run_id", "run_page_url"}


def test_the_deferred_operator_fails_with_the_error_of_the_script(scripts: dict[str, str]) -> None:
    context = context_of(RecordedTaskInstance())
    task = operator(scripts["exit_message"], deferrable=True)
    event = event_of(deferred(task, context))
    assert [error["error"] for error in event["errors"]] == ["SystemExit: contract customer.odcs.yaml: no such file"]
    with pytest.raises(AirflowException, match=r"contract customer\.odcs\.yaml: no such file"):
        task.execute_complete(context=context, event=event)


def test_the_trigger_cancels_the_run_when_its_task_is_killed(scripts: dict[str, str]) -> None:
    trigger = deferred(operator(scripts["hog"], deferrable=True), context_of(RecordedTaskInstance()))
    asyncio.run(trigger.on_kill())
    wait_for(lambda: hook().get_run_state(trigger.run_id).is_terminal, 60, "the run is cancelled")
    assert hook().get_run_state(trigger.run_id).result_state == "CANCELED"


def test_our_operator_waits_for_a_limited_time_and_then_cancels_the_run(
    scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "file:///nowhere")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_TIMEOUT_MINUTES", "30")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_POLLING_SECONDS", "1")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_WORKER_WAIT_SECONDS", "3")
    context = context_of(RecordedTaskInstance())
    task = our_operator(scripts["hog"])
    with pytest.raises(TaskDeferred) as stopped:
        task.execute(context)
    assert (stopped.value.method_name, stopped.value.timeout) == ("execute_complete", timedelta(minutes=44, seconds=57))

    # What Airflow's scheduler has called once that time is over, in a process of its own.
    resumed = our_operator(scripts["hog"])
    run_id = context["ti"].pushed["run_id"]
    with pytest.raises(AirflowException, match=rf"the Databricks run {run_id} was not over after 0:45:00 and was canc"):
        resumed.resume_execution(TRIGGER_FAIL_REPR, {"error": TriggerFailureReason.TRIGGER_TIMEOUT}, context)

    wait_for(lambda: hook().get_run_state(run_id).is_terminal, 60, "the run is cancelled")
    assert hook().get_run_state(run_id).result_state == "CANCELED"


@pytest.fixture
def waiting_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "file:///nowhere")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_POLLING_SECONDS", "1")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_WORKER_WAIT_SECONDS", "120")


@pytest.mark.usefixtures("waiting_in_the_worker")
def test_our_operator_waits_for_a_short_run_without_deferring(scripts: dict[str, str]) -> None:
    context = context_of(RecordedTaskInstance())

    our_operator(scripts["plain"]).execute(context)

    assert set(context["ti"].pushed) == {"job_id", "run_id", "run_page_url"}
    assert hook().get_run_state(context["ti"].pushed["run_id"]).is_successful
    with pytest.raises(AirflowException, match=r"contract customer\.odcs\.yaml: no such file"):
        our_operator(scripts["exit_message"]).execute(context)


@pytest.mark.usefixtures("waiting_in_the_worker")
@pytest.mark.parametrize("is_of_job", [False, True], ids=["one-time", "of_a_deployed_job"])
def test_a_run_that_our_operator_waits_for_is_cancelled_when_the_task_is_killed(
    scripts: dict[str, str], is_of_job: bool
) -> None:
    if is_of_job:
        deploy("hogs", scripts["hog"])
    task = JobOperator(job_name="hogs") if is_of_job else our_operator(scripts["hog"])
    with ThreadPoolExecutor() as worker:
        waiting = worker.submit(task.execute, context_of(RecordedTaskInstance()))
        wait_for(lambda: task.run_id is not None, 60, "the run is submitted")
        task.on_kill()
        with pytest.raises(AirflowException, match="CANCELED"):
            waiting.result(60)


def test_a_deferred_task_goes_on_only_when_the_scheduler_has_seen_that_its_process_ended(
    scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "file:///nowhere")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_WORKER_WAIT_SECONDS", "0")
    monkeypatch.setattr(databricks_run_trigger, "FIRST_LOOK_SECONDS", 2.0)
    context = context_of(RecordedTaskInstance())
    task = our_operator(scripts["plain"])
    with pytest.raises(TaskDeferred) as stopped:
        task.execute(context)
    wait_for(lambda: hook().get_run_state(context["ti"].pushed["run_id"]).is_terminal, 60, "the run is over")
    # As the triggerer makes it again.
    path, arguments = stopped.value.trigger.serialize()
    trigger = import_string(path)(**arguments)

    started = time.monotonic()
    event = event_of(trigger)

    assert time.monotonic() - started >= 2.0
    task.execute_complete(context, event)


def our_operator(script: str) -> DatabricksRunOperator:
    return ScriptOperator(script=script, task_id="silver", business_date="2026-11-20", run_slug="run")


class ScriptOperator(DatabricksRunOperator):
    """Runs a script."""

    def __init__(self, *, script: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.script = script

    def build_run(self, settings: object, business_date: date, attempt: str) -> dict[str, Any]:
        task = {
            "task_key": "silver",
            "environment_key": "default",
            "spark_python_task": {"python_file": self.script, "parameters": [attempt]},
        }
        environment = {"environment_key": "default", "spec": {"environment_version": "4"}}
        return {"tasks": [task], "environments": [environment]}


def test_the_operator_in_its_old_form_names_the_task_after_the_run(scripts: dict[str, str]) -> None:
    instance = RecordedTaskInstance()
    old_form = DatabricksSubmitRunOperator(
        task_id="old_form",
        spark_python_task={"python_file": scripts["plain"], "parameters": []},
        existing_cluster_id="local",
        databricks_conn_id=CONNECTION,
        polling_period_seconds=1,
        durable=False,
    )
    old_form.execute(context_of(instance))
    run = hook().get_run(instance.pushed["run_id"])
    assert [entry["task_key"] for entry in run["tasks"]] == [run["run_name"]] == ["old_form"]


def test_the_hook_tests_its_connection_and_is_told_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hook().test_connection() == (True, "Connection successfully tested")
    with pytest.raises(DatabricksApiError, match=r"Run 987654 does not exist.*Status Code: 400"):
        hook().get_run(987654)
    with pytest.raises(DatabricksApiError, match=r"ENDPOINT_NOT_FOUND.*jobs/runs/repair.*Status Code: 404"):
        hook().repair_run({"run_id": 1})
    wrong = json.loads(os.environ["AIRFLOW_CONN_DATABRICKS_DEFAULT"]) | {"password": "wrong"}
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps(wrong))
    with pytest.raises(DatabricksApiError, match=r"Invalid access token.*Status Code: 403"):
        hook().get_run(1)


class JobOperator(DatabricksRunOperator):
    """Starts a deployed job."""

    def __init__(self, *, job_name: str, **kwargs: Any) -> None:
        super().__init__(task_id="silver", business_date="2026-11-20", run_slug="run", **kwargs)
        self.job_name = job_name

    def build_run(self, settings: object, business_date: date, attempt: str) -> dict[str, Any]:
        return {"job_name": self.job_name, "job_parameters": {"word": f"{business_date}"}, "idempotency_token": ""}


def deploy(name: str, script: str) -> int:
    """A job as the bundle deploys it."""
    task = {
        "task_key": "silver",
        "environment_key": "default",
        "spark_python_task": {"python_file": script, "parameters": ["--date={{job.parameters.word}}"]},
    }
    return hook().create_job(
        {
            "name": name,
            "tasks": [task],
            "environments": [{"environment_key": "default", "spec": {"environment_version": "4"}}],
            "parameters": [{"name": "word", "default": ""}],
            "queue": {"enabled": True},
            "max_concurrent_runs": 5,
        }
    )


@pytest.mark.usefixtures("waiting_in_the_worker")
def test_our_operator_starts_a_deployed_job_by_its_name_and_waits_for_its_run(scripts: dict[str, str]) -> None:
    # Of more than one page, and among one whose name has other letters.
    jobs = {name: deploy(name, scripts["count"]) for name in (*(f"job {n}" for n in range(26)), "JOB 1", "own")}
    context = context_of(RecordedTaskInstance())

    JobOperator(job_name="job 1").execute(context)

    assert hook().find_job_id_by_name("own") == jobs["own"]
    assert set(jobs.values()) <= {job["job_id"] for job in hook().list_jobs()}
    assert context["ti"].pushed["job_id"] == jobs["job 1"]
    run = hook().get_run(context["ti"].pushed["run_id"])
    assert context["ti"].pushed["run_page_url"] == run["run_page_url"]
    assert hook().get_run_output(run["tasks"][0]["run_id"])["logs"] == "arguments ['--date=2026-11-20']\ncounted 1000\n"


@pytest.mark.usefixtures("waiting_in_the_worker")
def test_the_error_of_a_deployed_jobs_run_is_that_of_the_task(scripts: dict[str, str]) -> None:
    deploy("fails", scripts["exit_message"])

    with pytest.raises(AirflowException, match=r"contract customer\.odcs\.yaml: no such file"):
        JobOperator(job_name="fails").execute(context_of(RecordedTaskInstance()))


def test_a_task_is_deferred_for_a_longer_run_of_a_deployed_job(
    scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "file:///nowhere")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_POLLING_SECONDS", "1")
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_WORKER_WAIT_SECONDS", "0")
    deploy("long", scripts["plain"])
    context = context_of(RecordedTaskInstance())
    task = JobOperator(job_name="long")

    trigger = deferred(task, context)

    assert trigger.run_id == context["ti"].pushed["run_id"]
    event = event_of(trigger)
    task.execute_complete(context, event)
    assert RunState.from_json(event["run_state"]).is_successful


def test_it_is_known_before_the_first_run_whether_databricks_has_the_jobs(
    scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("try silver", "try gold"):
        deploy(name, scripts["plain"])

    assert try_databricks(hook(), []) == (True, "Databricks takes the login of databricks_default")
    assert try_databricks(hook(), ["try silver", "try gold"]) == (
        True, "Databricks takes the login of databricks_default, and has the jobs try silver, try gold"
    )  # fmt: skip
    works, message = try_databricks(hook(), ["try silver", "try upkeep"])
    assert not works
    assert message.startswith("no job that Airflow's login may see has the name 'try upkeep'")
    wrong = json.loads(os.environ["AIRFLOW_CONN_DATABRICKS_DEFAULT"]) | {"password": "wrong"}
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps(wrong))
    works, message = try_databricks(hook(), ["try silver"])
    assert not works
    assert re.match(r"Databricks, by the connection databricks_default: .*Invalid access token", message)


@pytest.mark.usefixtures("waiting_in_the_worker")
def test_a_job_that_is_not_deployed_or_twice_fails_the_task_at_once_and_says_what_to_do(
    scripts: dict[str, str],
) -> None:
    for _ in range(2):
        deploy("twice", scripts["plain"])
    found = {}
    for name in ("nothing", "twice"):
        with pytest.raises(AirflowFailException) as failed:
            JobOperator(job_name=name).execute(context_of(RecordedTaskInstance()))
        found[name] = str(failed.value)

    rest = ", or correct the setting; where it is empty, Airflow makes one-time runs"
    assert found == {
        "nothing": "no job that Airflow's login may see has the name 'nothing' in the Databricks workspace, and "
        "LAKEHOUSE_DATABRICKS_JOBS wants one: deploy the bundle (infra/databricks/deploy TARGET RELEASE)" + rest,
        "twice": "2 jobs have the name 'twice' in the Databricks workspace, and LAKEHOUSE_DATABRICKS_JOBS wants one: "
        "delete all but one" + rest,
    }
