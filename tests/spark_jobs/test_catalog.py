"""Tables named `catalog.schema.table`, as with Unity Catalog: the jobs store what they store by folders."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import date, ledger_row, sale, stored, version

pytestmark = pytest.mark.spark
SOURCE = Path(__file__).parent / "folder_catalog" / "FolderCatalog.scala"
D1, D2, D3 = "2026-11-18", "2026-11-19", "2026-11-20"
# Runs jobs one after the other in one Spark, and tells what each one said.
DRIVER = """
import importlib, json, sys
messages = [importlib.import_module(stage).main(arguments) for stage, *arguments in json.load(sys.stdin)]
print("messages:" + json.dumps(messages))
"""
TABLES = (
    "silver/customer",
    "silver/customer_quarantine",
    "silver/product",
    "silver/transactions",
    "silver/transactions_quarantine",
    "gold/sales_obt",
)


@dataclass
class Spark:
    """A Spark whose catalog `lakehouse` lies in a folder; it ends with each call."""

    catalog: Path
    environment: Mapping[str, str]

    def run(self, jobs: Sequence[Sequence[str]]) -> list[str | None]:
        """What each job said, each given as its stage and its arguments."""
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps(jobs),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line for line in done.stdout.splitlines() if line.startswith("messages:")]
        assert told, done.stderr[-4000:]
        messages: list[str | None] = json.loads(told[0].removeprefix("messages:"))
        return messages


@pytest.fixture(scope="module")
def spark_with_catalog(tmp_path_factory: pytest.TempPathFactory) -> Spark:
    """The catalog's class beside Delta's jars, and the catalog's name in Spark's own settings."""
    import pyspark
    from medallion.run.session import find_jars

    home = tmp_path_factory.mktemp("spark")
    jars, catalog = home / "jars", home / "catalog"
    for folder in (jars, catalog, home / "conf"):
        folder.mkdir()
    for jar in find_jars():
        (jars / jar.name).symlink_to(jar)
    # By the compiler that Spark brings, for a machine that has a Java to run and none to compile.
    own = sorted((Path(pyspark.__path__[0]) / "jars").glob("*.jar"))
    class_path = os.pathsep.join(map(str, own))
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    subprocess.run(
        [java, "-cp", class_path, "scala.tools.nsc.Main", "-cp", class_path, "-d", jars / "catalog.jar", SOURCE],
        check=True,
    )
    (home / "conf" / "spark-defaults.conf").write_text(
        f"spark.sql.catalog.lakehouse lakehouse.tests.FolderCatalog\nspark.sql.catalog.lakehouse.root {catalog}\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
    return Spark(catalog, environment | {"LAKEHOUSE_DELTA_JARS": str(jars), "SPARK_CONF_DIR": str(home / "conf")})


def _arguments(stage: str, table: str, day: str, lake: Path, *more: str) -> list[str]:
    where = ["--contracts", str(CONTRACTS), "--lake-root", str(lake)]
    return [stage, *where, "--table", table, "--business-date", day, "--run-id", "manual__1", *more]


def _land(lake: BronzeLake, day: str, customers: Sequence[Sequence[Any]], sales: Sequence[Sequence[Any]]) -> None:
    lake.land_snapshot("customer", CUSTOMER, day, customers)
    lake.land_snapshot("product", PRODUCT, day, [("Prod001", "Div", "Seg", "Books", "Name", "Std")])
    lake.land_snapshot("market", MARKET, day, [("Mark001", "Delhi", "North")])
    lake.land_snapshot("date", DATE, day, [(date(D1), dt.date(2026, 11, 1), 2026, "November", "26-Nov")])
    lake.land_fact("transactions", TRANSACTIONS, day, sales, "order_date")


def test_tables_by_name_hold_what_tables_by_folder_hold(spark_with_catalog: Spark, tmp_path: Path) -> None:
    by_folder, by_name = tmp_path / "by_folder", tmp_path / "by_name"
    days = {
        D2: (
            [("Cus001", "Surge", "E-Commerce"), ("Cus002", "Nomad", "Brick & Mortar")],
            [
                sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"),
                sale("Prod001", "Cus002", "Mark001", D2, 2, "20.00"),
            ],
        ),
        # One customer is renamed and one has no name; a sale is corrected, one is late, and one is of nothing.
        D3: (
            [("Cus001", "Surge Stores", "E-Commerce"), ("Cus002", None, "Brick & Mortar")],
            [
                sale("Prod001", "Cus001", "Mark001", D1, 1, "11.00"),
                sale("Prod001", "Cus001", "Mark001", D1, 5, "50.00", "USD"),
                sale("Prod001", "Cus001", "Mark001", D1, 1, "0.00"),
                sale("Prod001", "Cus002", "Mark001", D2, 2, "20.00"),
            ],
        ),
    }
    jobs: list[list[str]] = []
    lake = BronzeLake(by_folder)
    for day, (customers, sales) in days.items():
        _land(lake, day, customers, sales)
    shutil.copytree(by_folder, by_name)
    for schema in ("silver", "gold"):
        (spark_with_catalog.catalog / schema).mkdir()
    all_tables = ("customer", "product", "market", "date", "transactions")
    for day, tables in ((D2, all_tables), (D3, ("customer", "transactions"))):
        for root, more in ((by_folder, ()), (by_name, ("--catalog", "lakehouse"))):
            jobs += [_arguments("silver", table, day, root, *more) for table in tables]
            jobs.append(_arguments("gold", "sales_obt", day, root, *more))

    assert spark_with_catalog.run(jobs) == [None] * len(jobs)

    for table in TABLES:
        columns = _columns(by_folder, table)
        assert _columns(spark_with_catalog.catalog, table) == columns
        rows = stored(by_folder, table, columns)
        assert rows
        assert stored(spark_with_catalog.catalog, table, columns) == rows
        # Each commit is there: nothing made a table anew in the place of the old one.
        assert version(spark_with_catalog.catalog, table) == version(by_folder, table)
    # A catalog that knows no views has none made, and its tables are right all the same.
    assert ledger_row("gold", "sales_obt", D3, by_name)["detail"]["views_made"] is None
    # All tables are the catalog's, and none lies in the lake.
    assert sorted(path.name for path in by_name.iterdir()) == ["bronze", "ledger", "state"]


def test_a_schema_that_is_not_there_is_named(spark_with_catalog: Spark, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path / "lake")
    lake.land_snapshot("market", MARKET, D1, [("Mark001", "Delhi", "North")])
    shutil.rmtree(spark_with_catalog.catalog / "silver", ignore_errors=True)
    (message,) = spark_with_catalog.run([_arguments("silver", "market", D1, lake.root, "--catalog", "lakehouse")])
    assert message is not None
    assert "[SCHEMA_NOT_FOUND]" in message
    assert "`lakehouse`.`silver`" in message
    assert ledger_row("silver", "market", D1, lake.root)["status"] == "failed"


def _columns(lake: Path, table: str) -> list[str]:
    from deltalake import DeltaTable

    return [field.name for field in DeltaTable(str(lake / table)).schema().fields]
