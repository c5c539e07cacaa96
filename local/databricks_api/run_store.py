"""All jobs and runs, in one SQLite file: what a restart of the server must not forget."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databricks.sdk.service.jobs import JobSettings, SubmitTask

from local.databricks_api.errors import (
    ApiError,
    InvalidParameterError,
    InvalidStateError,
    StartError,
    UnknownJobError,
    UnknownRunError,
)
from local.databricks_api.job_definitions import DeployedJob
from local.databricks_api.run_records import JobRun, TaskRun
from local.databricks_api.run_states import LifeCycle, Result, State, blocked, pending
from local.databricks_api.submission import Submission, parse_submission

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ids (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE IF NOT EXISTS runs (
    run_id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, submission TEXT NOT NULL,
    life_cycle TEXT NOT NULL, result TEXT, message TEXT NOT NULL, code TEXT NOT NULL,
    start_time INTEGER NOT NULL, end_time INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS task_runs (
    run_id INTEGER PRIMARY KEY, job_run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    position INTEGER NOT NULL,
    life_cycle TEXT NOT NULL, result TEXT, message TEXT NOT NULL, code TEXT NOT NULL,
    start_time INTEGER NOT NULL, execution_start INTEGER NOT NULL, end_time INTEGER NOT NULL,
    error TEXT NOT NULL, error_trace TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_runs_by_run ON task_runs (job_run_id, position);
CREATE TABLE IF NOT EXISTS jobs (job_id INTEGER PRIMARY KEY, settings TEXT NOT NULL, created_time INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency_tokens (token TEXT PRIMARY KEY, run_id INTEGER NOT NULL);
"""


class RunStore:
    """Reads and writes jobs and runs; safe to use from several threads.

    Ids are never given twice, not even after a delete.
    """

    def __init__(self, database: Path) -> None:
        """Open the database, and create it where it does not exist.

        Raises:
            StartError: the file cannot be opened or is no database of this kind.
        """
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
            )
            self._connection.executescript(_SCHEMA)
            self._upgrade()
        except sqlite3.Error as error:
            raise StartError(
                f"{database} cannot be used as the server's database: {error}. Move it away or repair it."
            ) from error

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _upgrade(self) -> None:
        """Replace the bodies, as they were sent, that the first version kept by what they say."""
        with self._transaction() as connection:
            if "body" not in {column["name"] for column in connection.execute("PRAGMA table_info(runs)")}:
                return
            connection.execute("ALTER TABLE runs RENAME COLUMN body TO submission")
            rows = connection.execute("SELECT run_id, submission FROM runs").fetchall()
            connection.executemany(
                "UPDATE runs SET submission = ? WHERE run_id = ?",
                [(_stored(_submission_of_body(json.loads(row["submission"]))), row["run_id"]) for row in rows],
            )

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def create_job(self, settings: JobSettings, now: int) -> int:
        """Store a new job. Returns its id."""
        with self._transaction() as connection:
            job_id = self._new_id(connection)
            connection.execute("INSERT INTO jobs VALUES (?, ?, ?)", (job_id, json.dumps(settings.as_dict()), now))
            return job_id

    def job(self, job_id: int) -> DeployedJob:
        """The job with this id.

        Raises:
            UnknownJobError: there is none, or no longer.
        """
        with self._lock:
            row = self._connection.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise UnknownJobError(job_id)
        return _job(row)

    def newest_jobs(self, before: int = 0) -> list[DeployedJob]:
        """Jobs in descending order of their creation, those older than job `before` only (0: all)."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM jobs WHERE ? = 0 OR job_id < ? ORDER BY job_id DESC", (before, before)
            ).fetchall()
        return [_job(row) for row in rows]

    def delete_job(self, job_id: int) -> None:
        """Forget a job; its runs stay.

        Raises:
            UnknownJobError: there is none, or no longer.
        """
        with self._transaction() as connection:
            if not connection.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,)).rowcount:
                raise UnknownJobError(job_id)

    def create(self, submission: Submission, now: int, job_id: int = 0) -> tuple[int, bool]:
        """Store a new run, or find the one that was submitted with the same idempotency token.

        Args:
            submission: what to run.
            now: when it was asked for.
            job_id: the deployed job that it is a run of; 0: it was submitted, and gets a job of its own.

        Returns:
            The run's id, and whether it is new.

        Raises:
            InvalidParameterError: the run with this idempotency token was deleted.
        """
        with self._transaction() as connection:
            token = submission.idempotency_token
            if token:
                row = connection.execute("SELECT run_id FROM idempotency_tokens WHERE token = ?", (token,)).fetchone()
                if row is not None:
                    return self._existing(row["run_id"], token), False
            run_id, own_job_id = self._new_id(connection), self._new_id(connection)
            state = pending()
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (run_id, job_id or own_job_id, _stored(submission), *_columns(state), now),
            )
            for position, task in enumerate(submission.tasks):
                state = blocked() if task.depends_on else pending()
                connection.execute(
                    "INSERT INTO task_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', '')",
                    (self._new_id(connection), run_id, position, *_columns(state), now),
                )
            if token:
                connection.execute("INSERT INTO idempotency_tokens VALUES (?, ?)", (token, run_id))
            return run_id, True

    def _existing(self, run_id: int, token: str) -> int:
        try:
            return self.get(run_id).run_id
        except UnknownRunError:
            raise InvalidParameterError(
                f"Run {run_id}, submitted with idempotency_token '{token}', has been deleted; use a new token."
            ) from None

    def _new_id(self, connection: sqlite3.Connection) -> int:
        row_id = connection.execute("INSERT INTO ids DEFAULT VALUES").lastrowid
        if row_id is None:
            raise AssertionError("SQLite gives every inserted row an id")
        return row_id

    def get(self, run_id: int) -> JobRun:
        """The run with this id, or the run that the task run with this id belongs to.

        Raises:
            UnknownRunError: there is neither.
        """
        with self._lock:
            row = self._connection.execute(
                "SELECT * FROM runs WHERE run_id = ? OR run_id = (SELECT job_run_id FROM task_runs WHERE run_id = ?)",
                (run_id, run_id),
            ).fetchone()
            if row is None:
                raise UnknownRunError(run_id)
            return self._job_run(row)

    def newest_first(self, before: int = 0, limit: int = -1) -> Iterator[JobRun]:
        """Runs in descending order of start, those older than run `before` only (0: all)."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM runs WHERE ? = 0 OR run_id < ? ORDER BY run_id DESC LIMIT ?", (before, before, limit)
            ).fetchall()
        for row in rows:
            with self._lock:
                yield self._job_run(row)

    def in_flight(self) -> list[JobRun]:
        """All runs that have not ended, oldest first."""
        with self._lock:
            rows = self._connection.execute("SELECT * FROM runs WHERE end_time = 0 ORDER BY run_id").fetchall()
            return [self._job_run(row) for row in rows]

    def _job_run(self, row: sqlite3.Row) -> JobRun:
        submission = Submission.from_dict(json.loads(row["submission"]))
        tasks = self._connection.execute(
            "SELECT * FROM task_runs WHERE job_run_id = ? ORDER BY position", (row["run_id"],)
        ).fetchall()
        return JobRun(
            run_id=row["run_id"],
            job_id=row["job_id"],
            submission=submission,
            state=_state(row),
            start_time=row["start_time"],
            end_time=row["end_time"],
            tasks=tuple(
                TaskRun(
                    run_id=task["run_id"],
                    job_run_id=row["run_id"],
                    spec=spec,
                    state=_state(task),
                    start_time=task["start_time"],
                    execution_start=task["execution_start"],
                    end_time=task["end_time"],
                    error=task["error"],
                    error_trace=task["error_trace"],
                )
                for spec, task in zip(submission.tasks, tasks, strict=True)
            ),
        )

    def save(self, run: JobRun) -> None:
        """Store the states, times and errors of a run and of its tasks."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE runs SET life_cycle = ?, result = ?, message = ?, code = ?, end_time = ? WHERE run_id = ?",
                (*_columns(run.state), run.end_time, run.run_id),
            )
            connection.executemany(
                "UPDATE task_runs SET life_cycle = ?, result = ?, message = ?, code = ?, execution_start = ?, "
                "end_time = ?, error = ?, error_trace = ? WHERE run_id = ?",
                [
                    (
                        *_columns(task.state),
                        task.execution_start,
                        task.end_time,
                        task.error,
                        task.error_trace,
                        task.run_id,
                    )
                    for task in run.tasks
                ],
            )

    def delete(self, run_id: int) -> None:
        """Forget an ended run; its idempotency token stays taken.

        Raises:
            UnknownRunError: there is no such run.
            InvalidStateError: the run has not ended.
        """
        with self._transaction() as connection:
            run = self.get(run_id)
            if not run.state.is_terminal:
                raise InvalidStateError(f"Run {run.run_id} is still active; cancel it before you delete it.")
            connection.execute("DELETE FROM runs WHERE run_id = ?", (run.run_id,))


def _job(row: sqlite3.Row) -> DeployedJob:
    return DeployedJob(row["job_id"], JobSettings.from_dict(json.loads(row["settings"])), row["created_time"])


def _state(row: sqlite3.Row) -> State:
    result = Result(row["result"]) if row["result"] else None
    return State(LifeCycle(row["life_cycle"]), result, row["message"], row["code"])


def _columns(state: State) -> tuple[str, str | None, str, str]:
    return (state.life_cycle.value, state.result.value if state.result else None, state.message, state.code)


def _stored(submission: Submission) -> str:
    return json.dumps(submission.as_dict())


def _submission_of_body(body: Mapping[str, Any]) -> Submission:
    try:
        return parse_submission(body)
    except (ApiError, UnicodeEncodeError):
        # Accepted once, refused by today's rules: it is over, so its names are all that is left to be shown.
        run_name = _printable(body.get("run_name") or "Untitled")
        keys = [_printable(task["task_key"]) for task in body.get("tasks") or ()]
        return Submission(
            run_name, tuple(SubmitTask(task_key=key) for key in keys or [run_name]), is_single_task=not keys
        )


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()
