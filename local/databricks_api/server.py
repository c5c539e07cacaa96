"""Puts the parts together and runs them until the server is told to stop."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from local.databricks_api.clock import Clock
from local.databricks_api.errors import DriverError, StartError
from local.databricks_api.jobs_api import JobsApi
from local.databricks_api.page_addresses import PageAddresses
from local.databricks_api.run_store import RunStore
from local.databricks_api.scheduler import Scheduler
from local.databricks_api.settings import ServerSettings
from local.databricks_api.spark_driver import (
    START_SECONDS,
    DriverReport,
    DriverStatus,
    SparkDriver,
    check_prerequisites,
)
from local.databricks_api.statements_api import StatementsApi
from local.databricks_api.task_files import read_log, read_result
from local.databricks_api.task_processes import TaskProcesses, task_environment
from local.databricks_api.task_program import TaskRequest
from local.databricks_api.web_app import create_app
from local.databricks_api.web_pages import WebPages


def run_server(settings: ServerSettings, secrets: frozenset[str], clock: Clock) -> None:
    """Serve until SIGTERM or SIGINT; then end Spark and all tasks, and return.

    `secrets` are environment variables that tasks must not see.

    Raises:
        StartError: something that the server needs is missing or taken, or Spark does not come up.
    """
    check_prerequisites(settings)
    with _home(settings), _listening_socket(settings) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        base_url = settings.public_url or f"http://{settings.host}:{settings.port}"
        store = RunStore(settings.database)
        try:
            _serve(settings, store, listener, base_url, secrets, clock)
        finally:
            store.close()


def _serve(
    settings: ServerSettings,
    store: RunStore,
    listener: socket.socket,
    base_url: str,
    secrets: frozenset[str],
    clock: Clock,
) -> None:
    environment = task_environment(os.environ, secrets)
    processes = TaskProcesses(settings.logs / "interpreters.log", environment)
    scheduler = Scheduler(settings, store, processes, environment, clock)
    addresses = PageAddresses(base_url, settings.token)
    api = JobsApi(settings, store, scheduler, addresses, clock)
    pages = WebPages(settings, store, addresses, lambda: scheduler.driver_status, clock)
    driver: SparkDriver

    def driver_address() -> str | None:
        return driver.address if scheduler.driver_status == DriverStatus.READY else None

    statements = StatementsApi(base_url, settings.token, driver_address, clock)
    app = create_app(api, statements, pages, settings.token, lambda: scheduler.driver_status)
    web_server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    )
    first_reports: list[DriverReport] = []

    def follow(report: DriverReport) -> None:
        first_reports.append(report)
        if first_reports[0].status == DriverStatus.FAILED:
            web_server.should_exit = True
        scheduler.driver_reported(report)

    def warm_up(address: str, is_running: Callable[[], bool]) -> None:
        _warm_up(settings, processes, {**environment, "SPARK_REMOTE": address}, is_running)

    def rehearse(address: str, is_running: Callable[[], bool]) -> None:
        if settings.rehearse:
            _warm_up(settings, processes, {**environment, "SPARK_REMOTE": address}, is_running, "rehearsal")

    driver = SparkDriver(settings, environment, warm_up, rehearse, follow)
    print(f"Databricks Jobs API on {base_url}, state in {settings.home}; Spark is starting.")
    print(f"Its runs, in a browser: {addresses.overview()}", flush=True)

    def stop(_number: int, _frame: FrameType | None) -> None:
        web_server.should_exit = True

    # The web server raises the signal once more when it has stopped, which must not end us before the rest is stopped.
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, stop)
    try:
        processes.start()
        driver.start()
        scheduler.start(driver)
        web_server.run(sockets=[listener])
    finally:
        scheduler.stop()
        processes.stop()
        driver.stop()
    if first_reports and first_reports[0].status == DriverStatus.FAILED:
        raise StartError(first_reports[0].message)


def _warm_up(
    settings: ServerSettings,
    processes: TaskProcesses,
    environment: Mapping[str, str],
    is_running: Callable[[], bool],
    name: str = "warm-up",
) -> None:
    folder = settings.home / name
    folder.mkdir(parents=True, exist_ok=True)
    log, result = folder / "log.txt", folder / "result.json"
    log.unlink(missing_ok=True)
    ended = threading.Event()
    statuses: list[int] = []

    def note(status: int) -> None:
        statuses.append(status)
        ended.set()

    processes.start_task(
        TaskRequest(
            task_id=name,
            program={"kind": "file", "path": str(Path(__file__).with_name("warm_up.py"))},
            parameters=(name, str(folder / "table")),
            python_path=(),
            environment=environment,
            directory=str(folder),
            log=str(log),
            result=str(result),
        ),
        note,
    )
    for _ in range(START_SECONDS):
        if ended.wait(timeout=1) or not is_running():
            break
    if not ended.is_set():
        processes.kill_task(name)
        raise DriverError(
            f"Spark started, but ended or wrote no Delta table within {START_SECONDS} seconds. "
            f"See {log} and {settings.logs}."
        )
    if statuses != [0]:
        error = read_result(result)[0] or read_log(log, 2000).text
        raise DriverError(f"Spark started, but cannot write a Delta table: {error} See {log} and {settings.logs}.")


@contextmanager
def _home(settings: ServerSettings) -> Generator[None]:
    """Make the home folder and keep every other server out of it."""
    try:
        # What tasks print and what Spark swaps out is as confidential as the lake.
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.home.chmod(0o700)
        settings.logs.mkdir(exist_ok=True)
        lock = (settings.home / "server.lock").open("w")
    except OSError as error:
        raise StartError(
            f"--home {settings.home} cannot be written to ({error.strerror}). Choose another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"Another server runs on --home {settings.home}. Stop it, or choose another folder."
            ) from None
        yield


@contextmanager
def _listening_socket(settings: ServerSettings) -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(128)
        except OSError as error:
            raise StartError(
                f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
                "Stop what listens there, or choose another --port."
            ) from error
        document: dict[str, Any] = {"host": settings.host, "port": listener.getsockname()[1], "pid": os.getpid()}
        (settings.home / "server.json").write_text(json.dumps(document), encoding="utf-8")
        yield listener
