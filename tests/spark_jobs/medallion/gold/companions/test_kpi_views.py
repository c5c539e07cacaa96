"""The views of the measures as the gold job makes them in a catalog."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from medallion.gold.companions import kpi_views as kpi_companion
from medallion.lake.table_names import TableNames

from cli.powerbi.names import Model
from cli.powerbi.project import project_files
from lake_model.contracts.kpi_contract import read_kpi_contracts
from lake_model.contracts.kpi_views import DUCKDB, kpi_views
from lake_model.contracts.table_contracts import read_one_big_table_contract
from tests.kpi.sample_lake import demo_rows, source_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture(scope="module")
def gold(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The One Big Table of the demo's source by plain SQL, in Spark's own catalog, which knows views."""
    folder = tmp_path_factory.mktemp("kpi_views")
    session = source_tables(demo_rows(2000))
    session.execute(f"COPY gold TO '{folder / 'gold.parquet'}' (FORMAT parquet)")
    spark.sql(f"CREATE DATABASE gold LOCATION '{folder / 'gold'}'")
    spark.read.parquet(str(folder / "gold.parquet")).write.format("delta").saveAsTable("gold.sales_obt")
    yield folder / "gold.parquet"
    spark.sql("DROP DATABASE gold CASCADE")


def refresh(spark: SparkSession, contracts: Path, *, mode: str = "unchanged") -> list[str]:
    contract = read_one_big_table_contract(contracts, "sales_obt")
    made: list[str] = kpi_companion.refresh(spark, TableNames("nowhere", "spark_catalog"), contract, mode=mode)[
        "views_made"
    ]
    return made


def test_views_hold_the_sources_figures_and_are_made_again_only_where_they_would_differ(
    spark: SparkSession, gold: Path, contracts_folder: Path, edit_contract: EditContract
) -> None:
    (contract,) = read_kpi_contracts(contracts_folder.parent)
    names = [view.name for view in kpi_views(contract)]
    assert refresh(spark, contracts_folder) == names

    def price(revenue: Decimal, quantity: int) -> Decimal:
        return (revenue / quantity).quantize(Decimal("0.0001"), "ROUND_HALF_UP")

    months = "SELECT date_trunc('month', order_date)::DATE, category, sum(revenue_inr), sum(sales_qty), count(*)"
    expected = [
        (month, category, revenue, quantity, sales, price(revenue, quantity))
        for month, category, revenue, quantity, sales in asked(gold, f"{months} FROM wide GROUP BY 1, 2")
    ]
    found = spark.sql(
        "SELECT period_start, category, revenue, quantity, sales, average_price "
        "FROM spark_catalog.gold.sales_obt_kpis_by_product WHERE period = 'month' AND grouped_by = 'category'"
    ).collect()
    assert sorted(map(tuple, found)) == sorted(expected)
    # Every row of a view is what DuckDB makes of the same table.
    for view in kpi_views(contract):
        if view.name in {"sales_obt_kpis", "sales_obt_kpis_by_channel"}:
            rows = spark.sql(f"SELECT * FROM spark_catalog.gold.{view.name}").collect()
            assert sorted(map(repr, map(tuple, rows))) == sorted(map(repr, asked(gold, view.select("wide", DUCKDB))))
            assert len(rows) > 100
    columns = spark.sql("DESCRIBE spark_catalog.gold.sales_obt_kpis").collect()
    assert [(row.col_name, row.comment) for row in columns][2:] == [
        ("revenue", "Revenue, INR"), ("quantity", "Quantity, pieces"), ("sales", "Sales, bookings"),
        ("average_price", "Average price, INR"),
    ]  # fmt: skip

    assert refresh(spark, contracts_folder) == []
    assert refresh(spark, contracts_folder, mode="full") == names

    def rename(document: dict[str, Any]) -> None:
        (hierarchies,) = [one for one in document["schema"][0]["customProperties"] if one["property"] == "hierarchies"]
        hierarchies["value"][2]["levels"].append("product_code")

    edit_contract("sales_obt", rename)
    assert refresh(spark, contracts_folder) == ["sales_obt_kpis_by_channel"]


def test_of_a_view_only_what_was_chosen_is_read(spark: SparkSession, gold: Path, contracts_folder: Path) -> None:
    refresh(spark, contracts_folder)
    chosen = spark.sql(
        "EXPLAIN SELECT * FROM spark_catalog.gold.sales_obt_kpis_by_product "
        "WHERE period = 'month' AND grouped_by = 'category'"
    ).collect()[0][0]
    assert chosen.count("FileScan") == 1


def test_the_dates_of_a_power_bi_project_are_whole_years(
    spark: SparkSession, gold: Path, contracts_folder: Path
) -> None:
    (contract,) = read_kpi_contracts(contracts_folder.parent)
    place = dict.fromkeys(("Server", "HTTP path"), "x")
    files = project_files(Model(contract, "directQuery"), place | {"Catalog": "spark_catalog", "Schema": "gold"})
    (query,) = re.findall(r"Query = (.*),", files["sales_obt.SemanticModel/definition/tables/Date.tmdl"])
    words = re.findall(r'#"(Catalog|Schema)"|"([^"]*)"', query)
    sql = "".join({"Catalog": "spark_catalog", "Schema": "gold"}.get(name, text) for name, text in words)
    rows = [tuple(row) for row in spark.sql(sql).orderBy("Date").collect()]
    ((first, last),) = asked(gold, "SELECT min(year(order_date)), max(year(order_date)) FROM wide")
    assert (rows[0], rows[-1]) == (
        (first, f"{first} Q1", f"{first}-01", dt.date(first, 1, 1)),
        (last, f"{last} Q4", f"{last}-12", dt.date(last, 12, 31)),
    )
    assert len(rows) == (dt.date(last, 12, 31) - dt.date(first, 1, 1)).days + 1


def asked(gold: Path, sql: str) -> list[tuple[Any, ...]]:
    """DuckDB's answer over the gold table, named `wide`."""
    import duckdb

    with duckdb.connect() as session:
        session.execute(f"CREATE VIEW wide AS SELECT * FROM '{gold}'")
        return [tuple(row) for row in session.execute(sql).fetchall()]
