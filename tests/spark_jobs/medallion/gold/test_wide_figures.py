"""When the figures of rows that a run does not write are known to be as they were."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from medallion.gold.refresh_plan import ChangedKeys, Plan
from medallion.gold.wide_figures import FactFigures, may_keep_figures
from medallion.reconcile import Figures, TableFigures

from lake_model.contracts.silver_contract import OneBigTableContract
from lake_model.contracts.table_contracts import read_one_big_table_contract
from tests.spark_jobs.bronze_lake import CONTRACTS

DAY = dt.date(2026, 11, 20)
RENAMED = ChangedKeys("product", ("product_code",), ("product_code",), ("string",), (("Prod001",),), stay_known=True)


@pytest.fixture(scope="module")
def contract() -> OneBigTableContract:
    return read_one_big_table_contract(CONTRACTS, "sales_obt")


@pytest.mark.parametrize(
    ("plan", "may"),
    [
        pytest.param(Plan(None, "new"), False, id="all is written"),
        pytest.param(Plan(frozenset()), True, id="nothing is written"),
        pytest.param(Plan(frozenset({DAY})), True, id="dates are written"),
        pytest.param(Plan(frozenset({DAY}), keys=(RENAMED,)), True, id="members are renamed"),
        pytest.param(Plan(frozenset(), keys=(RENAMED, replace(RENAMED, stay_known=False))), False, id="one is new"),
    ],
)
def test_figures_are_kept_where_a_run_changes_those_of_no_row_that_it_does_not_write(
    contract: OneBigTableContract, plan: Plan, may: bool
) -> None:
    assert may_keep_figures(contract, plan) == may


def test_a_measure_that_depends_on_a_dimension_may_change_with_a_name(contract: OneBigTableContract) -> None:
    columns = [
        replace(one, expression="transactions.revenue_inr * length(product.category)")
        if one.name == "revenue_inr"
        else one
        for one in contract.columns
    ]
    depending = replace(contract, columns=tuple(columns))
    assert not may_keep_figures(depending, Plan(frozenset(), keys=(RENAMED,)))
    assert may_keep_figures(depending, Plan(frozenset({DAY})))


def test_the_rows_to_write_are_those_of_the_dates_and_of_the_keys() -> None:
    whole = TableFigures({"2026-11-19": Figures(3), "2026-11-20": Figures(4, {}, {"rows to be written": 2})})
    assert FactFigures(whole, None).rows_to_write(Plan(None, "new")) == 7
    assert FactFigures(whole, None).rows_to_write(Plan(frozenset({DAY}))) == 4
    assert FactFigures(whole, None).rows_to_write(Plan(frozenset(), keys=(RENAMED,))) == 2
    assert FactFigures(whole, TableFigures({"2026-11-20": Figures(1)})).rows_to_write(Plan(frozenset({DAY}))) == 1
