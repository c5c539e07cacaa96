"""`lakehouse worker`: what an Edge worker lacks, each with its cure."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.commands import worker
from cli.commands.command import DONE, FOUND_WRONG
from cli.main import main

EDGE = "airflow.providers.edge3.executors.EdgeExecutor"
LIST = "AIRFLOW__CORE__EXECUTOR"


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/edge_worker/v1/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """An API server that says it is well."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A machine that lacks nothing: where the provider is not installed, it is taken to be."""
    monkeypatch.setenv(LIST, f"LocalExecutor,{EDGE}")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "secret")
    monkeypatch.setenv("AIRFLOW__EDGE__API_URL", f"{address}/edge_worker/v1/rpcapi")
    monkeypatch.setenv("LAKEHOUSE_COPY_EXECUTOR", EDGE)
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "abfs://adls_gen2@bronze/lake")
    there = importlib.util.find_spec("airflow")
    monkeypatch.setattr(worker.importlib.util, "find_spec", lambda _: there)


def test_a_machine_that_lacks_nothing_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker"]) == DONE
    assert capsys.readouterr().out == "ok: the worker would get the tasks that ask the source, and could run them\n"


@pytest.mark.parametrize("names", [EDGE, f"edge:{EDGE}", f"LocalExecutor, {EDGE}"])
def test_the_executor_may_be_named_by_path_alone_or_beside_an_alias(
    names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIST, names)
    assert list(worker.worker_faults()) == []


def test_the_alias_of_an_executor_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIST, f"edge:{EDGE}")
    monkeypatch.setenv("LAKEHOUSE_COPY_EXECUTOR", "edge")
    assert list(worker.worker_faults()) == []


def test_a_list_of_executors_without_the_tasks_own_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The trap: such a worker takes tasks, cannot read their DAG, and gives them back for ever."""
    monkeypatch.setenv(LIST, "LocalExecutor")
    assert main(["worker"]) == FOUND_WRONG
    assert capsys.readouterr().out == (
        f"WRONG: AIRFLOW__CORE__EXECUTOR (LocalExecutor) does not name {EDGE}, which LAKEHOUSE_COPY_EXECUTOR names: "
        "give this worker the list of executors that the scheduler has\n"
    )


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LAKEHOUSE_COPY_EXECUTOR", "", "LAKEHOUSE_COPY_EXECUTOR is not set"),
        ("AIRFLOW__API_AUTH__JWT_SECRET", "", "AIRFLOW__API_AUTH__JWT_SECRET is not set"),
        ("AIRFLOW__EDGE__API_URL", "", "AIRFLOW__EDGE__API_URL is not set"),
        ("LAKEHOUSE_LAKE_ROOT", "", "LAKEHOUSE_LAKE_ROOT is not set"),
    ],
)
def test_each_missing_setting_is_told_with_its_cure(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    (fault,) = worker.worker_faults()
    assert fault.startswith(f"{told}: ")


def test_a_missing_package_and_missing_contracts_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worker.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path))
    assert list(worker.worker_faults()) == [
        "the package apache-airflow-providers-edge3 is not installed here: install it as on the API server",
        f"there are no contracts in {tmp_path}: set LAKEHOUSE_CONTRACTS_ROOT to their folder here",
    ]


def test_an_address_where_nothing_or_something_else_answers_is_told(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__EDGE__API_URL", f"{address}/rpcapi")
    (fault,) = worker.worker_faults()
    assert fault.startswith(f"{address}/health answers with status 404: set AIRFLOW__EDGE__API_ENABLED=True")
    monkeypatch.setenv("AIRFLOW__EDGE__API_URL", "http://127.0.0.1:9/edge_worker/v1/rpcapi")
    (fault,) = worker.worker_faults()
    assert fault.startswith("http://127.0.0.1:9/edge_worker/v1/health does not answer (ConnectError)")
