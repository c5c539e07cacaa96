"""The shipped contracts as the Airflow side reads them, and what is said of every way to get one wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from lakehouse.daily_run.planning import plan_tables
from lakehouse.errors import ContractError
from lakehouse.source.mysql_source import SourceTable

from lake_model.contracts.contract_columns import key_columns
from lake_model.contracts.contract_files import ContractFile, read_contract_file
from lake_model.contracts.copy_spec import ContractedColumn, CopySpec
from lake_model.contracts.table_contracts import TableContract, load_contracts
from tests.conftest import PROJECT, EditContract
from tests.lake_model.contracts.spoiling import Document, column, problems, setting, table


def test_the_shipped_tables_are_read() -> None:
    contracts = load_contracts(PROJECT / "contracts" / "atliqsale")

    assert contracts.schema == "atliqsale"
    assert sorted(contracts.tables) == ["customer", "date", "market", "product", "transactions"]
    assert contracts.tables["customer"] == TableContract(
        contract_file="customer.odcs.yaml",
        schema="atliqsale",
        table="customer",
        name="customer",
        kind="dimension",
        change_detection="fingerprint",
        date_column=None,
        contracted_columns=(
            ContractedColumn("customer_code", "varchar(16)"),
            ContractedColumn("customer_name", "varchar(64)"),
            ContractedColumn("customer_type", "varchar(32)"),
        ),
        measures=(),
        excluded=False,
    )
    transactions = contracts.tables["transactions"]
    assert (transactions.kind, transactions.date_column) == ("fact", "order_date")
    assert transactions.measures == ("sales_qty", "sales_amount")
    assert "revenue_inr" not in {entry.name for entry in transactions.contracted_columns}
    wide = contracts.one_big_tables["sales_obt"]
    assert (wide.schema, wide.fact, wide.measures) == (
        "atliqsale", "transactions", ("sales_qty", "sales_amount", "revenue_inr"),
    )  # fmt: skip


def test_a_table_may_have_any_name_at_the_source(contracts_folder: Path, edit_contract: EditContract) -> None:
    edit_contract("market", lambda document: table(document).update(physicalName="Märkte / alt. 'x'"))

    assert load_contracts(contracts_folder).tables["Märkte / alt. 'x'"].name == "market"


def test_a_column_that_an_expression_computes_with_is_needed_from_the_source(
    contracts_folder: Path, edit_contract: EditContract
) -> None:
    edit_contract("market", lambda document: column(document, "zone").update(transformLogic="coalesce(ZONE, sub_zone)"))

    columns = load_contracts(contracts_folder).tables["market"].contracted_columns

    assert columns[-2:] == (ContractedColumn("zone", "varchar(32)"), ContractedColumn("sub_zone", None))


def test_keys_come_in_their_own_order(contracts_folder: Path, edit_contract: EditContract) -> None:
    def change(document: Document) -> None:
        column(document, "market_code").update(primaryKeyPosition=2)
        column(document, "market_name").update(primaryKey=True, primaryKeyPosition=1)
        setting(document, "trackedColumns", ["zone"])

    edit_contract("market", change)
    (contracts_folder / "sales_obt.odcs.yaml").unlink()  # It joins on the key as it was.

    file = read_contract_file(contracts_folder / "market.odcs.yaml")
    assert isinstance(file, ContractFile)
    assert [key.name for key in key_columns(file)] == ["market_name", "market_code"]


def test_how_many_sessions_read_a_table_reaches_the_copy(contracts_folder: Path, edit_contract: EditContract) -> None:
    edit_contract("transactions", lambda d: setting(d, "parallelRanges", 4))
    known = load_contracts(contracts_folder)
    plans = plan_tables([SourceTable(name, False) for name in known.tables], known)
    sessions = {plan.table: msgspec.convert(plan.as_dict(), CopySpec).parallel_ranges for plan in plans}
    assert sessions == {**dict.fromkeys(known.tables, 1), "transactions": 4}


def test_an_on_that_yaml_reads_as_true_is_understood(contracts_folder: Path) -> None:
    text = (contracts_folder / "sales_obt.odcs.yaml").read_text()
    assert "on: {product_code: product_code}" in text or '"on": {product_code: product_code}' in text
    (contracts_folder / "sales_obt.odcs.yaml").write_text(text.replace('"on":', "on:"))

    assert load_contracts(contracts_folder).one_big_tables["sales_obt"].fact == "transactions"


def test_no_folder_says_what_to_create(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path / "nowhere")

    assert str(caught.value) == (
        f"the contracts' folder {tmp_path / 'nowhere'} does not exist: create it, or correct the setting contracts_root"
    )


def test_an_empty_folder_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)

    assert str(caught.value) == f"there is no contract in {tmp_path}: write one file <table>.odcs.yaml per table"


def test_text_that_is_no_yaml_names_its_line(contracts_folder: Path) -> None:
    (contracts_folder / "market.odcs.yaml").write_text("kind: DataContract\n  id: [unclosed\n")

    lines = problems(contracts_folder)

    assert lines[0].startswith("market.odcs.yaml: line 2: ")
    assert lines[0].endswith(": is no YAML: correct the syntax there")


def test_bytes_that_are_no_text_are_reported(contracts_folder: Path) -> None:
    (contracts_folder / "zone.odcs.yaml").write_bytes(b"kind: \xff\xfe")

    path = contracts_folder / "zone.odcs.yaml"
    shown = repr(str(path)) if len(repr(str(path))) <= 80 else repr(str(path))[:80] + "…"
    assert problems(contracts_folder) == [
        f"zone.odcs.yaml: file: {shown}: is not UTF-8 text (byte 6): save it as UTF-8"
    ]


def test_an_unreadable_file_is_reported(contracts_folder: Path) -> None:
    (contracts_folder / "zone.odcs.yaml").mkdir()

    (line,) = problems(contracts_folder)

    assert line.startswith("zone.odcs.yaml: file: ")
    assert line.endswith(": cannot be read (Is a directory): check that its rights allow it")


def test_a_list_is_no_contract(contracts_folder: Path) -> None:
    (contracts_folder / "zone.odcs.yaml").write_text("- a\n- b\n")

    assert problems(contracts_folder) == [
        "zone.odcs.yaml: file: ['a', 'b']: is no contract: it must be a mapping with kind: DataContract"
    ]


def test_a_file_that_would_be_overlooked_is_reported(contracts_folder: Path) -> None:
    (contracts_folder / "zone.yaml").write_text("kind: DataContract\n")

    assert problems(contracts_folder) == [
        "zone.yaml: file: 'zone.yaml': would not be read: rename it to <table>.odcs.yaml"
    ]


def test_what_refers_to_an_unreadable_contract_is_no_problem_of_its_own(contracts_folder: Path) -> None:
    (contracts_folder / "product.odcs.yaml").write_text("a: [")
    (contracts_folder / "transactions.odcs.yaml").write_text("a: [")

    assert [line.split(":")[0] for line in problems(contracts_folder)] == [
        "product.odcs.yaml",
        "transactions.odcs.yaml",
    ]


def test_every_problem_of_every_file_is_listed_at_once(contracts_folder: Path, edit_contract: EditContract) -> None:
    edit_contract("customer", lambda document: setting(document, "scdType", 3))
    edit_contract("market", lambda document: setting(document, "unknown", "x"))
    edit_contract("product", lambda document: document.update(kind="Contract"))
    (contracts_folder / "zone.odcs.yaml").write_text("a: [")

    lines = problems(contracts_folder)

    files = [line.split(":")[0] for line in lines]
    assert set(files) >= {"customer.odcs.yaml", "market.odcs.yaml", "product.odcs.yaml", "zone.odcs.yaml"}
    assert files == sorted(files)
