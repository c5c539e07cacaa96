from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.databricks_api.errors import (
    InvalidParameterError,
    InvalidStateError,
    StartError,
    UnknownJobError,
    UnknownRunError,
)
from local.databricks_api.job_definitions import parse_job, run_of
from local.databricks_api.run_records import JobRun
from local.databricks_api.run_states import blocked, pending, succeeded
from local.databricks_api.run_store import RunStore
from local.databricks_api.submission import parse_submission

NOW = 1_700_000_000_000
QUEUE = {"enabled": True}


def body(token: str = "") -> dict[str, Any]:
    first = {"task_key": "a", "existing_cluster_id": "c", "spark_python_task": {"python_file": "/a.py"}}
    return {
        "run_name": "r",
        "tasks": [first, {**first, "task_key": "b", "depends_on": [{"task_key": "a"}]}],
        "idempotency_token": token,
    }


def create(store: RunStore, token: str = "") -> int:
    run_id, _ = store.create(parse_submission(body(token)), NOW)
    return run_id


def ended(run: JobRun) -> JobRun:
    tasks = tuple(replace(task, state=succeeded(), execution_start=NOW + 1, end_time=NOW + 5) for task in run.tasks)
    return replace(run, tasks=tasks, state=succeeded(), end_time=NOW + 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path / "runs.sqlite3")
    yield opened
    opened.close()


def test_a_new_run_waits_and_its_dependent_task_is_blocked(store: RunStore) -> None:
    run = store.get(create(store))
    assert (run.state, [task.state for task in run.tasks]) == (pending(), [pending(), blocked()])
    assert [task.spec.task_key for task in run.tasks] == ["a", "b"]


def test_a_run_is_found_by_the_id_of_its_task_run(store: RunStore) -> None:
    run = store.get(create(store))
    assert store.get(run.tasks[1].run_id) == run


def test_what_is_saved_is_there_after_the_database_is_opened_again(store: RunStore, tmp_path: Path) -> None:
    run = ended(store.get(create(store)))
    store.save(run)
    store.close()
    again = RunStore(tmp_path / "runs.sqlite3")
    assert again.get(run.run_id) == run
    assert again.in_flight() == []
    again.close()


def test_jobs_and_their_runs_are_there_after_the_database_is_opened_again(store: RunStore, tmp_path: Path) -> None:
    parameters = [{"name": "day", "default": ""}]
    settings = [
        parse_job({"tasks": body()["tasks"], "name": name, "parameters": parameters, "queue": QUEUE})
        for name in ("a", "b")
    ]
    ids = [store.create_job(one, NOW) for one in settings]
    run_id, _ = store.create(run_of(settings[0], {"day": "today"}), NOW, ids[0])
    store.close()

    again = RunStore(tmp_path / "runs.sqlite3")
    assert again.job(ids[0]).settings.as_dict() == settings[0].as_dict()
    assert [job.job_id for job in again.newest_jobs()] == ids[::-1]
    assert [job.job_id for job in again.newest_jobs(before=ids[1])] == ids[:1]
    run = again.get(run_id)
    assert (run.job_id, [one.value for one in run.submission.job_parameters]) == (ids[0], ["today"])
    again.delete_job(ids[0])
    assert again.get(run_id) == run
    with pytest.raises(UnknownJobError):
        again.job(ids[0])
    with pytest.raises(UnknownJobError):
        again.delete_job(ids[0])
    again.close()


def test_the_same_token_gives_the_same_run(store: RunStore) -> None:
    run_id = create(store, "token")
    assert store.create(parse_submission(body("token")), NOW) == (run_id, False)
    assert create(store, "other") != run_id


def test_the_token_of_a_deleted_run_is_refused_and_its_id_is_never_given_again(store: RunStore) -> None:
    run = store.get(create(store, "token"))
    store.save(ended(run))
    store.delete(run.run_id)
    with pytest.raises(InvalidParameterError, match="has been deleted"):
        create(store, "token")
    with pytest.raises(UnknownRunError):
        store.get(run.tasks[0].run_id)
    assert create(store) > run.tasks[1].run_id


def test_an_active_run_cannot_be_deleted(store: RunStore) -> None:
    run_id = create(store)
    with pytest.raises(InvalidStateError, match="still active"):
        store.delete(run_id)
    assert store.get(run_id).run_id == run_id


def test_runs_are_listed_newest_first_from_where_a_page_ended(store: RunStore) -> None:
    ids = [create(store) for _ in range(3)]
    assert [run.run_id for run in store.newest_first()] == ids[::-1]
    assert [run.run_id for run in store.newest_first(before=ids[2])] == [ids[1], ids[0]]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    database = tmp_path / "runs.sqlite3"
    database.write_text("not a database, but text that is long enough to be looked at " * 5)
    with pytest.raises(StartError, match=r"runs\.sqlite3 cannot be used as the server's database"):
        RunStore(database)


FIRST_SCHEMA = """
CREATE TABLE ids (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, body TEXT NOT NULL,
    life_cycle TEXT NOT NULL, result TEXT, message TEXT NOT NULL, code TEXT NOT NULL,
    start_time INTEGER NOT NULL, end_time INTEGER NOT NULL
);
CREATE TABLE task_runs (
    run_id INTEGER PRIMARY KEY, job_run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    position INTEGER NOT NULL,
    life_cycle TEXT NOT NULL, result TEXT, message TEXT NOT NULL, code TEXT NOT NULL,
    start_time INTEGER NOT NULL, execution_start INTEGER NOT NULL, end_time INTEGER NOT NULL,
    error TEXT NOT NULL, error_trace TEXT NOT NULL
);
CREATE TABLE idempotency_tokens (token TEXT PRIMARY KEY, run_id INTEGER NOT NULL);
"""


def test_runs_of_the_first_version_are_shown_even_where_they_would_be_refused_today(tmp_path: Path) -> None:
    two_tasks = body()
    one_task = {"existing_cluster_id": "c", "spark_python_task": {"python_file": "/a.py"}, "run_name": "one of M\ud800"}
    refused = {**two_tasks, "run_as": {"user_name": "u"}}
    connection = sqlite3.connect(tmp_path / "runs.sqlite3")
    connection.executescript(FIRST_SCHEMA)
    for number, (old, tasks) in enumerate([(two_tasks, 2), (one_task, 1), (refused, 2)], start=1):
        run = (number * 10, 1, json.dumps(old), "TERMINATED", "SUCCESS", "", "SUCCESS", NOW, NOW + 1)
        connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * 9)})", run)
        for position in range(tasks):
            states = ("TERMINATED", "SUCCESS", "", "SUCCESS", NOW, NOW, NOW + 1, "", "")
            task = (number * 10 + 1 + position, number * 10, position, *states)
            connection.execute(f"INSERT INTO task_runs VALUES ({', '.join('?' * 12)})", task)
    connection.commit()
    connection.close()
    for _ in range(2):
        store = RunStore(tmp_path / "runs.sqlite3")
        runs = list(store.newest_first())
        store.close()
        assert [(run.run_id, run.submission.run_name) for run in runs] == [(30, "r"), (20, "one of M?"), (10, "r")]
        assert [[task.spec.task_key for task in run.tasks] for run in runs] == [["a", "b"], ["one of M?"], ["a", "b"]]
        assert runs[2].tasks[1].depends_on == ("a",)
        assert {run.state for run in runs} == {succeeded()}
