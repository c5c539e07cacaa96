"""Contracts become plain values; every fault is told at once, with file, field, value and cure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake_model.contracts.silver_contract import Column, Join, WideColumn
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract, silver_tables
from lake_model.errors import ContractError
from tests.conftest import PROJECT

CONTRACTS = PROJECT / "contracts" / "atliqsale"


def read(path: Path, table: str = "customer") -> object:
    return read_silver_contract(path, table)


def test_a_fact_as_it_is_shipped() -> None:
    contract = read_silver_contract(CONTRACTS, "transactions")
    assert (contract.kind, contract.date_source, contract.date_column) == ("fact", "order_date", "order_date")
    assert contract.keep_one
    assert contract.measures == ("sales_qty", "sales_amount")
    assert contract.columns[3:6] == (
        Column("order_date", "order_date", "`order_date`", "date"),
        Column("sales_qty", "sales_qty", "`sales_qty`", "bigint"),
        Column("sales_amount", "sales_amount", "`sales_amount`", "decimal(14,2)"),
    )
    assert contract.columns[7].source is None


def test_who_may_see_a_column_is_known() -> None:
    columns = read_silver_contract(CONTRACTS, "customer").columns
    assert {column.name: column.classification for column in columns} == {
        "customer_code": "", "customer_name": "confidential", "customer_type": "",
    }  # fmt: skip


def test_a_one_big_table_as_it_is_shipped() -> None:
    contract = read_one_big_table_contract(CONTRACTS, "sales_obt")
    assert contract.joins[3] == Join("date", (("order_date", "date"),))
    assert contract.columns[3] == WideColumn("month_name", "date.month_name", None, "date", "Unknown")


def test_every_fault_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    path = folder / "customer.odcs.yaml"
    text = path.read_text()
    lines = []
    for old, new in [
        ("trim(customer_code)", "concat(customer_code, uuid())"),
        ("severity: warning", "severity: fatal"),
        ("[customer_name, customer_type]", "[customer_nam]"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
        lines.append(text[: text.index(new)].count("\n") + 1)
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        read(folder)
    assert str(caught.value).splitlines() == [
        f"3 problems in the contracts of {folder}:",
        *sorted(
            [
                f"customer.odcs.yaml: line {lines[0]}: schema[customer].properties[customer_code].transformLogic: "
                "'uuid(': differs from run to run: use the columns of the row alone",
                f"customer.odcs.yaml: line {lines[1]}: schema[customer].properties[customer_type].quality"
                "[customer_type_valid_values].severity: 'fatal': must be one of error, warning",
                f"customer.odcs.yaml: line {lines[2]}: schema[customer].customProperties.trackedColumns: "
                "'customer_nam': is no column of this contract; it has customer_code, customer_name, customer_type",
            ],
            key=lambda line: int(line.split()[2].rstrip(":")),
        ),
    ]


def test_a_table_without_a_contract_names_those_there_are() -> None:
    with pytest.raises(ContractError, match="has customer, date, market, product, sales_obt, transactions"):
        read(CONTRACTS, "nothing")


def test_the_content_hash_ignores_words_that_change_no_row(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    before = read_silver_contract(folder, "customer").content_hash
    path = folder / "customer.odcs.yaml"
    path.write_text(path.read_text().replace("Who bought;", "Who has bought;"))
    assert read_silver_contract(folder, "customer").content_hash == before
    path.write_text(path.read_text().replace("maxLength: 64", "maxLength: 63"))
    assert read_silver_contract(folder, "customer").content_hash != before


def test_facts_are_rebuilt_after_the_dimensions_that_they_are_held_against(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    (folder / "transactions.odcs.yaml").rename(folder / "booking.odcs.yaml")
    (folder / "market.odcs.yaml").write_text("no contract")

    assert silver_tables(folder) == ["customer", "date", "market", "product", "booking"]
