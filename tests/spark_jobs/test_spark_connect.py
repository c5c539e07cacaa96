"""The jobs over Spark Connect, as serverless compute and the local Databricks API run them, and a driver's end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.processes import free_port
from tests.spark_jobs import thing_model as model
from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, BronzeLake
from tests.spark_jobs.first_day import DAY
from tests.spark_jobs.jobs import date, ledger_row, stored
from tests.spark_jobs.test_dimension_histories import Things
from tests.spark_jobs.test_robustness import SNAPSHOTS, with_snapshots

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SPARK_JOBS = Path(__file__).parents[2] / "spark_jobs"
NEXT_DAY = "2026-11-20"
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A Spark Connect server: its process, which is the driver, and its address."""

    process: subprocess.Popen[str]
    address: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Spark Connect server with Delta."""
    import pyspark
    from medallion.run.session import JAVA_OPTIONS, find_jars

    home, port = Path(pyspark.__file__).parent, free_port()
    folder = tmp_path_factory.mktemp("connect")
    jars = ":".join(map(str, find_jars()))
    settings = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.extraJavaOptions": JAVA_OPTIONS,
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
    }
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-class-path", jars]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, text=True, errors="replace",
        env=os.environ | {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable},
    )  # fmt: skip
    log = _Log(server)
    log.start()
    try:
        assert log.answered.wait(START_SECONDS), log.tail()
        assert log.has_started, log.tail()
        yield Server(server, f"sc://127.0.0.1:{port}")
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.join()


class _Log(threading.Thread):
    """Reads what a server prints; ``answered`` is set when it has started or ended."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._lines: list[str] = []
        self.answered = threading.Event()
        self.has_started = False

    def run(self) -> None:
        assert self._server.stdout
        for line in self._server.stdout:
            self._lines.append(line)
            if "Spark Connect server started" in line:
                self.has_started = True
                self.answered.set()
        self.answered.set()

    def tail(self) -> str:
        """The last lines."""
        return "".join(self._lines[-30:])


RUN_ALL = """
import importlib, json, sys
for stage, argv in json.loads(sys.argv[1]):
    failure = importlib.import_module(stage).main(argv)
    print(json.dumps(failure))
"""


def client(server: Server, lake: Path, contracts: Path, jobs: list[tuple[str, str, str]]) -> subprocess.Popen[str]:
    """Runs jobs (stage, table, date) in one process that has no Spark of its own, and prints their failures."""
    common = ["--contracts", str(contracts), "--run-id", "manual__1", "--lake-root", str(lake)]
    given = [(stage, [*common, "--tables", table, "--business-date", day]) for stage, table, day in jobs]
    return subprocess.Popen(
        [sys.executable, "-c", RUN_ALL, json.dumps(given)],
        cwd=SPARK_JOBS, env=os.environ | {"SPARK_REMOTE": server.address},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_jobs_run_over_connect(server: Server, tmp_path: Path) -> None:
    """A dimension's; the stack of `end_to_end` runs all of them so."""
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("customer", CUSTOMER, DAY, [("Cus001", "Surge", "E-Commerce"), ("Cus002", "", "E-Commerce")])
    lake.land_snapshot("customer", CUSTOMER, NEXT_DAY, [("Cus001", "Surge", "Brick & Mortar")])
    jobs = [("silver", "customer", DAY), ("silver", "customer", NEXT_DAY)]
    done = client(server, tmp_path, CONTRACTS, [*jobs, ("silver", "nothing", DAY)])
    told, errors = done.communicate(timeout=400)
    assert done.returncode == 0, errors
    *failures, last = map(json.loads, told.splitlines())
    assert failures == [None] * len(jobs)
    assert str(last).endswith("has customer, date, market, product, sales_obt, transactions")
    versions = stored(tmp_path, "silver/customer", ("customer_code", "customer_type", "valid_from", "valid_to"))
    assert versions == [
        ("Cus001", "Brick & Mortar", date(NEXT_DAY), None),
        ("Cus001", "E-Commerce", date(DAY), date(NEXT_DAY)),
    ]
    refused = ledger_row("silver", "customer", DAY, tmp_path)["detail"]["quarantined_by_reason"]
    assert refused == {"customer_name_required": 1}


def test_a_driver_killed_in_the_midst_of_a_commit(server: Server, spark: SparkSession, tmp_path: Path) -> None:
    """When silver's files are there, and the log has not named them. The last test, for the server ends with it."""
    things = with_snapshots(tmp_path)
    for day in (1, 3):
        things.silver(day)
    before = set(_data_files(things))
    job = client(server, tmp_path, things.contracts, [("silver", "thing", model.day_of(2).isoformat())])
    while not set(_data_files(things)) - before:
        assert job.poll() is None, job.communicate()
    server.process.kill()
    job.kill()
    job.communicate()
    assert server.process.wait() == -signal.SIGKILL
    things.silver(5)
    things.silver(2)
    assert things.processed == set(SNAPSHOTS)
    things.check()


def _data_files(things: Things) -> Iterator[Path]:
    return (things.root / "silver/thing").rglob("*.parquet")
