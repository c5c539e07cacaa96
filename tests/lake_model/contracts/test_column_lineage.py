"""Which columns a column comes from, and which rest on it, as contracts say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from medallion.dimensions.scd1 import row_columns
from medallion.dimensions.scd2 import version_columns
from medallion.facts.fact_slices import fact_columns
from medallion.quality import quarantine

from lake_model.contracts.column_lineage import Layer, Lineage, LineageStep, read_lineage
from lake_model.contracts.silver_contract import TableKind
from lake_model.contracts.table_contracts import read_silver_contract, silver_tables
from lake_model.errors import ContractError
from tests.conftest import PROJECT
from tests.spark_jobs.small_contracts import column, dimension, fact, key, write_contract

CONTRACTS = PROJECT / "contracts" / "atliqsale"
SHIPPED = read_lineage([CONTRACTS])


def told(step: LineageStep) -> tuple[str, str, str, str]:
    """A step in words."""
    return step.origin.label, step.result.label, str(step.kind), step.how


def values_from_mysql(lineage: Lineage, name: str) -> list[str]:
    """The columns of MySQL that a column's values come from, without the layer."""
    (place,) = lineage.found(name)
    return [f"{one.table}.{one.column}" for one in lineage.values_from(place, Layer.MYSQL)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Contracts of a fact whose names and expressions are not plain, its dimension, and a One Big Table."""
    folder = tmp_path / "shop"
    fact(
        folder,
        "orders",
        [
            column("d", "date", "date", required=True),
            column("amount", "int", "integer", physicalName="Gross `Amount`"),
            column("till", "varchar(9)", "string", transformLogic="upper(TILL)"),
            column("place", "varchar(9)", "string", physicalName="Shop"),
            column("origin", "", "string", transformLogic="'till'", customProperties=[derived()]),
            column(
                "net", "", "integer", transformLogic="amount_net - `Gross ``Amount```", customProperties=[derived()]
            ),
        ],
    )
    dimension(folder, "shops", [key("Code", "varchar(9)", "string"), column("town", "varchar(9)", "string")], 2)
    write_contract(
        folder,
        "wide",
        [
            wide("day", "date", "orders.d"),
            wide("town", "string", "shops.TOWN"),
            wide("net", "integer", "orders.`net`"),
            wide("one", "integer", "1"),
        ],
        tableKind="one_big_table",
        factTable="orders",
        joins=[{"table": "shops", "on": {"place": "Code"}}],
        partitionColumn="day",
        kpis=[
            {"name": "share", "title": "Share", "expression": "sum(net) / count(*)"},
            {"name": "towns", "title": "Towns", "expression": "count(distinct town)"},
            {"name": "sales", "title": "Sales", "expression": "count(*)"},
        ],
        hierarchies=[{"name": "place", "title": "Place", "levels": ["town"]}],
    )
    return folder


def derived() -> dict[str, Any]:
    return {"property": "derived", "value": True}


def wide(name: str, kind: str, expression: str) -> dict[str, Any]:
    return {"name": name, "logicalType": kind, "transformLogic": expression}


def test_a_measure_comes_from_the_columns_of_mysql_that_it_is_made_of() -> None:
    (place,) = SHIPPED.found("kpi.sales_obt.revenue")
    how = (
        r"cast(sales_amount * if(upper(trim(regexp_replace(currency, '[\r\n]', ''))) = 'USD', 75, 1) as decimal(18,2))"
    )
    silver, bronze, mysql = "silver.transactions", "bronze.atliqsale.transactions", "mysql.atliqsale.transactions"
    assert [told(step) for step in SHIPPED.comes_from(place)] == [
        ("gold.sales_obt.revenue_inr", "kpi.sales_obt.revenue", "aggregated", "sum(revenue_inr)"),
        (f"{silver}.revenue_inr", "gold.sales_obt.revenue_inr", "copied", ""),
        (f"{bronze}.currency", f"{silver}.revenue_inr", "computed", how),
        (f"{bronze}.sales_amount", f"{silver}.revenue_inr", "computed", how),
        (f"{mysql}.currency", f"{bronze}.currency", "copied", ""),
        (f"{mysql}.sales_amount", f"{bronze}.sales_amount", "copied", ""),
    ]


def test_a_column_of_a_dimension_rests_on_the_keys_that_find_its_row() -> None:
    (place,) = SHIPPED.found("gold.sales_obt.zone")
    on = "transactions.market_code = market.market_code"
    assert [told(step) for step in SHIPPED.into(place)] == [
        (
            "silver.market.zone",
            "gold.sales_obt.zone",
            "computed",
            "market.zone, or 'Unknown' where market has no such row",
        ),
        ("silver.transactions.market_code", "gold.sales_obt.zone", "joined", on),
        ("silver.market.market_code", "gold.sales_obt.zone", "joined", on),
    ]
    assert values_from_mysql(SHIPPED, "gold.sales_obt.zone") == ["atliqsale.market.zone"]


def test_what_rests_on_a_column_of_mysql_is_found_up_to_the_measures() -> None:
    (place,) = SHIPPED.found("atliqsale.transactions.currency")
    assert [step.result.label for step in SHIPPED.rests_on(place)] == [
        "bronze.atliqsale.transactions.currency",
        "silver.transactions.currency",
        "silver.transactions.revenue_inr",
        "silver.transactions_quarantine.raw_row",
        "gold.sales_obt.currency",
        "gold.sales_obt.revenue_inr",
        "kpi.sales_obt.revenue",
        "kpi.sales_obt.average_price",
    ]
    assert [one.label for one in SHIPPED.values_in(place, Layer.GOLD)] == [
        "gold.sales_obt.currency",
        "gold.sales_obt.revenue_inr",
    ]


def test_versions_rest_on_the_key_and_on_what_is_tracked() -> None:
    (place,) = SHIPPED.found("silver.customer.valid_to")
    assert {(step.origin.column, str(step.kind)) for step in SHIPPED.into(place)} == {
        ("customer_code", "versioned"),
        ("customer_name", "versioned"),
        ("customer_type", "versioned"),
    }
    assert SHIPPED.values_from(place, Layer.MYSQL) == ()


@pytest.mark.parametrize("table", silver_tables(CONTRACTS))
def test_it_knows_each_column_that_the_jobs_write(table: str) -> None:
    contract = read_silver_contract(CONTRACTS, table)
    if contract.kind is TableKind.FACT:
        written = fact_columns(contract)
    else:
        written = version_columns(contract) if contract.scd_type == 2 else row_columns(contract)
    assert {place.column for place in SHIPPED.found(f"silver.{table}")} == {name for name, _ in written} - {"_warnings"}
    (kept,) = SHIPPED.found(f"silver.{table}_quarantine")
    assert kept.column in dict(quarantine.COLUMNS)


def test_names_are_found_as_mysql_and_spark_find_them(shop: Path) -> None:
    lineage = read_lineage([shop])
    assert values_from_mysql(lineage, "silver.orders.till") == ["shop.orders.till"]
    assert values_from_mysql(lineage, "gold.wide.net") == ["shop.orders.Gross `Amount`", "shop.orders.amount_net"]
    assert values_from_mysql(lineage, "gold.wide.town") == ["shop.shops.town"]
    (place,) = lineage.found("shop.orders.Shop")
    assert [step.result.label for step in lineage.rests_on(place)][-1] == "kpi.wide.towns"
    # A plain column in quotes is no expression.
    (net,) = lineage.found("gold.wide.net")
    assert [str(step.kind) for step in lineage.into(net)] == ["copied"]


def test_what_comes_from_no_column_is_known_all_the_same(shop: Path) -> None:
    lineage = read_lineage([shop])
    for name in ("silver.orders.origin", "gold.wide.one", "kpi.wide.sales"):
        (place,) = lineage.found(name)
        assert (lineage.comes_from(place), lineage.rests_on(place)) == ((), ())
    (share,) = lineage.found("kpi.wide.share")
    assert [told(step)[3] for step in lineage.into(share)] == ["sum(net) / count(*)"]


def test_schemas_stand_beside_each_other(shop: Path) -> None:
    both = read_lineage([CONTRACTS, shop])
    assert len(both.steps) == len(SHIPPED.steps) + len(read_lineage([shop]).steps)
    assert values_from_mysql(both, "gold.sales_obt.zone") == ["atliqsale.market.zone"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gold.wide.towns", "gold.wide has no column towns; it has day, town, net, one"),
        ("gold.sales.town", "no contract has a table or column gold.sales.town; there are the tables gold.wide"),
        (
            "towns",
            "no contract has a table or column towns; there are the tables silver.shops, silver.orders, "
            "gold.wide, kpi.wide, mysql.shop.shops, bronze.shop.shops, silver.shops_quarantine, mysql.shop.orders, "
            "bronze.shop.orders, silver.orders_quarantine",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_there_are(shop: Path, name: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_lineage([shop]).found(name)
    assert str(caught.value) == message


def test_a_table_that_nobody_copies_breaks_the_one_big_table_with_one_message(shop: Path) -> None:
    file = shop / "shops.odcs.yaml"
    file.write_text(
        file.read_text().replace("customProperties:", "customProperties:\n  - {property: excluded, value: true}", 1)
    )
    with pytest.raises(ContractError, match=r"^wide\.odcs\.yaml: it is made of shops, which has no contract: write "):
        read_lineage([shop])
