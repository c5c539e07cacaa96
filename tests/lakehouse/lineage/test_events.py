"""What OpenLineage is told of tables of silver and gold, by their contracts alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from lakehouse.errors import ContractError
from lakehouse.ledger import LedgerRow
from lakehouse.lineage.table_events import copy_lineage, gold_lineage, silver_lineage
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator
from lakehouse.settings import load_settings
from lakehouse.source.source_connection import ConnectionInfo
from openlineage.client.serde import Serde

from tests.conftest import PROJECT
from tests.lakehouse.quiet_lake import make_lake

ACCOUNT = "abfss://lake@acct.dfs.core.windows.net"
SETTINGS = load_settings(
    {
        "LAKEHOUSE_LAKE_ROOT": "abfs://adls@lake",
        "LAKEHOUSE_SPARK_LAKE_ROOT": ACCOUNT,
        "LAKEHOUSE_CONTRACTS_ROOT": str(PROJECT / "contracts"),
    }
)


def outputs(lineage: Any) -> dict[str, dict[str, Any]]:
    """The facets of the tables that are made, by name."""
    return {one["name"]: one["facets"] for one in map(Serde.to_dict, lineage.outputs)}


def made_of(facets: dict[str, Any], column: str) -> list[tuple[str, str, str]]:
    """What a column is made of: table, column, and how."""
    fields = facets["columnLineage"]["fields"][column]["inputFields"]
    assert {one["namespace"] for one in fields} == {ACCOUNT}
    return [
        (one["name"], one["field"], "/".join((how["type"], how["subtype"])))
        for one in fields
        for how in one["transformations"]
    ]


def test_a_one_big_table_is_told_with_each_column_that_it_is_made_of() -> None:
    lineage = gold_lineage(SETTINGS, "atliqsale", "sales_obt")
    assert [one.name for one in lineage.inputs] == [
        "silver/transactions", "silver/product", "silver/customer", "silver/market", "silver/date",
    ]  # fmt: skip
    (facets,) = outputs(lineage).values()
    assert made_of(facets, "revenue_inr") == [("silver/transactions", "revenue_inr", "DIRECT/IDENTITY")]
    assert made_of(facets, "zone") == [
        ("silver/market", "zone", "DIRECT/TRANSFORMATION"),
        ("silver/transactions", "market_code", "INDIRECT/JOIN"),
        ("silver/market", "market_code", "INDIRECT/JOIN"),
    ]
    (secret,) = facets["tags"]["tags"]
    assert (secret["key"], secret["value"], secret["field"]) == ("classification", "confidential", "customer_name")
    types = {one["name"]: one["type"] for one in facets["schema"]["fields"]}
    assert (len(types), types["revenue_inr"]) == (20, "decimal(18,2)")


def test_tables_of_silver_are_told_with_quarantines_and_made_of_bronze_alone() -> None:
    lineage = silver_lineage(SETTINGS, "atliqsale", ["market", "transactions"])
    assert [one.name for one in lineage.inputs] == ["bronze/atliqsale/market", "bronze/atliqsale/transactions"]
    made = outputs(lineage)
    assert list(made) == [
        "silver/market", "silver/market_quarantine", "silver/transactions", "silver/transactions_quarantine",
    ]  # fmt: skip
    sales, landed = made["silver/transactions"], "bronze/atliqsale/transactions"
    assert made_of(sales, "revenue_inr") == [
        (landed, "currency", "DIRECT/TRANSFORMATION"),
        (landed, "sales_amount", "DIRECT/TRANSFORMATION"),
    ]
    # The surrogate key is made of columns of silver itself, of which no other run can tell.
    market = "bronze/atliqsale/market"
    assert made_of(made["silver/market"], "market_key") == [
        (market, "market_code", "DIRECT/TRANSFORMATION"),
        (market, "market_code", "INDIRECT/CONDITIONAL"),
        (market, "market_name", "INDIRECT/CONDITIONAL"),
        (market, "zone", "INDIRECT/CONDITIONAL"),
    ]
    assert [column for _, column, _ in made_of(made["silver/market_quarantine"], "raw_row")] == [
        "market_code", "market_name", "zone",
    ]  # fmt: skip


def test_a_copy_is_told_with_its_columns_and_figures_and_by_the_index_that_it_published(tmp_path: Path) -> None:
    lake = make_lake(tmp_path)
    settings = load_settings({"LAKEHOUSE_LAKE_ROOT": f"file://{tmp_path}"})
    source = ConnectionInfo("mysql_onprem", "db.shop", 3306, "reader", "secret")
    row = LedgerRow(
        "atliqsale", "market", "copy", "2026-11-21", "run", "success", "copied", 7, 7, 99, 1.0, "a", "b", None,
        {"files": 2},
    )  # fmt: skip
    told = copy_lineage(settings, source, row)
    assert told is not None
    (mysql,), (bronze,) = [[Serde.to_dict(one) for one in side] for side in (told.inputs, told.outputs)]
    assert (mysql["namespace"], mysql["name"]) == ("mysql://db.shop:3306", "atliqsale.market")
    assert [(one["name"], one["type"]) for one in mysql["facets"]["schema"]["fields"]] == [("code", "int")]
    assert (bronze["namespace"], bronze["name"]) == ("file", f"{lake.root}/bronze/atliqsale/market")
    (field,) = bronze["facets"]["columnLineage"]["fields"]["code"]["inputFields"]
    assert (field["namespace"], field["name"], field["field"]) == (mysql["namespace"], mysql["name"], "code")
    figures = bronze["outputFacets"]["outputStatistics"]
    assert (figures["rowCount"], figures["size"], figures["fileCount"]) == (7, 99, 2)
    assert "secret" not in str((mysql, bronze))
    assert copy_lineage(settings, source, dataclasses.replace(row, table="nothing_landed")) is None


@pytest.mark.parametrize("tell", [silver_lineage, gold_lineage])
def test_a_table_without_a_contract_is_named(tell: Any) -> None:
    tables = ["sold"] if tell is silver_lineage else "sold"
    with pytest.raises(ContractError, match="there is no contract for table 'sold'"):
        tell(SETTINGS, "atliqsale", tables)


def test_a_day_without_a_run_tells_of_no_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    gold = SilverToGoldOperator(
        task_id="gold", schema="atliqsale", table="sales_obt", business_date="2026-11-20", run_slug="run"
    )
    monkeypatch.setattr(SilverToGoldOperator, "_unchanged", lambda _: {"outcome": "unchanged"})
    gold.execute({})
    assert gold.get_openlineage_facets_on_complete(None) is None
    assert gold.get_openlineage_facets_on_failure(None) is None
