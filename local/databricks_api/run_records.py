"""What the server knows of a run and of its task runs at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from databricks.sdk.service.jobs import RunIf, SubmitTask

from local.databricks_api.run_states import State
from local.databricks_api.submission import Submission, dependencies_of


@dataclass(frozen=True)
class TaskRun:
    """One task of a run; `spec` is the task as submitted.

    Times are milliseconds since 1970-01-01 UTC, 0 for not yet.
    """

    run_id: int
    job_run_id: int
    spec: SubmitTask
    state: State
    start_time: int
    execution_start: int = 0
    end_time: int = 0
    error: str = ""
    error_trace: str = ""

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Keys of the tasks that must have ended before this one."""
        return dependencies_of(self.spec)

    @property
    def run_if(self) -> RunIf:
        """When the task runs, given how those ended."""
        return self.spec.run_if or RunIf.ALL_SUCCESS

    @property
    def timeout_seconds(self) -> int:
        """Seconds after which the task is stopped, 0 for never."""
        return self.spec.timeout_seconds or 0


@dataclass(frozen=True)
class JobRun:
    """One submitted run with its tasks, in the order in which they were submitted."""

    run_id: int
    job_id: int
    submission: Submission
    state: State
    start_time: int
    end_time: int
    tasks: tuple[TaskRun, ...]

    def task(self, run_id: int) -> TaskRun:
        """The task run with this id.

        Raises:
            KeyError: the run has no such task run.
        """
        for task in self.tasks:
            if task.run_id == run_id:
                return task
        raise KeyError(run_id)
