"""Brings runs from state to state: starts tasks whose dependencies are met, stops them, and notes how they ended.

Everything that changes a run happens on one thread, one event after another; other threads only put events in a queue.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from local.databricks_api import run_states
from local.databricks_api.clock import Clock
from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.run_states import LifeCycle, State
from local.databricks_api.run_store import RunStore
from local.databricks_api.settings import ServerSettings
from local.databricks_api.spark_driver import DriverReport, DriverStatus, SparkDriver
from local.databricks_api.submission import PythonFile, PythonWheel, program_of, variables_of, wheels_of
from local.databricks_api.task_files import LibraryError, MissingFileError, read_result, unpack_wheel
from local.databricks_api.task_processes import TaskProcesses
from local.databricks_api.task_program import TaskRequest

SESSION_END_SECONDS = 60
STOPPED_IN_FLIGHT = "The local Databricks API was stopped while this run was in flight. Submit it again."
WAITING_FOR_DRIVER = "Waiting for the Spark driver to start."

_log = logging.getLogger(__name__)


class Scheduler:
    """Runs the tasks of all submitted runs, at most `max_concurrent_tasks` at a time, oldest run first."""

    def __init__(
        self,
        settings: ServerSettings,
        store: RunStore,
        processes: TaskProcesses,
        environment: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """Prepare; tasks are given `environment` and what they need to find Spark."""
        self._settings = settings
        self._store = store
        self._processes = processes
        self._environment = environment
        self._clock = clock
        self._events: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)
        self._driver: SparkDriver | None = None
        self._driver_status = DriverStatus.STARTING
        self._runs: dict[int, JobRun] = {}
        # Task run id -> the state that it gets once its process is gone.
        self._ending: dict[int, State] = {}
        # Id of a process that ends a Spark session -> when to give up.
        self._session_ends: dict[str, int] = {}

    def start(self, driver: SparkDriver) -> None:
        """Begin to work. Runs that were in flight when an earlier server ended are reported as failed."""
        self._driver = driver
        for run in self._store.in_flight():
            lost = run_states.could_not_run(STOPPED_IN_FLIGHT, "INTERNAL_ERROR")
            for task in run.tasks:
                if not task.state.is_terminal:
                    run = self._changed(run, task.run_id, state=lost, error=STOPPED_IN_FLIGHT)
            self._store.save(run)
        self._thread.start()

    def stop(self) -> None:
        """Start nothing any more. What is in flight stays so in the store; the next start reports it as failed."""
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def driver_status(self) -> DriverStatus:
        """Whether tasks can run now."""
        return self._driver_status

    def submitted(self, run_id: int) -> None:
        """A new run is in the store."""
        self._events.put(lambda: self._take_up(run_id))

    def cancel(self, run_id: int) -> None:
        """Stop a run, or one task of a run; one that has ended already is left as it is."""
        self._events.put(lambda: self._stop_tasks(run_id, run_states.canceled()))

    def driver_reported(self, report: DriverReport) -> None:
        """The Spark driver came up, failed or went away."""
        self._events.put(lambda: self._follow_driver(report))

    def _work(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._seconds_to_next_deadline())
                if event is None:
                    return
            except queue.Empty:
                event = None
            try:
                if event is not None:
                    event()
                self._enforce_deadlines()
                self._advance()
            except Exception:
                _log.exception("The scheduler could not handle an event; other runs go on.")

    def _take_up(self, run_id: int) -> None:
        self._runs[run_id] = self._store.get(run_id)

    def _follow_driver(self, report: DriverReport) -> None:
        self._driver_status = report.status
        if report.status == DriverStatus.FAILED:
            _log.error("%s", report.message)
        if report.status == DriverStatus.READY or not report.message:
            return
        for task_id in self._session_ends:
            self._processes.kill_task(task_id)
        state = run_states.could_not_run(f"{report.message}. Driver log: {self._settings.logs}/", "DRIVER_ERROR")
        for run in list(self._runs.values()):
            for task in run.tasks:
                if task.state.life_cycle == LifeCycle.RUNNING:
                    self._end_process(task, state)
                elif report.status == DriverStatus.FAILED and task.state.is_waiting:
                    self._update(task, state=state, error=state.message)

    def _stop_tasks(self, run_id: int, state: State) -> None:
        for run in list(self._runs.values()):
            for task in run.tasks:
                if run_id not in {run.run_id, task.run_id}:
                    continue
                if task.state.is_waiting:
                    self._update(task, state=state)
                elif task.state.life_cycle == LifeCycle.RUNNING:
                    self._end_process(task, state)

    def _end_process(self, task: TaskRun, state: State) -> None:
        self._ending[task.run_id] = state
        self._update(task, state=run_states.terminating(state.message))
        self._processes.kill_task(str(task.run_id))

    def _deadlines(self) -> list[int]:
        deadlines = list(self._session_ends.values())
        for run in self._runs.values():
            if run.submission.timeout_seconds:
                deadlines.append(run.start_time + run.submission.timeout_seconds * 1000)
            deadlines += [
                task.execution_start + task.timeout_seconds * 1000
                for task in run.tasks
                if task.timeout_seconds and task.state.life_cycle == LifeCycle.RUNNING
            ]
        return deadlines

    def _seconds_to_next_deadline(self) -> float | None:
        deadlines = self._deadlines()
        # A queue waits for some hundred years at most: it is asked again before.
        return min(3600, max(0.05, (min(deadlines) - self._clock()) / 1000)) if deadlines else None

    def _enforce_deadlines(self) -> None:
        now = self._clock()
        for run in list(self._runs.values()):
            seconds = run.submission.timeout_seconds
            if seconds and now >= run.start_time + seconds * 1000:
                self._stop_tasks(run.run_id, run_states.timed_out(seconds))
            for task in run.tasks:
                seconds = task.timeout_seconds
                if seconds and task.execution_start and now >= task.execution_start + seconds * 1000:
                    self._stop_tasks(task.run_id, run_states.timed_out(seconds))
        for task_id, give_up in list(self._session_ends.items()):
            if now >= give_up:
                del self._session_ends[task_id]
                self._processes.kill_task(task_id)

    def _advance(self) -> None:
        for run_id in list(self._runs):
            self._unblock(run_id)
        running = sum(
            task.state.life_cycle in {LifeCycle.RUNNING, LifeCycle.TERMINATING}
            for run in self._runs.values()
            for task in run.tasks
        )
        for run in list(self._runs.values()):
            is_held = self._is_held(run)
            for task in run.tasks:
                if task.state.life_cycle not in {LifeCycle.PENDING, LifeCycle.QUEUED}:
                    continue
                if self._driver_status != DriverStatus.READY:
                    self._await_driver(task)
                elif is_held or running >= self._settings.max_concurrent_tasks:
                    self._update(task, state=run_states.queued())
                else:
                    running += self._launch(task)

    def _is_held(self, run: JobRun) -> bool:
        """Whether so many older runs of its job are in flight that it waits in the job's queue."""
        older = sum(one.job_id == run.job_id and one.run_id < run.run_id for one in self._runs.values())
        return run.submission.is_of_job and older >= run.submission.max_concurrent_runs

    def _unblock(self, run_id: int) -> None:
        settled = False
        while not settled and run_id in self._runs:
            settled = True
            run = self._runs[run_id]
            states = {task.spec.task_key: task.state for task in run.tasks}
            for task in run.tasks:
                if task.state.life_cycle == LifeCycle.BLOCKED:
                    state = run_states.after_dependencies(task.run_if, [states[key] for key in task.depends_on])
                    if state != task.state:
                        self._update(task, state=state)
                        settled = False

    def _await_driver(self, task: TaskRun) -> None:
        self._update(task, state=run_states.pending(WAITING_FOR_DRIVER))
        if self._driver_status == DriverStatus.FAILED and self._driver is not None:
            self._driver_status = DriverStatus.STARTING
            self._driver.start_again()

    def _launch(self, task: TaskRun) -> bool:
        try:
            request = self._request(task)
        except (LibraryError, MissingFileError) as error:
            code = "LIBRARY_INSTALLATION_ERROR" if isinstance(error, LibraryError) else "RESOURCE_NOT_FOUND"
            self._update(task, state=run_states.could_not_run(str(error), code), error=str(error))
            return False
        except Exception as error:
            # It would fail so for ever, and keep all other tasks from being started.
            _log.exception("Task run %s could not be started.", task.run_id)
            message = f"The task could not be started: {error}."
            self._update(task, state=run_states.could_not_run(message, "INTERNAL_ERROR"), error=message)
            return False
        self._update(task, state=run_states.running(), execution_start=self._clock())
        task_run_id = task.run_id
        self._processes.start_task(
            request, lambda status: self._events.put(lambda: self._process_ended(task_run_id, status))
        )
        return True

    def _request(self, task: TaskRun) -> TaskRequest:
        folder = self._settings.task_folder(task.job_run_id, task.run_id)
        (folder / "work").mkdir(parents=True, exist_ok=True)
        program = program_of(task.spec)
        environments = self._runs[task.job_run_id].submission.environments
        wheels = [str(unpack_wheel(wheel, self._settings.wheels)) for wheel in wheels_of(task.spec, environments)]
        python_path = [*([str(program.path.parent)] if isinstance(program, PythonFile) else []), *wheels]
        return TaskRequest(
            task_id=str(task.run_id),
            program=_document(program),
            parameters=program.parameters,
            python_path=tuple(python_path),
            environment={
                **self._environment,
                **variables_of(task.spec),
                "PYTHONPATH": os.pathsep.join(python_path),
                "SPARK_REMOTE": self._remote(task.run_id),
            },
            directory=str(folder / "work"),
            log=str(folder / "log.txt"),
            result=str(folder / "result.json"),
        )

    def _remote(self, task_run_id: int) -> str:
        address = self._driver.address if self._driver is not None else ""
        return f"{address};session_id={_session_id(task_run_id)}"

    def _process_ended(self, task_run_id: int, exit_status: int) -> None:
        task = self._find(task_run_id)
        if task_run_id in self._ending:
            # The work is over only when Spark has dropped it, too.
            self._end_session(task, True, on_end=lambda: self._note_stopped(task_run_id))
        else:
            self._note_outcome(task, exit_status)
            self._end_session(task, exit_status < 0, on_end=lambda: None)

    def _note_outcome(self, task: TaskRun, exit_status: int) -> None:
        if exit_status == 0:
            self._update(task, state=run_states.succeeded())
            return
        folder = self._settings.task_folder(task.job_run_id, task.run_id)
        error, trace = read_result(folder / "result.json")
        self._update(task, state=run_states.workload_failed(), error=error or _ending(exit_status), error_trace=trace)

    def _note_stopped(self, task_run_id: int) -> None:
        state = self._ending.pop(task_run_id)
        self._update(self._find(task_run_id), state=state, error=state.message)

    def _end_session(self, task: TaskRun, is_work_in_flight: bool, on_end: Callable[[], None]) -> None:
        driver = self._driver
        if driver is None or self._driver_status != DriverStatus.READY:
            on_end()
            return
        task_id = f"end-session-{task.run_id}"
        folder = self._settings.task_folder(task.job_run_id, task.run_id)
        self._session_ends[task_id] = self._clock() + SESSION_END_SECONDS * 1000
        program = {"kind": "end_session", "session_id": _session_id(task.run_id)}

        def ended(status: int) -> None:
            self._session_ends.pop(task_id, None)
            if status != 0 and is_work_in_flight and self._driver_status == DriverStatus.READY:
                driver.restart("could not stop the work of a task that was stopped")
            on_end()

        self._processes.start_task(
            TaskRequest(
                task_id=task_id,
                program={**program, "driver_ui": driver.ui_address} if is_work_in_flight else program,
                parameters=(),
                python_path=(),
                environment={**self._environment, "SPARK_REMOTE": self._remote(task.run_id)},
                directory=str(folder),
                log=str(self._settings.logs / "session-ends.log"),
                result=str(folder / "session-end.json"),
            ),
            lambda status: self._events.put(lambda: ended(status)),
        )

    def _find(self, task_run_id: int) -> TaskRun:
        for run in self._runs.values():
            for task in run.tasks:
                if task.run_id == task_run_id:
                    return task
        raise AssertionError(f"task run {task_run_id} has a process but is not in flight")

    def _update(self, task: TaskRun, **changes: Any) -> None:
        run = self._runs[task.job_run_id]
        changed = self._changed(run, task.run_id, **changes)
        if changed == run:
            return
        self._store.save(changed)
        self._runs[run.run_id] = changed
        if changed.state.is_terminal:
            del self._runs[run.run_id]

    def _changed(self, run: JobRun, task_run_id: int, **changes: Any) -> JobRun:
        tasks = tuple(
            self._stamped(replace(task, **changes)) if task.run_id == task_run_id else task for task in run.tasks
        )
        state = run_states.run_state(
            {task.spec.task_key: task.state for task in tasks},
            {task.spec.task_key: task.depends_on for task in tasks},
        )
        return replace(run, tasks=tasks, state=state, end_time=self._clock() if state.is_terminal else 0)

    def _stamped(self, task: TaskRun) -> TaskRun:
        return replace(task, end_time=self._clock()) if task.state.is_terminal else task


def _session_id(task_run_id: int) -> str:
    # Chosen here and not by the task, so that the session can be ended when the task's process is gone.
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"task-run/{task_run_id}"))


def _document(program: PythonFile | PythonWheel) -> dict[str, str]:
    if isinstance(program, PythonWheel):
        return {"kind": "wheel", "package_name": program.package_name, "entry_point": program.entry_point}
    if not program.path.is_file():
        raise MissingFileError(f"Cannot read the python file {program.path}: there is no such file.")
    return {"kind": "file", "path": str(program.path)}


def _ending(exit_status: int) -> str:
    if exit_status >= 0:
        return f"The Python process ended with exit status {exit_status}."
    name = signal.Signals(-exit_status).name
    return f"The Python process was ended by {name}, perhaps for want of memory."
