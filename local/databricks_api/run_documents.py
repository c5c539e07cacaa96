"""The JSON documents in which the API shows runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from databricks.sdk.service.jobs import (
    ClusterInstance,
    Run,
    RunIf,
    RunLifecycleStateV2State,
    RunOutput,
    RunState,
    RunStatus,
    RunTask,
    RunType,
    TerminationCodeCode,
    TerminationDetails,
    TerminationTypeType,
    TriggerType,
)

from local.databricks_api.page_addresses import PageAddresses
from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.run_states import LifeCycle, Result, State

TASKS_PER_PAGE = 100
_ENDED = frozenset({LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})
_TYPE_OF_CODE = {
    "SUCCESS": TerminationTypeType.SUCCESS,
    "SUCCESS_WITH_FAILURES": TerminationTypeType.SUCCESS,
    "INTERNAL_ERROR": TerminationTypeType.INTERNAL_ERROR,
    "DRIVER_ERROR": TerminationTypeType.INTERNAL_ERROR,
}


def run_state(state: State) -> RunState:
    """The `state` field (the older form)."""
    return RunState(
        life_cycle_state=state.life_cycle,
        result_state=state.result,
        state_message=state.message,
        user_cancelled_or_timedout=state.result in {Result.CANCELED, Result.TIMEDOUT},
    )


def run_status(state: State) -> RunStatus:
    """The `status` field (the newer form)."""
    name = "TERMINATED" if state.life_cycle in _ENDED else state.life_cycle.value
    status = RunStatus(state=RunLifecycleStateV2State(name))
    if state.is_terminal:
        kind = _TYPE_OF_CODE.get(state.code, TerminationTypeType.CLIENT_ERROR)
        status.termination_details = TerminationDetails(TerminationCodeCode(state.code), state.message, kind)
    return status


def run_task(task: TaskRun, pages: PageAddresses) -> RunTask:
    """One entry of `tasks`: the task as submitted, and how it goes."""
    return replace(
        RunTask.from_dict(task.spec.as_dict()),
        run_id=task.run_id,
        run_if=task.spec.run_if or RunIf.ALL_SUCCESS,
        cluster_instance=ClusterInstance(cluster_id="local"),
        run_page_url=pages.run(task.job_run_id),
        **_progress(task),
    )


def run_type(run: JobRun) -> RunType:
    """Whether a run was submitted by itself or is one of a deployed job."""
    return RunType.JOB_RUN if run.submission.is_of_job else RunType.SUBMIT_RUN


def run_document(run: JobRun, pages: PageAddresses, tasks: Sequence[TaskRun], next_page_token: str = "") -> Run:
    """A run as `runs/get` and `runs/list` show it, with these of its tasks."""
    return Run(
        job_id=run.job_id,
        run_id=run.run_id,
        number_in_job=run.run_id,
        job_run_id=run.run_id,
        original_attempt_run_id=run.run_id,
        creator_user_name="local",
        run_name=run.submission.run_name,
        run_type=run_type(run),
        trigger=TriggerType.ONE_TIME,
        job_parameters=list(run.submission.job_parameters) or None,
        run_page_url=pages.run(run.run_id),
        state=run_state(run.state),
        status=run_status(run.state),
        start_time=run.start_time,
        end_time=run.end_time,
        run_duration=run.end_time - run.start_time if run.end_time else 0,
        setup_duration=0,
        execution_duration=0,
        cleanup_duration=0,
        tasks=[run_task(task, pages) for task in tasks],
        next_page_token=next_page_token or None,
    )


def task_run_document(run: JobRun, task: TaskRun, pages: PageAddresses) -> Run:
    """A task run as `runs/get` shows it when asked by the task run's own id, and `metadata` of its output."""
    return replace(
        run_document(run, pages, [task]),
        run_id=task.run_id,
        number_in_job=task.run_id,
        original_attempt_run_id=task.run_id,
        run_name=task.spec.task_key,
        **_progress(task),
    )


def run_output(run: JobRun, task: TaskRun, pages: PageAddresses, logs: str, logs_truncated: bool) -> RunOutput:
    """What `runs/get-output` answers for a task run."""
    return RunOutput(
        metadata=task_run_document(run, task, pages),
        logs=logs,
        logs_truncated=logs_truncated,
        error=task.error or None,
        error_trace=task.error_trace or None,
    )


def _progress(task: TaskRun) -> dict[str, Any]:
    started = task.execution_start or task.end_time
    return {
        "attempt_number": 0,
        "state": run_state(task.state),
        "status": run_status(task.state),
        "start_time": task.start_time,
        "end_time": task.end_time,
        "setup_duration": max(0, started - task.start_time) if started else 0,
        "execution_duration": task.end_time - task.execution_start if task.execution_start and task.end_time else 0,
        "cleanup_duration": 0,
    }
