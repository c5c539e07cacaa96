"""Which rows of gold are written again, as conditions over the fact and over gold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from medallion.gold.reflected import Reflected
from medallion.gold.refresh_plan import ChangedKeys, Plan, changed_keys, shown_in_gold
from medallion.lake.small_frames import Fetched, fetch_small

from lake_model.changed_rows import ChangedRows, KeyValues
from lake_model.contracts.silver_contract import Join, OneBigTableContract, SilverContract
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from tests.spark_jobs.bronze_lake import CONTRACTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def contract() -> OneBigTableContract:
    return read_one_big_table_contract(CONTRACTS, "sales_obt")


@pytest.fixture
def silver() -> dict[str, SilverContract]:
    return {name: read_silver_contract(CONTRACTS, name) for name in ("transactions", "product", "date")}


def test_a_plan_is_one_condition_in_the_names_of_each_side() -> None:
    keys = (
        ChangedKeys("product", ("product_code",), ("article",), ("string",), (("P'1",), ("P2",))),
        ChangedKeys("shop", ("town", "number"), ("town", "shop_number"), ("string", "int"), (("Ulm", "1"),)),
    )
    plan = Plan(frozenset({DAY}), keys=keys)
    assert plan.in_fact("sold_on") == (
        "`sold_on` = DATE'2026-11-20' OR `product_code` IN ('P\\'1', 'P2')"
        " OR (`town` = 'Ulm' AND `number` = CAST('1' AS int))"
    )
    assert plan.in_gold("day") == (
        "`day` = DATE'2026-11-20' OR `article` IN ('P\\'1', 'P2')"
        " OR (`town` = 'Ulm' AND `shop_number` = CAST('1' AS int))"
    )


def test_a_plan_without_dates_and_keys_writes_nothing_and_one_for_a_reason_writes_everything() -> None:
    assert Plan(frozenset()).is_empty
    assert Plan(frozenset()).in_gold("day") == "FALSE"
    assert not Plan(None, "new").is_empty
    assert not Plan(frozenset(), keys=(ChangedKeys("p", ("a",), ("a",), ("int",), (("1",),)),)).is_empty


def test_what_a_plan_writes_is_noted_in_the_names_of_gold() -> None:
    keys = (ChangedKeys("shop", ("town", "number"), ("town", "shop_number"), ("string", "int"), (("Ulm", "1"),)),)
    noted = ChangedRows(frozenset({DAY}), (KeyValues(("town", "shop_number"), frozenset({("Ulm", "1")})),))
    assert Plan(frozenset({DAY}), keys=keys).rows == noted
    assert Plan(frozenset()).rows == ChangedRows()
    assert Plan(None, "new").rows is None
    reflected = Reflected("contracts", {}, 3)
    assert ChangedRows.of_commit(reflected.to_text(noted)) == noted
    assert ChangedRows.of_commit(reflected.to_text(None)) is None
    assert Reflected.from_text(reflected.to_text(noted)) == reflected


def test_a_key_is_found_in_gold_by_the_column_that_shows_it_as_it_is(
    contract: OneBigTableContract, silver: dict[str, SilverContract]
) -> None:
    join = Join("product", (("product_code", "product_code"),))
    assert shown_in_gold(contract, silver, join) == ("product_code",)
    changed = [
        replace(one, expression=f"upper({one.expression})") if one.name == "product_code" else one
        for one in contract.columns
    ]
    assert shown_in_gold(replace(contract, columns=tuple(changed)), silver, join) is None


@pytest.mark.parametrize("table", ["transactions", "product"])
def test_a_confidential_key_is_named_in_no_condition_which_the_log_of_the_table_would_keep(
    contract: OneBigTableContract, silver: dict[str, SilverContract], table: str
) -> None:
    columns = [
        replace(one, classification="confidential") if one.name == "product_code" else one
        for one in silver[table].columns
    ]
    hidden = silver | {table: replace(silver[table], columns=tuple(columns))}
    assert shown_in_gold(contract, hidden, Join("product", (("product_code", "product_code"),))) is None


@pytest.mark.spark
def test_keys_of_changed_rows_are_the_same_whether_or_not_the_dimension_is_local(
    spark: SparkSession, contract: OneBigTableContract, silver: dict[str, SilverContract]
) -> None:
    join = next(join for join in contract.joins if join.dimension == "product")
    columns = "product_code STRING, price DOUBLE, tags ARRAY<STRING>"
    before = spark.createDataFrame([("a", 1.0, ["x"]), ("b", 2.0, None), ("c", None, []), ("d", 4.0, ["y"])], columns)
    after = spark.createDataFrame([("a", 1.0, ["x"]), ("b", 2.5, None), ("c", None, ["z"]), ("e", 4.0, None)], columns)

    local = changed_keys(spark, fetch_small(spark, before), fetch_small(spark, after), contract, silver, join)
    plain = changed_keys(spark, Fetched(before, None), Fetched(after, None), contract, silver, join)

    assert local == plain
    assert local is not None
    assert local.values == (("b",), ("c",), ("d",), ("e",))
