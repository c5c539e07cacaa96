"""Starts and stops everything that the demo needs: MySQL, the local Databricks, and Airflow's four components."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from local.demo.addresses import AIRFLOW_USER, HOST, REPOSITORY, Home, Ports, Secrets
from local.demo.airflow_client import AirflowClient
from local.demo.airflow_environment import airflow_environment
from local.errors import LocalError
from local.mysql_lts_server import SERVERS
from local.postgres_server import PostgresServer
from local.processes import die_with_parent, end_session

# Their log servers would listen on all addresses, for logs that the API server finds on this machine's disk.
AIRFLOW_COMPONENTS = {
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
_PRELOADED = REPOSITORY / "local" / "demo" / "preloaded"
_HEALTHY_SECONDS = 180
_STOP_SECONDS = 20


class StackError(LocalError):
    """A part of the local stack did not start, or died."""


@dataclass
class Stack:
    """The running parts of one demo; a context manager that leaves no process behind."""

    home: Home
    ports: Ports
    say: Callable[[str], None]
    overrides: Mapping[str, str] = field(default_factory=dict)
    server: str = "mariadb"
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets = Secrets.of(self.home.root)
        self.mysql = SERVERS[self.server](self.home.mysql, self.ports.mysql)
        self.postgres = PostgresServer(self.home.postgres)
        self.airflow = AirflowClient(f"http://{HOST}:{self.ports.airflow}", AIRFLOW_USER, self.secrets.airflow_password)

    @property
    def databricks_url(self) -> str:
        """Address of the local Databricks."""
        return f"http://{HOST}:{self.ports.databricks}"

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts all parts and returns when each is healthy.

        Raises:
            PortTakenError: a port is in use.
            StackError: a part died while starting, or was not healthy in time; names its log.
        """
        self.ports.require_free()
        for folder in (self.home.lake, self.home.databricks, self.home.airflow, self.home.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.say("starting the local Databricks (Spark with Delta)")
        self._start_databricks()
        self.say(f"starting {self.mysql.NAME}")
        self.mysql.start()
        self.say("preparing Airflow's metadata database")
        self.postgres.start()
        self.environment = airflow_environment(
            self.home,
            self.ports,
            self.secrets,
            self.postgres.sqlalchemy_url,
            self.mysql.credentials.lakehouse,
            self.overrides,
            self.mysql.public_key,
        )
        self._prepare_airflow()
        self.say("starting Airflow")
        # Tasks that start before the API server listens are failed, so it comes first.
        self._spawn("api-server", [*_airflow(), "api-server"], self.environment)
        self._wait("api-server", self.airflow.is_up)
        for component, options in AIRFLOW_COMPONENTS.items():
            self._spawn(component, [*_airflow(), component, *options], self.environment | self._preloaded(component))
        self._wait("databricks", lambda: _answers(f"{self.databricks_url}/healthz"))
        for component in AIRFLOW_COMPONENTS:
            self._wait(component, lambda name=component: self.airflow.is_healthy(name))  # type: ignore[misc]

    def _preloaded(self, component: str) -> dict[str, str]:
        """Where Airflow finds `airflow_local_settings`, which is for the scheduler alone, the parent of all tasks."""
        if component != "scheduler":
            return {}
        return {"PYTHONPATH": os.pathsep.join([self.environment["PYTHONPATH"], str(_PRELOADED)])}

    def stop(self) -> None:
        """Stops all parts, the last started first."""
        for child in reversed(list(self._children.values())):
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(child, signal.SIGKILL)
            end_session(child.pid, _STOP_SECONDS)
            child.wait()
        self._children.clear()
        self.postgres.stop()
        self.mysql.stop()

    def require_alive(self) -> None:
        """Finds out at once, rather than by a timeout, that a part has died.

        Raises:
            StackError: a part has died; names its log.
        """
        for name, child in self._children.items():
            if child.poll() is not None:
                raise StackError(f"{name} ended with status {child.returncode}; see {self._log(name)}")
        for server in (self.postgres, self.mysql):
            if not server.is_running():
                raise StackError(f"a database server ended; see {server.log_file}")

    def airflow_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one `airflow` command in the stack's environment."""
        return subprocess.run(
            [*_airflow(), *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def _start_databricks(self) -> None:
        self._spawn(
            "databricks",
            [
                sys.executable, "-m", "local.databricks_api",
                "--home", str(self.home.databricks),
                "--port", str(self.ports.databricks),
                "--spark-port", str(self.ports.spark),
                # While Airflow starts.
                "--rehearse",
            ],
            # Not on the command line, which every user of the machine can read.
            {**os.environ, "PYTHONPATH": str(REPOSITORY), "LAKEHOUSE_DATABRICKS_TOKEN": self.secrets.databricks_token},
        )  # fmt: skip

    def _prepare_airflow(self) -> None:
        passwords = self.home.airflow / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({AIRFLOW_USER: self.secrets.airflow_password}))
        for arguments in (("db", "migrate"), ("pools", "import", str(REPOSITORY / "infra/airflow/pools.json"))):
            done = self.airflow_command(*arguments)
            if done.returncode:
                raise StackError(f"airflow {' '.join(arguments)} failed: {(done.stderr or done.stdout)[-2000:]}")

    def _spawn(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        with self._log(name).open("ab") as log:
            self._children[name] = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def _wait(self, name: str, healthy: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _HEALTHY_SECONDS
        while not healthy():
            self.require_alive()
            if time.monotonic() > deadline:
                raise StackError(f"{name} was not healthy within {_HEALTHY_SECONDS} s; see {self._log(name)}")
            time.sleep(0.25)

    def _log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
