"""A running server for all tests that need Spark, started once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.azurite_server import AzuriteServer, installed_azurite
from local.compose.lake_container import make_container
from local.databricks_api.__main__ import TOKEN_VARIABLE
from local.databricks_api.storage_account import VARIABLE
from local.processes import die_with_parent, free_port

REPOSITORY = Path(__file__).resolve().parents[3]
TOKEN = "token-of-the-tests"


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as the condition holds; fail after `seconds`."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds} seconds: {what}")


def descendants(process_id: int) -> dict[int, str]:
    """Command lines of all processes below one, by id."""
    found: dict[int, str] = {}
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        # Any of them may end while we look.
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, children.read_text().split()):
                found |= descendants(child)
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


@dataclass
class RunningServer:
    """The real server, as a process of its own."""

    home: Path
    storage: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def airflow_connection(self) -> str:
        """The Airflow connection as users write it down."""
        address = {"conn_type": "databricks", "host": "127.0.0.1", "schema": "http", "port": self.port}
        return json.dumps({**address, "password": TOKEN})

    @property
    def process_id(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def command_lines(self) -> list[str]:
        """Of the server and of all that it started."""
        own = Path(f"/proc/{self.process_id}/cmdline").read_text().replace("\0", " ")
        return [own, *descendants(self.process_id).values()]

    @property
    def driver_id(self) -> int:
        """Process id of the Spark driver."""
        return next(pid for pid, command in descendants(self.process_id).items() if "SparkConnectServer" in command)

    def start(self) -> None:
        """Start the server and wait until it answers; Spark may still be starting."""
        options = ["--home", str(self.home), "--port", str(self.port), "--spark-memory", "1g"]
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "output.txt").open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.databricks_api", *options],
                cwd=REPOSITORY,
                env={**os.environ, TOKEN_VARIABLE: TOKEN, VARIABLE: self.storage},
                stdout=output,
                stderr=output,
                text=True,
                preexec_fn=die_with_parent(),
            )
        wait_for(lambda: self.health() != 0, 60, f"the server answers; see {self.home}/output.txt")

    def health(self) -> int:
        """HTTP status of /healthz; 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until_healthy(self) -> None:
        """Wait until Spark has started as well."""
        wait_for(lambda: self.health() == 200, 300, f"Spark is ready; see {self.home}/output.txt and logs/")

    def end(self, stop_signal: signal.Signals) -> int:
        """Send a signal, and return the exit status when the server has gone."""
        assert self.process is not None
        os.kill(self.process.pid, stop_signal)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose Spark is ready, with a storage account."""
    azurite = AzuriteServer(tmp_path_factory.mktemp("azurite"), free_port(), installed_azurite())
    azurite.start()
    running = RunningServer(tmp_path_factory.mktemp("databricks") / "home", azurite.connection_string())
    running.start()
    try:
        make_container(running.storage)
        # A second start of the containers finds it there.
        make_container(running.storage)
        running.wait_until_healthy()
        yield running
    finally:
        running.end(signal.SIGTERM)
        azurite.stop()


SCRIPTS = {
    "count": """
        import sys
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        print("arguments", sys.argv[1:])
        print("counted", spark.range(1000).count())
    """,
    "fail": """
        def load(table):
            raise ValueError(f"table {table} has no contract")
        print("before")
        load("customer")
    """,
    "exit_three": "import sys\nprint('giving up', file=sys.stderr)\nsys.exit(3)",
    "exit_message": "raise SystemExit('contract customer.odcs.yaml: no such file')",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "plain": "print('no Spark here')",
    "waits_for": """
        import sys, time
        from pathlib import Path
        while not Path(sys.argv[1]).exists():
            time.sleep(0.05)
    """,
    "long_log": "for number in range(80_000): print(f'{number:07d}', 'x' * 72)",
    "cloud": """
        import sys
        from pyspark.dbutils import DBUtils
        from pyspark.sql import SparkSession
        root, spark = sys.argv[1], SparkSession.builder.getOrCreate()
        spark.range(3).write.format("delta").save(f"{root}/table")
        print("counted", spark.read.format("delta").load(f"{root}/table").count())
        files = DBUtils(spark).fs
        files.put(f"{root}/note.txt", "written", True)
        print("read", files.head(f"{root}/note.txt"))
        print("listed", [one.name for one in files.ls(root)])
        try:
            files.head(f"{root}/nothing")
        except Exception as error:
            print("missing", "FileNotFound" in str(error))
    """,
    # Takes both slots of the driver, and would for days.
    "hog": """
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        spark.range(1).count()
        print("hogging")
        print(spark.range(0, 10**15, 1, 2).where("id % 7 = 8").count())
    """,
}


@pytest.fixture(scope="package")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths of small job scripts, by name."""
    import textwrap

    folder = tmp_path_factory.mktemp("scripts")
    for name, content in SCRIPTS.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(content))
    return {name: str(folder / f"{name}.py") for name in SCRIPTS}
