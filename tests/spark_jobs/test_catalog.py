"""Tables named `catalog.schema.table`, as with Unity Catalog: the jobs store what they store by folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, MARKET, TRANSACTIONS, BronzeLake
from tests.spark_jobs.first_day import DAY, NEXT_CUSTOMERS, NEXT_SALES, SNAPSHOTS, FirstDay
from tests.spark_jobs.jobs import assert_same_tables, ledger_row, run_failure, run_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SOURCE = Path(__file__).parent / "folder_catalog" / "FolderCatalog.scala"
NEXT_DAY = "2026-11-20"
BY_NAME = ("--catalog", "lakehouse")
TABLES = (
    "silver/customer",
    "silver/customer_quarantine",
    "silver/product",
    "silver/transactions",
    "silver/transactions_quarantine",
    "gold/sales_obt",
)


@pytest.fixture(scope="module")
def catalog(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a catalog `lakehouse`, which the session has from now on."""
    home = tmp_path_factory.mktemp("catalog")
    jar, folder = home / "catalog.jar", home / "lakehouse"
    folder.mkdir()
    _compile(spark, jar)
    settings = {"": "lakehouse.tests.FolderCatalog", ".root": str(folder)}
    for name, value in settings.items():
        spark.conf.set(f"spark.sql.catalog.lakehouse{name}", value)
    # The session keeps a catalog that it has loaded once.
    java = spark._jvm.java  # type: ignore[union-attr]
    thread = java.lang.Thread.currentThread()
    usual = thread.getContextClassLoader()
    urls = spark._sc._gateway.new_array(java.net.URL, 1)  # type: ignore[union-attr]
    urls[0] = java.io.File(str(jar)).toURI().toURL()
    thread.setContextClassLoader(java.net.URLClassLoader(urls, usual))
    try:
        spark._jsparkSession.sessionState().catalogManager().catalog("lakehouse")
    finally:
        thread.setContextClassLoader(usual)
    yield folder
    for name in settings:
        spark.conf.unset(f"spark.sql.catalog.lakehouse{name}")


def _compile(spark: SparkSession, jar: Path) -> None:
    """By the compiler that Spark brings, for a machine that has a Java to run and none to compile."""
    import pyspark

    own = os.pathsep.join(map(str, sorted((Path(pyspark.__path__[0]) / "jars").glob("*.jar"))))
    words = ["-cp", own, "-d", str(jar), str(SOURCE)]
    arguments = spark._sc._gateway.new_array(spark._jvm.java.lang.String, len(words))  # type: ignore[union-attr]
    for place, word in enumerate(words):
        arguments[place] = word
    assert spark._jvm.scala.tools.nsc.Main.process(arguments)  # type: ignore[union-attr]
    assert jar.exists()


def test_tables_by_name_hold_what_tables_by_folder_hold(first_day: FirstDay, catalog: Path, tmp_path: Path) -> None:
    by_folder = first_day.copied_to(tmp_path / "by_folder")
    by_name = BronzeLake(tmp_path / "by_name")
    shutil.copytree(first_day.root / "bronze", by_name.root / "bronze")
    for schema in ("silver", "gold"):
        (catalog / schema).mkdir()
    for table in (*SNAPSHOTS, "transactions"):
        run_job("silver", table, DAY, by_name.root, flags=BY_NAME)
    run_job("gold", "sales_obt", DAY, by_name.root, flags=BY_NAME)
    for lake, flags in ((by_folder, ()), (by_name, BY_NAME)):
        lake.land_snapshot("customer", CUSTOMER, NEXT_DAY, NEXT_CUSTOMERS)
        lake.land_fact("transactions", TRANSACTIONS, NEXT_DAY, NEXT_SALES, "order_date")
        for stage, table in (("silver", "customer"), ("silver", "transactions"), ("gold", "sales_obt")):
            run_job(stage, table, NEXT_DAY, lake.root, flags=flags)

    assert_same_tables(catalog, by_folder.root, TABLES)
    # A catalog that knows no views has none made, and its tables are right all the same.
    assert ledger_row("gold", "sales_obt", NEXT_DAY, by_name.root)["detail"]["views_made"] is None
    # All tables are the catalog's, and none lies in the lake.
    assert sorted(path.name for path in by_name.root.iterdir()) == ["bronze", "ledger", "state"]


def test_a_schema_that_is_not_there_is_named(catalog: Path, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path / "lake")
    lake.land_snapshot("market", MARKET, DAY, [("Mark001", "Delhi", "North")])
    shutil.rmtree(catalog / "silver", ignore_errors=True)
    message = run_failure("silver", "market", DAY, lake.root, flags=BY_NAME)
    assert message is not None
    assert "[SCHEMA_NOT_FOUND]" in message
    assert "`lakehouse`.`silver`" in message
    assert ledger_row("silver", "market", DAY, lake.root)["status"] == "failed"
