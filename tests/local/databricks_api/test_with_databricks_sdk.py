"""The server as the unmodified databricks-sdk sees it."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    InvalidState,
    NotFound,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.compute import Environment, Library
from databricks.sdk.service.jobs import (
    JobEnvironment,
    JobParameterDefinition,
    JobRunAs,
    JobSettings,
    NotebookTask,
    PythonWheelTask,
    QueueSettings,
    Run,
    RunLifeCycleState,
    RunLifecycleStateV2State,
    RunResultState,
    RunType,
    SparkPythonTask,
    SubmitTask,
    Task,
    TaskDependency,
    TerminationCodeCode,
)

from local.processes import is_alive
from tests.local.databricks_api.conftest import TOKEN, RunningServer, descendants, wait_for
from tests.wheels import write_wheel

pytestmark = pytest.mark.spark

ENDED = {RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR}


@pytest.fixture(scope="module")
def workspace(server: RunningServer) -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=TOKEN, auth_type="pat")


def python_task(path: str, *parameters: str, **changes: Any) -> SubmitTask:
    values = {"task_key": "main", "existing_cluster_id": "local", **changes}
    return SubmitTask(spark_python_task=SparkPythonTask(python_file=path, parameters=list(parameters)), **values)


def submit(workspace: WorkspaceClient, *tasks: SubmitTask, **changes: Any) -> int:
    return int(workspace.jobs.submit(run_name="tests", tasks=list(tasks), **changes).run_id)


def ended_run(workspace: WorkspaceClient, run_id: int, seconds: float = 180) -> Run:
    wait_for(lambda: state_of(workspace.jobs.get_run(run_id)).life_cycle_state in ENDED, seconds, f"run {run_id} ends")
    return workspace.jobs.get_run(run_id)


def state_of(run: Any) -> Any:
    assert run.state is not None
    return run.state


def task_ids(run: Run) -> dict[str, int]:
    return {task.task_key: task.run_id or 0 for task in run.tasks or []}


def hogging(workspace: WorkspaceClient, run_id: int) -> Callable[[], bool]:
    def is_hogging() -> bool:
        task_id = task_ids(workspace.jobs.get_run(run_id))["main"]
        return "hogging" in (workspace.jobs.get_run_output(task_id).logs or "")

    return is_hogging


def test_a_script_runs_on_spark_and_its_output_is_kept(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts["count"], "--table", "a b")))
    state = state_of(run)
    assert (state.life_cycle_state, state.result_state) == (RunLifeCycleState.TERMINATED, RunResultState.SUCCESS)
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.state == RunLifecycleStateV2State.TERMINATED
    assert run.status.termination_details.code == TerminationCodeCode.SUCCESS
    output = workspace.jobs.get_run_output(task_ids(run)["main"])
    assert (output.logs, output.logs_truncated) == ("arguments ['--table', 'a b']\ncounted 1000\n", False)
    assert (output.error, output.error_trace) == (None, None)
    assert output.metadata is not None
    assert state_of(output.metadata).result_state == RunResultState.SUCCESS


def test_a_failing_script_gives_its_error_and_its_traceback(
    workspace: WorkspaceClient, scripts: dict[str, str]
) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts["fail"])))
    state = state_of(run)
    assert (state.life_cycle_state, state.result_state) == (RunLifeCycleState.INTERNAL_ERROR, RunResultState.FAILED)
    assert state.state_message == "Task main failed with message: Workload failed, see run output for details."
    assert run.tasks is not None
    task_state = state_of(run.tasks[0])
    assert (task_state.life_cycle_state, task_state.result_state) == (
        RunLifeCycleState.TERMINATED,
        RunResultState.FAILED,
    )
    output = workspace.jobs.get_run_output(task_ids(run)["main"])
    assert output.error == "ValueError: table customer has no contract"
    assert output.error_trace is not None
    assert output.logs is not None
    lines = output.error_trace.splitlines()
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", output.error)
    assert lines[1] == f'  File "{scripts["fail"]}", line 5, in <module>'
    assert output.logs == "before\n" + output.error_trace


@pytest.mark.parametrize(
    ("script", "error", "log"),
    [
        ("exit_three", "SystemExit: 3", "giving up\n"),
        (
            "exit_message",
            "SystemExit: contract customer.odcs.yaml: no such file",
            "contract customer.odcs.yaml: no such file\n",
        ),
        ("killed", "The Python process was ended by SIGKILL, perhaps for want of memory.", ""),
    ],
)
def test_an_exit_status_other_than_zero_is_a_failure(
    workspace: WorkspaceClient, scripts: dict[str, str], script: str, error: str, log: str
) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts[script])))
    output = workspace.jobs.get_run_output(task_ids(run)["main"])
    assert (state_of(run).result_state, output.error, output.logs) == (RunResultState.FAILED, error, log)


def test_only_the_end_of_a_very_long_log_is_given(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts["long_log"])))
    output = workspace.jobs.get_run_output(task_ids(run)["main"])
    assert output.logs is not None
    assert (len(output.logs), output.logs_truncated) == (5 * 1024 * 1024, True)
    assert output.logs.splitlines()[-1].startswith("0079999 ")


def test_tasks_run_after_what_they_depend_on(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    after = [TaskDependency(task_key="first")]
    run = ended_run(
        workspace,
        submit(
            workspace,
            python_task(scripts["count"], task_key="second", depends_on=after),
            python_task(scripts["plain"], task_key="first"),
        ),
    )
    times = {task.task_key: task for task in run.tasks or []}
    assert state_of(run).result_state == RunResultState.SUCCESS
    first_end, second = times["first"].end_time, times["second"]
    assert first_end is not None
    assert second.end_time is not None
    assert second.execution_duration is not None
    assert second.end_time - second.execution_duration >= first_end


def test_tasks_below_a_failed_one_are_not_run(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run = ended_run(
        workspace,
        submit(
            workspace,
            python_task(scripts["fail"], task_key="first"),
            python_task(scripts["plain"], task_key="second", depends_on=[TaskDependency(task_key="first")]),
        ),
    )
    results = {task.task_key: state_of(task).result_state for task in run.tasks or []}
    assert results == {"first": RunResultState.FAILED, "second": RunResultState.UPSTREAM_FAILED}
    assert state_of(run).state_message.startswith("Task first failed with message: Workload failed")
    assert workspace.jobs.get_run_output(task_ids(run)["second"]).logs == ""


def test_cancel_stops_the_work_inside_spark(workspace: WorkspaceClient, scripts: dict[str, str], soak: bool) -> None:
    for _ in range(20 if soak else 1):
        run_id = submit(workspace, python_task(scripts["hog"]))
        wait_for(hogging(workspace, run_id), 60, "the job takes all of Spark")
        workspace.jobs.cancel_run(run_id)
        state = state_of(ended_run(workspace, run_id))
        assert (state.life_cycle_state, state.result_state) == (RunLifeCycleState.TERMINATED, RunResultState.CANCELED)
        assert state.user_cancelled_or_timedout
        # Both slots of the driver were taken: this one ends only if they are free again.
        after = ended_run(workspace, submit(workspace, python_task(scripts["count"])), 20)
        assert state_of(after).result_state == RunResultState.SUCCESS
        workspace.jobs.cancel_run(run_id)
        assert state_of(workspace.jobs.get_run(run_id)) == state


def test_only_so_many_tasks_run_at_once(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run_id = submit(workspace, *(python_task(scripts["hog"], task_key=key) for key in "abc"))

    def life_cycles() -> list[RunLifeCycleState]:
        return [state_of(task).life_cycle_state for task in workspace.jobs.get_run(run_id).tasks or []]

    two_of_three = [RunLifeCycleState.RUNNING, RunLifeCycleState.RUNNING, RunLifeCycleState.QUEUED]
    wait_for(lambda: life_cycles() == two_of_three, 60, "two tasks run and one waits")
    workspace.jobs.cancel_run(run_id)
    run = ended_run(workspace, run_id)
    assert [state_of(task).result_state for task in run.tasks or []] == [RunResultState.CANCELED] * 3


@pytest.mark.parametrize("level", ["run", "task"])
def test_a_run_that_takes_too_long_is_stopped(workspace: WorkspaceClient, scripts: dict[str, str], level: str) -> None:
    if level == "run":
        run_id = submit(workspace, python_task(scripts["hog"]), timeout_seconds=2)
    else:
        run_id = submit(workspace, python_task(scripts["hog"], timeout_seconds=2))
    run = ended_run(workspace, run_id, 20)
    assert (state_of(run).result_state, state_of(run).state_message) == (
        RunResultState.TIMEDOUT,
        "Run timed out after 2 seconds.",
    )
    assert workspace.jobs.get_run_output(task_ids(run)["main"]).error == "Run timed out after 2 seconds."


def test_the_same_idempotency_token_gives_the_same_run(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    task = python_task(scripts["plain"])
    run_id = submit(workspace, task, idempotency_token="once")
    assert submit(workspace, task, idempotency_token="once") == run_id
    ended_run(workspace, run_id)
    workspace.jobs.delete_run(run_id)
    with pytest.raises(InvalidParameterValue, match="has been deleted"):
        submit(workspace, task, idempotency_token="once")
    with pytest.raises(ResourceDoesNotExist, match=f"Run {run_id} does not exist"):
        workspace.jobs.get_run(run_id)


def test_runs_are_listed_by_pages_newest_first(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    ids = [submit(workspace, python_task(scripts["plain"])) for _ in range(3)]
    for run_id in ids:
        ended_run(workspace, run_id)
    listed = [run.run_id for run in workspace.jobs.list_runs(limit=1, completed_only=True)]
    assert listed[:3] == ids[::-1]
    assert list(workspace.jobs.list_runs(active_only=True)) == []
    expanded = next(iter(workspace.jobs.list_runs(limit=1, expand_tasks=True)))
    assert [task.task_key for task in expanded.tasks or []] == ["main"]


def test_a_wheel_task_runs_its_entry_point(workspace: WorkspaceClient, tmp_path: Path) -> None:
    wheel = write_wheel(
        tmp_path, "tiny-job", "1.0", {"report": "tiny_job:run_report"}, {"tiny_job/__init__.py": TINY_JOB}
    )
    named = PythonWheelTask(package_name="tiny-job", entry_point="report", named_parameters={"table": "sales"})
    by_function = PythonWheelTask(package_name="tiny_job", entry_point="main", parameters=["x"])
    run = ended_run(
        workspace,
        submit(
            workspace,
            SubmitTask(task_key="named", environment_key="default", python_wheel_task=named),
            SubmitTask(
                task_key="function",
                existing_cluster_id="local",
                python_wheel_task=by_function,
                libraries=[Library(whl=str(wheel))],
            ),
            environments=[
                JobEnvironment(environment_key="default", spec=Environment(client="4", dependencies=[str(wheel)]))
            ],
        ),
    )
    logs = {key: workspace.jobs.get_run_output(task_id).logs for key, task_id in task_ids(run).items()}
    assert logs == {"named": "report ['--table=sales'] 10\n", "function": "main ['x']\n"}


TINY_JOB = b"""
import sys
def main():
    print('main', sys.argv[1:])
def run_report():
    from pyspark.sql import SparkSession
    print('report', sys.argv[1:], SparkSession.builder.getOrCreate().range(10).count())
"""


@pytest.mark.parametrize("limit", ["run", "task"])
def test_a_run_that_cannot_even_be_started_fails_and_the_next_one_works(
    workspace: WorkspaceClient, scripts: dict[str, str], limit: str
) -> None:
    # No file system has a name this long, and no queue waits for as long as this timeout.
    never = {"run": {"timeout_seconds": 2**31 - 1}, "task": {}}[limit]
    task = python_task(f"/{'x' * 5_000}.py", **({} if never else {"timeout_seconds": 2**31 - 1}))
    run = ended_run(workspace, submit(workspace, task, **never))
    assert state_of(run).result_state == RunResultState.FAILED
    assert "could not be started: [Errno 36] File name too long" in state_of(run).state_message
    after = ended_run(workspace, submit(workspace, python_task(scripts["plain"]), **never))
    assert state_of(after).result_state == RunResultState.SUCCESS


def test_a_missing_script_or_wheel_fails_the_run_and_is_named(
    workspace: WorkspaceClient, scripts: dict[str, str]
) -> None:
    script = ended_run(workspace, submit(workspace, python_task("/nowhere/silver.py")))
    assert "Cannot read the python file /nowhere/silver.py" in state_of(script).state_message
    library = [Library(whl="/nowhere/a-1-py3-none-any.whl")]
    wheel = ended_run(workspace, submit(workspace, python_task(scripts["plain"], libraries=library)))
    assert "Library installation failed: wheel /nowhere/a-1-py3-none-any.whl" in state_of(wheel).state_message


def test_output_is_asked_for_task_by_task(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts["plain"])))
    with pytest.raises(InvalidParameterValue, match="retrieve the output of each individual task run"):
        workspace.jobs.get_run_output(run.run_id or 0)


def test_a_run_waits_in_its_jobs_queue_while_as_many_as_the_job_allows_are_in_flight(
    workspace: WorkspaceClient, scripts: dict[str, str]
) -> None:
    task = Task(
        task_key="main",
        existing_cluster_id="local",
        spark_python_task=SparkPythonTask(python_file=scripts["waits_for"], parameters=["{{job.parameters.file}}"]),
    )
    made = workspace.jobs.create(
        name="one at a time",
        tasks=[task],
        max_concurrent_runs=1,
        queue=QueueSettings(enabled=True),
        parameters=[JobParameterDefinition(name="file", default="/")],
    )
    job_id = made.job_id or 0
    assert [job.job_id for job in workspace.jobs.list(name="one at a time")] == [job_id]
    signal_file = Path(scripts["waits_for"]).with_name("go")
    first = workspace.jobs.run_now(job_id, job_parameters={"file": str(signal_file)})
    second = workspace.jobs.run_now(job_id)

    def life_cycles() -> list[RunLifeCycleState]:
        return [state_of(workspace.jobs.get_run(one.run_id)).life_cycle_state for one in (first, second)]

    wait_for(lambda: life_cycles() == [RunLifeCycleState.RUNNING, RunLifeCycleState.QUEUED], 60, "the second is queued")
    # A run beside it is not of the job.
    assert state_of(ended_run(workspace, submit(workspace, python_task(scripts["plain"])))).result_state == (
        RunResultState.SUCCESS
    )
    assert life_cycles() == [RunLifeCycleState.RUNNING, RunLifeCycleState.QUEUED]

    signal_file.touch()

    ends = [ended_run(workspace, one.run_id) for one in (first, second)]
    assert [state_of(run).result_state for run in ends] == [RunResultState.SUCCESS] * 2
    assert [run.run_type for run in ends] == [RunType.JOB_RUN] * 2
    workspace.jobs.delete(job_id)
    assert list(workspace.jobs.list(name="one at a time")) == []


def test_what_is_not_supported_is_refused_by_name(workspace: WorkspaceClient) -> None:
    notebook = SubmitTask(task_key="n", existing_cluster_id="c", notebook_task=NotebookTask(notebook_path="/n"))
    with pytest.raises(InvalidParameterValue, match=r"tasks\[0\]\.notebook_task is not supported"):
        submit(workspace, notebook)
    with pytest.raises(InvalidParameterValue, match="run_as is not supported"):
        submit(workspace, python_task("/x.py"), run_as=JobRunAs(user_name="somebody@example.com"))
    with pytest.raises(NotFound, match=r"No API found for 'POST /api/2\.2/jobs/reset'"):
        workspace.jobs.reset(1, JobSettings(name="job"))
    with pytest.raises(NotFound, match=r"No API found for 'POST /api/2\.2/jobs/runs/repair'"):
        workspace.jobs.repair_run(1, rerun_all_failed_tasks=True)


def test_an_active_run_cannot_be_deleted(workspace: WorkspaceClient, scripts: dict[str, str]) -> None:
    run_id = submit(workspace, python_task(scripts["hog"]))
    with pytest.raises(InvalidState, match="still active"):
        workspace.jobs.delete_run(run_id)
    workspace.jobs.cancel_run(run_id)
    assert state_of(ended_run(workspace, run_id)).result_state == RunResultState.CANCELED


def test_a_wrong_or_missing_token_is_refused(server: RunningServer) -> None:
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        WorkspaceClient(host=server.url, token="wrong", auth_type="pat").jobs.get_run(1)
    request = urllib.request.Request(f"{server.url}/api/2.2/jobs/runs/get?run_id=1")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 401


def test_the_spark_versions_are_told_and_one_is_selected(workspace: WorkspaceClient) -> None:
    versions = workspace.clusters.spark_versions().versions or []
    assert [version.key for version in versions] == ["18.x-scala2.13", "16.4.x-scala2.12"]
    assert workspace.clusters.select_spark_version(long_term_support=True, scala="2.13") == "18.x-scala2.13"
    assert workspace.clusters.select_spark_version(long_term_support=True) == "16.4.x-scala2.12"


def test_the_caller_has_a_name(workspace: WorkspaceClient) -> None:
    me = workspace.current_user.me()
    assert (me.user_name, me.active) == ("local", True)


def test_the_run_page_shows_the_log_to_who_has_its_address(
    workspace: WorkspaceClient, server: RunningServer, scripts: dict[str, str]
) -> None:
    run = ended_run(workspace, submit(workspace, python_task(scripts["count"], "<script>")))
    address = run.run_page_url or ""
    assert address.startswith(f"{server.url}/runs/{run.run_id}?key=")
    page = urllib.request.urlopen(address).read().decode()
    assert "TERMINATED SUCCESS" in page
    assert "arguments [&#x27;&lt;script&gt;&#x27;]" in page
    assert 'http-equiv="refresh"' not in page
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address[:-1])
    assert refused.value.code == 403


def test_when_the_driver_dies_the_run_fails_and_the_next_one_works(
    workspace: WorkspaceClient, server: RunningServer, scripts: dict[str, str]
) -> None:
    run_id = submit(workspace, python_task(scripts["hog"]))
    wait_for(hogging(workspace, run_id), 60, "the job takes all of Spark")
    os.kill(server.driver_id, signal.SIGKILL)
    run = ended_run(workspace, run_id, 20)
    assert state_of(run).result_state == RunResultState.FAILED
    assert "The Spark driver ended unexpectedly (signal 9)" in state_of(run).state_message
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.termination_details.code == TerminationCodeCode.DRIVER_ERROR
    after = ended_run(workspace, submit(workspace, python_task(scripts["count"])), 120)
    assert state_of(after).result_state == RunResultState.SUCCESS


def test_when_the_interpreters_die_the_run_fails_and_the_next_one_works(
    workspace: WorkspaceClient, server: RunningServer, scripts: dict[str, str]
) -> None:
    run_id = submit(workspace, python_task(scripts["hog"]))
    wait_for(hogging(workspace, run_id), 60, "the job takes all of Spark")
    interpreters = [pid for pid, command in descendants(server.process_id).items() if "interpreter_zygote" in command]
    os.kill(min(interpreters), signal.SIGKILL)
    run = ended_run(workspace, run_id, 60)
    assert state_of(run).result_state == RunResultState.FAILED
    wait_for(lambda: not any(is_alive(pid) for pid in interpreters), 60, "no interpreter is left")
    after = ended_run(workspace, submit(workspace, python_task(scripts["count"])), 60)
    assert state_of(after).result_state == RunResultState.SUCCESS
