"""Contracts become plain values; every fault is told at once, with file, field, value and cure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS


def read(path: Path, table: str = "customer") -> object:
    from medallion.contracts.contract_files import read_silver_contract

    return read_silver_contract(path, table)


def test_a_fact_as_it_is_shipped() -> None:
    from medallion.contracts.contract_files import read_silver_contract
    from medallion.contracts.silver_contract import Column

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


def test_a_one_big_table_as_it_is_shipped() -> None:
    from medallion.contracts.contract_files import read_one_big_table_contract
    from medallion.contracts.silver_contract import Join, WideColumn

    contract = read_one_big_table_contract(CONTRACTS, "sales_obt")
    assert contract.joins[3] == Join("date", (("order_date", "date"),))
    assert contract.columns[3] == WideColumn("month_name", "date.month_name", None, "date", "Unknown")


def test_what_only_the_copy_acts_upon_is_let_through(tmp_path: Path) -> None:
    from medallion.contracts.contract_files import read_silver_contract

    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    path = folder / "customer.odcs.yaml"
    kind = "      - {property: tableKind, value: dimension}\n"
    text = path.read_text()
    assert kind in text
    path.write_text(text.replace(kind, f"{kind}      - {{property: parallelRanges, value: 4}}\n"))
    assert read_silver_contract(folder, "customer").columns == read_silver_contract(CONTRACTS, "customer").columns


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    from medallion.errors import ContractError

    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    path = folder / "customer.odcs.yaml"
    text = path.read_text()
    for old, new in [
        ("value: dimension", "value: dimensions"),
        ("[customer_name, customer_type]", "[customer_nam]"),
        ("{maxLength: 64}", "{maxLength: many}"),
        ("severity: warning", "severity: fatal"),
        ("trim(customer_code)", "concat(customer_code, uuid())"),
        ("classification: confidential", "clasification: confidential"),
    ]:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        read(folder)
    message = str(caught.value)
    for part in (
        f"{path}: customProperties.tableKind: 'dimensions': use one of dimension, fact",
        "customProperties.trackedColumns: 'customer_nam': no such column",
        "logicalTypeOptions.maxLength: 'many': a whole number from 0 is wanted",
        "'fatal': use error or warning",
        "'uuid(': its value differs from run to run",
        "schema[0].properties[1].clasification: ODCS has no such field here",
    ):
        assert part in message


def test_a_table_without_a_contract_names_those_there_are() -> None:
    from medallion.errors import ContractError

    with pytest.raises(ContractError, match="has customer, date, market, product, sales_obt, transactions"):
        read(CONTRACTS, "nothing")


def test_the_content_hash_ignores_words_that_change_no_row(tmp_path: Path) -> None:
    from medallion.contracts.contract_files import read_silver_contract

    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    before = read_silver_contract(folder, "customer").content_hash
    path = folder / "customer.odcs.yaml"
    path.write_text(path.read_text().replace("Who bought;", "Who has bought;"))
    assert read_silver_contract(folder, "customer").content_hash == before
    path.write_text(path.read_text().replace("maxLength: 64", "maxLength: 63"))
    assert read_silver_contract(folder, "customer").content_hash != before


def test_facts_are_rebuilt_after_the_dimensions_that_they_are_held_against(tmp_path: Path) -> None:
    from medallion.contracts.contract_files import silver_tables

    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    (folder / "transactions.odcs.yaml").rename(folder / "booking.odcs.yaml")
    (folder / "market.odcs.yaml").write_text("no contract")

    assert silver_tables(folder) == ["customer", "date", "market", "product", "booking"]
