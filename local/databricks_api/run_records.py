"""What the server knows of a run and of its task runs at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.databricks_api.run_states import State
from local.databricks_api.submission import Submission, TaskSpec


@dataclass(frozen=True)
class TaskRun:
    """One task of a run. Times are milliseconds since 1970-01-01 UTC, 0 for not yet."""

    run_id: int
    job_run_id: int
    spec: TaskSpec
    state: State
    start_time: int
    execution_start: int = 0
    end_time: int = 0
    error: str = ""
    error_trace: str = ""


@dataclass(frozen=True)
class JobRun:
    """One submitted run with its tasks, in the order in which they were submitted."""

    run_id: int
    job_id: int
    body: Mapping[str, Any]
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
