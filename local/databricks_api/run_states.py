"""The state machine of the Jobs API, as pure functions over values.

A task run begins as PENDING (or BLOCKED, where it depends on others), may be RUNNING and TERMINATING, and ends as
TERMINATED, SKIPPED or INTERNAL_ERROR. The state of a run follows from the states of its tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from databricks.sdk.service.jobs import RunIf, RunLifeCycleState, RunResultState

LifeCycle = RunLifeCycleState
Result = RunResultState

TERMINAL = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})
WAITING = frozenset({LifeCycle.BLOCKED, LifeCycle.PENDING, LifeCycle.QUEUED})
FAILURES = frozenset({Result.FAILED, Result.TIMEDOUT, Result.UPSTREAM_FAILED})
CANCELLATIONS = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})

WORKLOAD_FAILED = "Workload failed, see run output for details."


@dataclass(frozen=True)
class State:
    """State of a task run or of a run; `code` is the `termination_details.code` of an ended one."""

    life_cycle: LifeCycle
    result: Result | None = None
    message: str = ""
    code: str = ""

    @property
    def is_terminal(self) -> bool:
        """True once nothing changes any more."""
        return self.life_cycle in TERMINAL

    @property
    def is_waiting(self) -> bool:
        """True while nothing has been started."""
        return self.life_cycle in WAITING


def pending(message: str = "") -> State:
    """Ready to run, but not started yet; the message says what it waits for."""
    return State(LifeCycle.PENDING, message=message)


def queued() -> State:
    """Ready to run, but all slots are taken by other tasks."""
    return State(LifeCycle.QUEUED, message="Waiting for a free slot (--max-concurrent-tasks).")


def blocked() -> State:
    """Waits for the tasks that it depends on."""
    return State(LifeCycle.BLOCKED)


def running() -> State:
    """In execution."""
    return State(LifeCycle.RUNNING, message="In run")


def terminating(message: str) -> State:
    """Being stopped."""
    return State(LifeCycle.TERMINATING, message=message)


def succeeded() -> State:
    """Ended with exit status 0."""
    return State(LifeCycle.TERMINATED, Result.SUCCESS, "", "SUCCESS")


def workload_failed() -> State:
    """The task's own code failed; its error is in the run's output."""
    return State(LifeCycle.TERMINATED, Result.FAILED, WORKLOAD_FAILED, "RUN_EXECUTION_ERROR")


def could_not_run(message: str, code: str) -> State:
    """The task could not be started or carried on, for a reason outside its code (`code`: e.g. DRIVER_ERROR)."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, code)


def canceled() -> State:
    """Stopped at a user's request."""
    return State(LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.", "USER_CANCELED")


def timed_out(seconds: int) -> State:
    """Stopped because it took longer than its `timeout_seconds`."""
    return State(LifeCycle.TERMINATED, Result.TIMEDOUT, f"Run timed out after {seconds} seconds.", "CANCELED")


def upstream_failed() -> State:
    """Never started, because a task that it depends on failed."""
    return State(
        LifeCycle.SKIPPED, Result.UPSTREAM_FAILED, "An upstream task failed, so this task was not run.", "SKIPPED"
    )


def upstream_canceled() -> State:
    """Never started, because a task that it depends on was cancelled."""
    return State(
        LifeCycle.SKIPPED,
        Result.UPSTREAM_CANCELED,
        "An upstream task was cancelled, so this task was not run.",
        "SKIPPED",
    )


def excluded() -> State:
    """Never started, because its `run_if` condition was not met."""
    return State(LifeCycle.SKIPPED, Result.EXCLUDED, "The run_if condition was not met.", "SKIPPED")


def after_dependencies(run_if: RunIf, dependencies: Iterable[State]) -> State:
    """State of a blocked task, given the states of all tasks that it depends on.

    BLOCKED while one of them is not over, else PENDING where `run_if` holds, else skipped with the reason.
    """
    states = list(dependencies)
    if not all(state.is_terminal for state in states):
        return blocked()
    results = [state.result for state in states]
    failures = [result in FAILURES for result in results]
    successes = [result == Result.SUCCESS for result in results]
    canceled_ones = [result in CANCELLATIONS for result in results]
    met = {
        RunIf.ALL_SUCCESS: all(successes),
        RunIf.AT_LEAST_ONE_SUCCESS: any(successes) or not results,
        RunIf.NONE_FAILED: not any(failures) and not any(canceled_ones),
        RunIf.ALL_DONE: True,
        RunIf.AT_LEAST_ONE_FAILED: any(failures),
        RunIf.ALL_FAILED: all(failures),
    }[run_if]
    if met:
        return pending()
    if run_if in {RunIf.ALL_SUCCESS, RunIf.NONE_FAILED, RunIf.AT_LEAST_ONE_SUCCESS}:
        if any(failures):
            return upstream_failed()
        if any(canceled_ones):
            return upstream_canceled()
    return excluded()


def run_state(tasks: Mapping[str, State], dependencies: Mapping[str, Sequence[str]]) -> State:
    """State of a run, given the states of its tasks and what each of them depends on, both by task key.

    As on the real platform: the tasks that nothing depends on decide. A failed run has the life cycle INTERNAL_ERROR,
    although its failed task is TERMINATED.
    """
    if not all(state.is_terminal for state in tasks.values()):
        return _state_in_flight(tasks.values())
    needed = {key for keys in dependencies.values() for key in keys}
    leaves = [state.result for key, state in tasks.items() if key not in needed]
    by_result = {result: key for key, state in reversed(list(tasks.items())) if (result := state.result) is not None}
    if any(result in FAILURES for result in leaves):
        if Result.FAILED in by_result:
            return _run_failed(by_result[Result.FAILED], tasks)
        return tasks[by_result[Result.TIMEDOUT]]
    if any(result in CANCELLATIONS for result in leaves):
        return canceled()
    if any(state.result in FAILURES for state in tasks.values()):
        return State(LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES, "", "SUCCESS_WITH_FAILURES")
    return succeeded()


def _state_in_flight(states: Iterable[State]) -> State:
    unfinished = {state.life_cycle: state for state in states}
    for life_cycle in (LifeCycle.TERMINATING, LifeCycle.RUNNING):
        if life_cycle in unfinished:
            return unfinished[life_cycle]
    if not TERMINAL.isdisjoint(unfinished):
        return running()
    return unfinished.get(LifeCycle.PENDING) or unfinished.get(LifeCycle.QUEUED) or blocked()


def _run_failed(task_key: str, tasks: Mapping[str, State]) -> State:
    task = tasks[task_key]
    message = f"Task {task_key} failed with message: {task.message.rstrip('.')}."
    if any(state.result == Result.UPSTREAM_FAILED for state in tasks.values()):
        message += " This caused all downstream tasks to get skipped."
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, task.code)
