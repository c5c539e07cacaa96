from __future__ import annotations

import pytest
from databricks.sdk.service.jobs import RunIf
from hypothesis import given
from hypothesis import strategies as st

from local.databricks_api.run_states import (
    LifeCycle,
    Result,
    State,
    after_dependencies,
    blocked,
    canceled,
    could_not_run,
    excluded,
    pending,
    queued,
    run_state,
    running,
    succeeded,
    terminating,
    timed_out,
    upstream_canceled,
    upstream_failed,
    workload_failed,
)

ENDINGS = [succeeded(), workload_failed(), timed_out(5), canceled(), could_not_run("no driver", "DRIVER_ERROR")]


def test_a_task_stays_blocked_until_all_its_dependencies_have_ended() -> None:
    assert after_dependencies(RunIf.ALL_SUCCESS, [succeeded(), running()]) == blocked()
    assert after_dependencies(RunIf.AT_LEAST_ONE_FAILED, [workload_failed(), pending()]) == blocked()


@pytest.mark.parametrize(
    ("run_if", "dependencies", "expected"),
    [
        (RunIf.ALL_SUCCESS, [succeeded(), succeeded()], pending()),
        (RunIf.ALL_SUCCESS, [succeeded(), workload_failed()], upstream_failed()),
        (RunIf.ALL_SUCCESS, [succeeded(), timed_out(1)], upstream_failed()),
        (RunIf.ALL_SUCCESS, [upstream_failed()], upstream_failed()),
        (RunIf.ALL_SUCCESS, [succeeded(), canceled()], upstream_canceled()),
        (RunIf.ALL_SUCCESS, [excluded()], excluded()),
        (RunIf.ALL_DONE, [workload_failed(), canceled()], pending()),
        (RunIf.NONE_FAILED, [succeeded(), excluded()], pending()),
        (RunIf.NONE_FAILED, [succeeded(), workload_failed()], upstream_failed()),
        (RunIf.AT_LEAST_ONE_SUCCESS, [workload_failed(), succeeded()], pending()),
        (RunIf.AT_LEAST_ONE_SUCCESS, [workload_failed(), workload_failed()], upstream_failed()),
        (RunIf.AT_LEAST_ONE_FAILED, [workload_failed(), succeeded()], pending()),
        (RunIf.AT_LEAST_ONE_FAILED, [succeeded(), succeeded()], excluded()),
        (RunIf.ALL_FAILED, [workload_failed(), timed_out(1)], pending()),
        (RunIf.ALL_FAILED, [workload_failed(), succeeded()], excluded()),
    ],
)
def test_run_if_decides_what_becomes_of_a_task(run_if: RunIf, dependencies: list[State], expected: State) -> None:
    assert after_dependencies(run_if, dependencies) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([pending(), blocked()], LifeCycle.PENDING),
        ([queued(), blocked()], LifeCycle.QUEUED),
        ([running(), pending()], LifeCycle.RUNNING),
        ([succeeded(), pending()], LifeCycle.RUNNING),
        ([terminating("Run cancelled."), running()], LifeCycle.TERMINATING),
    ],
)
def test_a_run_in_flight_shows_how_far_its_tasks_are(states: list[State], expected: LifeCycle) -> None:
    state = run_state({str(number): state for number, state in enumerate(states)}, {})
    assert (state.life_cycle, state.result) == (expected, None)


def test_a_failed_run_is_an_internal_error_that_names_the_task() -> None:
    assert run_state({"load": workload_failed()}, {}) == State(
        LifeCycle.INTERNAL_ERROR,
        Result.FAILED,
        "Task load failed with message: Workload failed, see run output for details.",
        "RUN_EXECUTION_ERROR",
    )


def test_a_failed_run_names_the_task_that_failed_first_and_says_that_others_were_skipped() -> None:
    state = run_state({"a": workload_failed(), "b": upstream_failed()}, {"b": ["a"]})
    assert state.message == (
        "Task a failed with message: Workload failed, see run output for details. "
        "This caused all downstream tasks to get skipped."
    )


@pytest.mark.parametrize(
    ("tasks", "dependencies", "expected"),
    [
        ({"a": succeeded()}, {}, succeeded()),
        ({"a": canceled()}, {}, canceled()),
        ({"a": canceled(), "b": upstream_canceled()}, {"b": ["a"]}, canceled()),
        ({"a": timed_out(7)}, {}, timed_out(7)),
        ({"a": timed_out(7), "b": upstream_failed()}, {"b": ["a"]}, timed_out(7)),
        ({"a": succeeded(), "b": excluded()}, {"b": ["a"]}, succeeded()),
        (
            {"a": workload_failed(), "b": succeeded()},
            {"b": ["a"]},
            State(LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES, "", "SUCCESS_WITH_FAILURES"),
        ),
    ],
)
def test_an_ended_run_takes_its_result_from_the_tasks_nothing_depends_on(
    tasks: dict[str, State], dependencies: dict[str, list[str]], expected: State
) -> None:
    assert run_state(tasks, dependencies) == expected


@given(st.data(), st.integers(1, 7))
def test_every_graph_of_tasks_comes_to_an_end_and_nothing_runs_below_a_failure(data: st.DataObject, size: int) -> None:
    keys = [f"t{number}" for number in range(size)]
    dependencies = {
        key: sorted(data.draw(st.sets(st.sampled_from(keys[:number])))) if number else []
        for number, key in enumerate(keys)
    }
    states = {key: blocked() if dependencies[key] else pending() for key in keys}
    for key in keys:
        if states[key] == blocked():
            states[key] = after_dependencies(RunIf.ALL_SUCCESS, [states[other] for other in dependencies[key]])
        assert not run_state(states, dependencies).is_terminal or states[key].is_terminal
        if states[key] == pending():
            assert all(states[other] == succeeded() for other in dependencies[key])
            states[key] = data.draw(st.sampled_from(ENDINGS))
    end = run_state(states, dependencies)
    assert end.is_terminal
    assert (end == succeeded()) == all(state == succeeded() for state in states.values())
    assert end.result in {Result.SUCCESS, Result.FAILED, Result.TIMEDOUT, Result.CANCELED}
