"""No secret of the running platform stands in what it writes or shows, or on a command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from local.databricks_api.page_addresses import PageAddresses
from local.demo.day import DAG_ID, run_day
from local.demo.stack import Stack
from local.demo_data import PlantedDefects
from tests.end_to_end.conftest import LINEAGE_FILE
from tests.end_to_end.lake_content import LAST_DATE
from tests.local.databricks_api.conftest import descendants

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def run_id(stack: Stack, planted: PlantedDefects) -> str:
    """A run that used every secret: the first one, where other files have had theirs already."""
    made = [run["dag_run_id"] for run in stack.airflow.runs(DAG_ID) if run["state"] == "success"]
    if made:
        return str(made[0])
    run = run_day(stack, LAST_DATE, lambda line: print(line, flush=True))
    assert run.state == "success"
    return run.run_id


@pytest.fixture(scope="module")
def secrets(stack: Stack) -> dict[str, str]:
    """All secrets of the platform, by what they open."""
    credentials = {f"mysql {name}": value for name, value in asdict(stack.mysql.credentials).items()}
    postgres = make_url(stack.postgres.sqlalchemy_url).password
    assert postgres
    return asdict(stack.secrets) | credentials | {"postgres": postgres}


def test_files_hold_no_secret_but_those_that_keep_them_for_their_owner(
    stack: Stack, run_id: str, secrets: Mapping[str, str]
) -> None:
    home = stack.home.root
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    logs = [path for path in stack.home.airflow.rglob("*.log") if run_id in str(path)]
    assert logs
    assert home / LINEAGE_FILE in files

    holders = {path: found for path in files if (found := _found_in(_bytes_of(path), secrets))}

    keepers = {str(path.relative_to(home)) for path in holders}
    assert keepers == {"secrets.json", "airflow/passwords.json", "mysql/credentials.json", "postgres/password"}, holders
    assert {path: oct(path.stat().st_mode & 0o077) for path in holders} == dict.fromkeys(holders, "0o0")


def test_airflow_s_database_holds_no_secret(stack: Stack, run_id: str, secrets: Mapping[str, str]) -> None:
    """Rendered templates, XCom, logs of events, serialized DAGs and the rest, each row as text."""
    engine = create_engine(stack.postgres.sqlalchemy_url)
    with engine.connect() as connection:
        tables = {
            name: "\n".join(row[0] for row in connection.execute(text(f'SELECT t::text FROM "{name}" t')))
            for name in inspect(engine).get_table_names()
        }
    engine.dispose()

    assert all(run_id in tables[name] for name in ("rendered_task_instance_fields", "xcom", "log"))
    found = {name: _found_in(content.encode(), secrets) for name, content in tables.items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_the_databricks_runs_and_their_pages_show_no_secret(
    stack: Stack, run_id: str, secrets: Mapping[str, str]
) -> None:
    pages = PageAddresses(stack.databricks_url, stack.secrets.databricks_token)
    runs = _read(stack, "/api/2.2/jobs/runs/list?limit=25&expand_tasks=true")
    shown = [runs, _read(stack, pages.overview())]
    for run in json.loads(runs)["runs"]:
        shown += [
            _read(stack, f"/api/2.2/jobs/runs/get?run_id={run['run_id']}"),
            _read(stack, pages.run(run["run_id"])),
        ]
        shown += [_read(stack, f"/api/2.2/jobs/runs/get-output?run_id={task['run_id']}") for task in run["tasks"]]

    assert len(shown) > 2
    assert [_found_in(content, secrets) for content in shown] == [[]] * len(shown)


def test_command_lines_name_no_secret(stack: Stack, run_id: str, secrets: Mapping[str, str]) -> None:
    lines = descendants(os.getpid())
    assert any("scheduler" in line for line in lines.values())

    assert {process: found for process, line in lines.items() if (found := _found_in(line.encode(), secrets))} == {}


def _found_in(content: bytes, secrets: Mapping[str, str]) -> list[str]:
    return [name for name, value in secrets.items() if value.encode() in content]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # A file of a server or of Spark that is gone by now.
        return b""


def _read(stack: Stack, address: str) -> bytes:
    url = address if "://" in address else stack.databricks_url + address
    token = stack.secrets.databricks_token
    # The overview's address sets a cookie, and leads to a page that asks for it.
    opener = build_opener(HTTPCookieProcessor())
    with opener.open(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=60) as answer:
        return bytes(answer.read())
