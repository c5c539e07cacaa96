"""The jobs over Spark Connect, as serverless compute and the local Databricks API run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import free_port
from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import date, ledger_row, sale, stored

pytestmark = pytest.mark.spark
SPARK_JOBS = Path(__file__).parents[2] / "spark_jobs"
D1, D2 = "2026-11-18", "2026-11-19"
START_SECONDS = 120


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Spark Connect server with Delta; gives its address."""
    import pyspark
    from medallion.run.session import find_jars

    home, port = Path(pyspark.__file__).parent, free_port()
    folder = tmp_path_factory.mktemp("connect")
    jars = ":".join(map(str, find_jars()))
    settings = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:MetaspaceSize=300m",
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
        yield f"sc://127.0.0.1:{port}"
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


def run(remote: str, lake: Path, jobs: list[tuple[str, str, str]]) -> list[str | None]:
    """Runs jobs (stage, table, date) in one process that has no Spark of its own; gives their failures."""
    common = ["--contracts", str(CONTRACTS), "--run-id", "manual__1", "--lake-root", str(lake)]
    given = [(stage, [*common, "--table", table, "--business-date", day]) for stage, table, day in jobs]
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(given)], cwd=SPARK_JOBS, env=os.environ | {"SPARK_REMOTE": remote},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_silver_and_gold_run_over_connect(remote: str, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("customer", CUSTOMER, D1, [("Cus001", "Surge", "E-Commerce"), ("Cus002", "", "E-Commerce")])
    lake.land_snapshot("customer", CUSTOMER, D2, [("Cus001", "Surge", "Brick & Mortar")])
    lake.land_snapshot("product", PRODUCT, D1, [("Prod001", "Div", "Seg", "Books", "Name", "Std")])
    lake.land_snapshot("market", MARKET, D1, [("Mark001", "Delhi", "North")])
    lake.land_snapshot("date", DATE, D1, [(date(D1), date("2026-11-01"), 2026, "November", "26-Nov")])
    sales = [sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"), sale("Prod001", "Cus001", "Mark001", D1, 1, "-1.00")]
    lake.land_fact("transactions", TRANSACTIONS, D1, sales, "order_date")
    silver = [("silver", table, D1) for table in ("customer", "product", "market", "date", "transactions")]
    jobs = [*silver, ("gold", "sales_obt", D1), ("silver", "customer", D2), ("gold", "sales_obt", D2)]
    *failures, last = run(remote, tmp_path, [*jobs, ("silver", "nothing", D1)])
    assert failures == [None] * len(jobs)
    assert str(last).endswith("has customer, date, market, product, sales_obt, transactions")
    versions = stored(tmp_path, "silver/customer", ("customer_code", "customer_type", "valid_from", "valid_to"))
    assert versions == [
        ("Cus001", "Brick & Mortar", date(D2), None),
        ("Cus001", "E-Commerce", date(D1), date(D2)),
    ]
    refused = ledger_row("silver", "transactions", D1, tmp_path)["detail"]["quarantined_by_reason"]
    assert refused == {"sales_amount_positive": 1}
    assert ledger_row("gold", "sales_obt", D2, tmp_path)["outcome"] == "incremental"
    assert stored(tmp_path, "gold/sales_obt", ("customer_type", "category")) == [("Brick & Mortar", "Books")]
