"""The warm Spark driver: one Spark Connect server process with Delta, kept alive as long as the server runs."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from local.databricks_api.errors import DriverError, StartError
from local.databricks_api.settings import ServerSettings
from local.processes import die_with_parent, free_port, is_port_free

LOOPBACK = "127.0.0.1"
OLDEST_JAVA = 17
# A driver that ended is noticed at once; so long takes one on a machine that is short of everything.
START_SECONDS = 600
_POLL_SECONDS = 0.1
# As in medallion.run.session: the optimising compiler keeps to what runs for every row, and leaves the cores to Spark.
_JAVA_OPTIONS = (
    "-XX:+UseSerialGC -XX:MetaspaceSize=300m -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=10000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=200000"
)


class DriverStatus(StrEnum):
    """STARTING until tasks can run, then READY; FAILED where it did not come up, until the next start is asked for."""

    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True)
class DriverReport:
    """What happened to the driver; the message tells why it is not READY."""

    status: DriverStatus
    message: str = ""


def check_prerequisites(settings: ServerSettings) -> None:
    """Check what the driver needs on this machine before anything is started.

    Raises:
        StartError: no Java, or too old a one; no pyspark; no Delta jars; the Spark port is taken.
    """
    _check_java()
    spark_home()
    if not list(settings.delta_jars.glob("*delta-spark*.jar")):
        raise StartError(
            f"No Delta jars (delta-spark_*.jar and what it needs) in {settings.delta_jars}. Fetch them there, or name "
            "their folder with --delta-jars or the environment variable LAKEHOUSE_DELTA_JARS."
        )
    if settings.spark_port and not is_port_free(settings.spark_port, LOOPBACK):
        raise StartError(
            f"Port {settings.spark_port} (--spark-port) is taken. Stop what listens there, or choose another."
        )


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(str(Path(home) / "bin" / "java") if home else "java")
    if java is None:
        where = f"in JAVA_HOME ({home})" if home else "on PATH, and JAVA_HOME is not set"
        raise StartError(
            f"Java was not found {where}. Install a JDK or JRE {OLDEST_JAVA} or 21, which Spark 4.1 needs."
        )
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    found = re.search(r'version "(\d+)', shown)
    if found is None or int(found[1]) < OLDEST_JAVA:
        first_line = shown.strip().partition("\n")[0]
        raise StartError(
            f"{java} is no Java {OLDEST_JAVA} or newer ({first_line}). Install one, or point JAVA_HOME to it."
        )


def spark_home() -> Path:
    """Folder of the installed pyspark, which is a whole Spark distribution.

    Raises:
        StartError: pyspark is not installed.
    """
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise StartError("pyspark is not installed beside this Python. Install requirements.txt.")
    return Path(spec.origin).parent


def driver_command(settings: ServerSettings, port: int, ui_port: int) -> list[str]:
    """The command line that starts the Spark Connect server on `port`, with its web interface on `ui_port`."""
    confs = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # Without it named parameters of spark.sql() fail as soon as Delta's extension is there.
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.shuffle.partitions": "2",
        # As in medallion.run.session: no 32 MB for each sort of a few rows.
        "spark.buffer.pageSize": "2m",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": (settings.home / "warehouse").as_uri(),
        "spark.local.dir": str(settings.home / "spark-scratch"),
        "spark.ui.port": str(ui_port),
        "spark.ui.showConsoleProgress": "false",
        # Every user of this machine can open the page.
        "spark.ui.killEnabled": "false",
        # Spark's inner ports take what can run code; they are for the driver itself, which makes its own secret.
        "spark.authenticate": "true",
        "spark.log.level": "WARN",
        # Errors of jobs are read by people: the message, without the driver's Java stack.
        "spark.sql.connect.serverStacktrace.enabled": "false",
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(port),
        # A driver short of memory must die and be started anew, not linger half alive.
        "spark.driver.extraJavaOptions": f"{_JAVA_OPTIONS} -XX:+ExitOnOutOfMemoryError -Duser.timezone=UTC",
    }
    if list(settings.delta_jars.glob("*hadoop-bare-naked-local-fs*.jar")):
        # As in medallion.run.session: no process for each file and folder that is made.
        confs["spark.hadoop.fs.file.impl"] = "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"
    return [
        str(spark_home() / "bin" / "spark-submit"),
        *("--master", "local[2]", "--driver-memory", settings.spark_memory),
        *("--driver-class-path", f"{settings.delta_jars}/*"),
        *(("--properties-file", str(settings.spark_properties)) if settings.storage else ()),
        *(argument for name, value in confs.items() for argument in ("--conf", f"{name}={value}")),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
    ]


class SparkDriver:
    """Keeps one driver process running: starts it again where it dies, and has it end with this process in any case."""

    def __init__(
        self,
        settings: ServerSettings,
        environment: Mapping[str, str],
        warm_up: Callable[[str, Callable[[], bool]], None],
        rehearse: Callable[[str, Callable[[], bool]], None],
        on_report: Callable[[DriverReport], None],
    ) -> None:
        """Prepare.

        `environment` is what the driver is started with. `warm_up` is given the address of a driver that has just
        started and a function that tells whether it still runs; it raises DriverError where Spark does not work.
        `rehearse` is called likewise once the driver is ready; where it fails, the driver is ready all the same.
        `on_report` is called from another thread at each change.
        """
        self._settings = settings
        self._environment = environment
        # Whoever may call the driver may run any program as its user, so not every user of this machine may.
        self._token = secrets.token_urlsafe(32)
        self._warm_up = warm_up
        self._rehearse = rehearse
        self._on_report = on_report
        self._log = settings.logs / "spark-driver.log"
        self._port = 0
        self._ui_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._reason: str | None = None
        self._stopping = threading.Event()
        self._start_wanted = threading.Event()
        # The kernel ends the driver with the thread that started it, so this thread lives as long as the server.
        self._thread = threading.Thread(target=self._keep_running, name="spark-driver", daemon=True)

    @property
    def address(self) -> str:
        """Where Spark Connect clients find the driver, and what lets them in: `sc://host:port/;token=…;user_id=…`."""
        # Clients send a token over plain TCP to no host but the one of this name.
        return f"sc://localhost:{self._port}/;token={self._token};user_id=local"

    @property
    def ui_address(self) -> str:
        """Address of the driver's own web interface."""
        return f"http://{LOOPBACK}:{self._ui_port}"

    def start(self) -> None:
        """Start in the background; reports tell how it goes."""
        self._thread.start()

    def start_again(self) -> None:
        """Try once more after a FAILED report."""
        self._start_wanted.set()

    def restart(self, reason: str) -> None:
        """End the driver, which `reason` is said of, and have it started anew; tasks that use it fail."""
        self._reason = reason
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the driver process; returns when it is gone. No report comes any more."""
        self._stopping.set()
        self._start_wanted.set()
        self._end_process()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _keep_running(self) -> None:
        while not self._stopping.is_set():
            try:
                self._start_process()
                self._warm_up(self.address, self._is_running)
            except DriverError as error:
                self._end_process()
                self._start_wanted.clear()
                if self._stopping.is_set():
                    return
                self._report(DriverReport(DriverStatus.FAILED, str(error)))
                self._start_wanted.wait()
                self._report(DriverReport(DriverStatus.STARTING))
                continue
            self._report(DriverReport(DriverStatus.READY))
            self._warm_up_ui()
            with suppress(DriverError):
                self._rehearse(self.address, self._is_running)
            ending = _ending(self._process.wait() if self._process is not None else 0)
            message = (
                f"ended unexpectedly ({ending})" if self._reason is None else f"is restarted, because it {self._reason}"
            )
            self._reason = None
            self._report(DriverReport(DriverStatus.STARTING, f"The Spark driver {message}"))

    def _warm_up_ui(self) -> None:
        # Its first answer takes seconds, which the first cancelled task would have to wait for.
        with suppress(OSError):
            urllib.request.urlopen(f"{self.ui_address}/api/v1/applications", timeout=60).close()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None and not self._stopping.is_set()

    def _report(self, report: DriverReport) -> None:
        if not self._stopping.is_set():
            self._on_report(report)

    def _start_process(self) -> None:
        self._port = self._settings.spark_port or free_port(LOOPBACK)
        self._ui_port = free_port(LOOPBACK)
        scratch = self._settings.home / "spark-scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        environment = dict(self._environment) | {
            # Not on the command line, which every user of this machine can read.
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self._token,
            "SPARK_HOME": str(spark_home()),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), self._environment.get("PATH", os.defpath)]),
            "PYSPARK_PYTHON": sys.executable,
            # The web interface listens on this address alone.
            "SPARK_LOCAL_IP": LOOPBACK,
        }
        _write_properties(self._settings)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                driver_command(self._settings, self._port, self._ui_port),
                cwd=scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self._wait_until_it_listens(self._process)

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(int(START_SECONDS / _POLL_SECONDS)):
            if process.poll() is not None:
                raise DriverError(
                    f"The Spark driver did not start ({_ending(process.returncode)}). Its log {self._log} ends with:\n"
                    + self._log_tail()
                )
            with suppress(OSError), socket.create_connection((LOOPBACK, self._port), timeout=1):
                return
            if self._stopping.wait(_POLL_SECONDS):
                raise DriverError("The server is being stopped.")
        raise DriverError(f"The Spark driver did not listen within {START_SECONDS} seconds. See its log {self._log}.")

    def _log_tail(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        for stop_signal, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 10.0)):
            # The group, because Python workers of the driver belong to it as well.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, stop_signal)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=seconds)
                return


def _write_properties(settings: ServerSettings) -> None:
    """The storage account's key, in a file for this user alone: every user of this machine can read a command line."""
    if settings.storage is None:
        return
    lines = [f"spark.hadoop.{name} {value}\n" for name, value in settings.storage.spark_settings.items()]
    settings.spark_properties.unlink(missing_ok=True)
    settings.spark_properties.touch(0o600)
    settings.spark_properties.write_text("".join(lines), encoding="utf-8")


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
