"""Rules, expectations and limits of a contract: what is accepted, and what is said of every way to get one wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lake_model.contracts.table_contracts import load_contracts
from tests.conftest import EditContract
from tests.lake_model.contracts.spoiling import problems, without_line

SALES = "transactions.odcs.yaml: schema[transactions]"


def said(folder: Path) -> list[str]:
    return [without_line(one) for one in problems(folder)]


def with_rule(edit_contract: EditContract, rule: dict[str, Any], name: str = "transactions") -> None:
    edit_contract(name, lambda document: document["schema"][0].update(quality=[{"name": "rule", **rule}]))


ACCEPTED: list[dict[str, Any]] = [
    {"metric": "duplicateValues", "arguments": {"properties": ["product_code", "order_date"]}, "mustBe": 0},
    {
        "metric": "duplicateValues",
        "arguments": {"properties": ["product_code"]},
        "mustBeLessThan": 2,
        "unit": "percent",
    },
    {"metric": "rowCount", "mustBeGreaterThan": 0},
    {"metric": "rowCount", "arguments": {"per": "date"}, "mustBeBetween": [1, 5000]},
    {"metric": "rowCount", "arguments": {"trailingDays": 28}, "mustBeBetween": [50, 200], "unit": "percent"},
    {
        "type": "custom",
        "engine": "lakehouse",
        "implementation": {"metric": "sum", "column": "sales_amount", "trailingDays": 28, "mustBeBetween": [50, 200]},
    },
    {"type": "text", "description": "Nothing that a machine can judge."},
]


@pytest.mark.parametrize("rule", ACCEPTED)
def test_a_rule_over_the_table_is_accepted(
    contracts_folder: Path, edit_contract: EditContract, rule: dict[str, Any]
) -> None:
    with_rule(edit_contract, rule)

    assert "transactions" in load_contracts(contracts_folder).tables


SUM = {"type": "custom", "engine": "lakehouse"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"metric": "nullValues", "mustBe": 0}, "quality[rule]: 'nullValues': must stand at the column that it is about"),
    (
        {"metric": "duplicateValues", "arguments": {"properties": ["product"]}, "mustBe": 0},
        "quality[rule].arguments.properties: 'product': is no column of this contract; it has product_code, ",
    ),
    (
        {"metric": "duplicateValues", "mustBe": 0},
        "quality[rule].arguments.properties: None: must be a list of the columns that together are unique",
    ),
    ({"metric": "rowCount", "mustBe": "many"}, "quality[rule].mustBe: 'many': must be a number"),
    ({"metric": "rowCount", "mustBeBetween": [9, 3]}, "quality[rule].mustBeBetween: [9, 3]: must have the smaller"),
    ({"metric": "rowCount", "mustBe": 1, "unit": "percent"}, "quality[rule].unit: 'percent': must be rows"),
    (
        {"metric": "rowCount", "arguments": {"trailingDays": 0}, "mustBe": 1},
        "quality[rule].arguments.trailingDays: 0: must be a whole number of days from 1",
    ),
    (
        {"metric": "rowCount", "arguments": {"window": 3}, "mustBe": 1},
        "quality[rule].arguments.window: 3: is not known; known are per, trailingDays",
    ),
    (
        {**SUM, "implementation": {"metric": "sum", "column": "revenue_inr", "mustBe": 1}},
        "quality[rule].implementation.column: 'revenue_inr': must be one of the measures, which are summed at the "
        "source: sales_qty, sales_amount",
    ),
    (
        {**SUM, "implementation": {"metric": "mean", "column": "sales_qty"}},
        "quality[rule].implementation: []: must have exactly one of mustBe, ",
    ),
    ({"type": "sql", "query": "SELECT 1", "mustBe": 1}, "quality[rule]: {'type': 'sql', "),
]


@pytest.mark.parametrize(("rule", "expected"), REFUSED)
def test_a_wrong_rule_over_the_table_is_told(
    contracts_folder: Path, edit_contract: EditContract, rule: dict[str, Any], expected: str
) -> None:
    with_rule(edit_contract, rule)

    lines = said(contracts_folder)

    assert any(line.startswith(f"{SALES}.{expected}") for line in lines), lines


def test_a_dimension_has_no_dates_to_compare(contracts_folder: Path, edit_contract: EditContract) -> None:
    with_rule(edit_contract, {"metric": "rowCount", "arguments": {"per": "date"}, "mustBe": 1}, "market")

    assert said(contracts_folder) == [
        "market.odcs.yaml: schema[market].quality[rule].arguments.per: 'date': needs a fact: a dimension has no dates "
        "to compare"
    ]


def test_a_wrong_expression_is_told_with_its_line(contracts_folder: Path) -> None:
    path = contracts_folder / "transactions.odcs.yaml"
    text = path.read_text().replace("sales_amount > 0", "sales_amount >> 0 >").replace("trim(market_code)", "trim(")
    path.write_text(text)
    lines = text.splitlines()
    rule = next(number for number, line in enumerate(lines, 1) if "sales_amount >> 0 >" in line)
    logic = next(number for number, line in enumerate(lines, 1) if "nullif(trim(, '')" in line)

    told = problems(contracts_folder)

    assert len(told) == 2
    assert told[0].startswith(f"transactions.odcs.yaml: line {logic}: schema[transactions].properties[market_code].")
    assert told[1].startswith(f"transactions.odcs.yaml: line {rule}: schema[transactions].properties[sales_amount].")


def test_limits_that_stop_a_run(contracts_folder: Path, edit_contract: EditContract) -> None:
    def stop_above(value: object) -> None:
        def change(document: dict[str, Any]) -> None:
            properties = document["schema"][0]["customProperties"]
            kept = [one for one in properties if one["property"] != "stopAbove"]
            document["schema"][0]["customProperties"] = [*kept, {"property": "stopAbove", "value": value}]

        edit_contract("transactions", change)

    stop_above({"quarantined": {"percent": 5}, "sales_qty_minimum": {"rows": 100}})
    assert load_contracts(contracts_folder).tables

    stop_above({"sales_quantity": {"rows": 1}, "quarantined": {"percent": 5, "rows": 1}})
    told = said(contracts_folder)
    assert told[0] == (
        f"{SALES}.customProperties.stopAbove.quarantined: {{'percent': 5, 'rows': 1}}: must be {{rows: <number>}} or "
        "{percent: <number>}"
    )
    assert told[1].startswith(
        f"{SALES}.customProperties.stopAbove.sales_quantity: {{'rows': 1}}: is no rule of this contract; there are "
        "quarantined, product_code_type_conversion, product_code_required, "
    )


def test_a_freshness_of_a_column(contracts_folder: Path, edit_contract: EditContract) -> None:
    def freshness(**values: object) -> None:
        entry = {"property": "latency", "value": 2, "unit": "d", "element": "transactions.order_date", **values}
        edit_contract("transactions", lambda document: document.update(slaProperties=[entry]))

    freshness(customProperties=[{"property": "severity", "value": "error"}])
    assert load_contracts(contracts_folder).tables

    freshness(element="transactions.currency", unit="h")
    assert said(contracts_folder) == [
        "transactions.odcs.yaml: slaProperties[latency]: '2 h': must be a whole number of days, unit d, where it names "
        "a column",
        "transactions.odcs.yaml: slaProperties[latency].element: 'transactions.currency': must be transactions, or "
        "transactions.<the date column of a fact>",
    ]
