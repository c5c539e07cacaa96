"""Measures and hierarchies as a One Big Table's contract declares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake_model.contracts.kpi_contract import Aggregate, Measure, parse_expression, read_kpi_contracts
from lake_model.contracts.table_contracts import read_one_big_table_contract
from lake_model.errors import ContractError

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]


def set_property(document: dict[str, Any], name: str, value: object) -> None:
    properties = document["schema"][0]["customProperties"]
    properties[:] = [entry for entry in properties if entry["property"] != name]
    if value is not None:
        properties.append({"property": name, "value": value})


def kpi(**changes: object) -> list[dict[str, object]]:
    return [{"name": "revenue", "title": "Revenue", "expression": "sum(revenue_inr)"} | changes]


def test_the_shipped_contract_declares_its_measures_and_hierarchies(contracts_folder: Path) -> None:
    (contract,) = read_kpi_contracts(contracts_folder.parent)
    assert (contract.name, contract.title, contract.date_column) == ("atliqsale.sales_obt", "Sales", "order_date")
    assert contract.measures[0] == Measure("revenue", "Revenue", Aggregate("sum", "revenue_inr"), None, "money", "INR")
    assert contract.measures[3].per == Aggregate("sum", "sales_qty")
    assert [level.column for level in contract.levels] == [
        "division", "segment", "category", "product_name", "zone", "market_name", "customer_name", "customer_type",
    ]  # fmt: skip
    customer = contract.levels[6]
    assert (customer.title, customer.classification, customer.unknown_member) == ("Customer", "confidential", "Unknown")


def test_a_declaration_makes_no_table_anew(contracts_folder: Path, edit_contract: EditContract) -> None:
    before = read_one_big_table_contract(contracts_folder, "sales_obt").content_hash
    edit_contract("sales_obt", lambda document: set_property(document, "kpis", kpi()))
    assert read_one_big_table_contract(contracts_folder, "sales_obt").content_hash == before


def test_a_table_without_a_declaration_has_no_page(contracts_folder: Path, edit_contract: EditContract) -> None:
    def forget(document: dict[str, Any]) -> None:
        set_property(document, "kpis", None)
        set_property(document, "hierarchies", None)

    edit_contract("sales_obt", forget)
    assert read_kpi_contracts(contracts_folder.parent) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(a)", (Aggregate("sum", "a"), None)),
        (" COUNT( * ) ", (Aggregate("count"), None)),
        ("count(distinct a)", (Aggregate("count_distinct", "a"), None)),
        ("sum(a) / count(*)", (Aggregate("sum", "a"), Aggregate("count"))),
        ("max(a)/min(b)", (Aggregate("max", "a"), Aggregate("min", "b"))),
        ("sum(*)", None),
        ("count(a)", None),
        ("sum(distinct a)", None),
        ("avg(a)", None),
        ("sum(a) / 0", None),
        ("sum(a) + sum(b)", None),
        ("sum(a); drop table b", None),
        ("", None),
    ],
)
def test_an_expression_is_an_aggregate_or_one_per_another(text: str, expected: object) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("kpis", [], "customProperties.kpis: []: must be a list of at least one entry with a name and a title"),
        ("kpis", None, "customProperties.kpis: None: must be a list of at least one entry"),
        ("kpis", kpi(name="Net revenue"), "kpis[Net revenue].name: 'Net revenue': must be lower case letters"),
        ("kpis", kpi(title=7), "kpis[revenue].title: 7: must be a text"),
        ("kpis", kpi(colour="red"), "kpis[revenue].colour: 'red': is not known; known are expression, format, name"),
        ("kpis", kpi(format="euro"), "kpis[revenue].format: 'euro': must be one of number, money, percent"),
        ("kpis", kpi(expression="avg(x)"), "kpis[revenue].expression: 'avg(x)': must be sum(column), min(column)"),
        ("kpis", kpi(expression="sum(profit)"), "profit is no column of this contract; it has order_date"),
        ("kpis", kpi(expression="sum(currency)"), "currency is string: only a number or an integer has a sum"),
        ("kpis", kpi() + kpi(), "customProperties.kpis: 'revenue': is there more than once: keep one of them"),
        ("hierarchies", [{"name": "p", "title": "P", "levels": ["colour"]}], "'colour': is no column of this contract"),
        ("hierarchies", [{"name": "p", "title": "P", "levels": ["order_date"]}], "is date: a level is a string"),
        ("hierarchies", [{"name": "p", "title": "P"}], "hierarchies[p].levels: None: must be a list of columns"),
        ("hierarchies", [{"name": "p", "title": "P", "levels": ["zone", "zone"]}], "levels: 'zone': is there more"),
        ("kpis", kpi(name="zone"), "hierarchies.levels: 'zone': is also a measure or a column of the views"),
        ("kpis", kpi(name="period"), "kpis: 'period': is also a measure or a column of the views of"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_field_and_cure(
    contracts_folder: Path, edit_contract: EditContract, name: str, value: object, told: str
) -> None:
    edit_contract("sales_obt", lambda document: set_property(document, name, value))
    with pytest.raises(ContractError) as error:
        read_kpi_contracts(contracts_folder.parent)
    assert told in str(error.value)
    # The day's run and the check of contracts tell the same.
    with pytest.raises(ContractError) as error:
        read_one_big_table_contract(contracts_folder, "sales_obt")
    assert told in str(error.value)
