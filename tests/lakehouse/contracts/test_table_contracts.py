"""The shipped contracts as the Airflow side reads them, and what is said of every way to get one wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.copy_spec import CopySpec
from lakehouse.contracts.contract_columns import key_columns
from lakehouse.contracts.contract_files import ContractFile, read_contract_file
from lakehouse.contracts.table_contracts import ContractedColumn, OneBigTableContract, TableContract, load_contracts
from lakehouse.daily_run.planning import plan_tables
from lakehouse.errors import ContractError
from lakehouse.source.mysql_source import SourceTable

from tests.lakehouse.conftest import PROJECT, EditContract

Document = dict[str, Any]


def table(document: Document) -> Document:
    """The contract's one table."""
    found: Document = document["schema"][0]
    return found


def column(document: Document, name: str) -> Document:
    """One of its columns."""
    return next(entry for entry in table(document)["properties"] if entry["name"] == name)


def setting(document: Document, name: str, value: object) -> None:
    """Sets a custom property of the table, or takes it out with None."""
    kept = [entry for entry in table(document)["customProperties"] if entry["property"] != name]
    table(document)["customProperties"] = kept + ([] if value is None else [{"property": name, "value": value}])


def problems(folder: Path) -> list[str]:
    """The lines of what loading the folder complains of."""
    with pytest.raises(ContractError) as caught:
        load_contracts(folder)
    heading, *lines = str(caught.value).splitlines()
    count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
    assert heading == f"{count} in the contracts of {folder}:"
    return lines


def test_the_shipped_tables_are_read() -> None:
    contracts = load_contracts(PROJECT / "contracts" / "atliqsale")

    assert contracts.schema == "atliqsale"
    assert sorted(contracts.tables) == ["customer", "date", "market", "product", "transactions"]
    assert contracts.tables["customer"] == TableContract(
        file="customer.odcs.yaml",
        schema="atliqsale",
        table="customer",
        name="customer",
        kind="dimension",
        change_detection="fingerprint",
        date_column=None,
        columns=(
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
    assert "revenue_inr" not in {entry.name for entry in transactions.columns}
    assert contracts.one_big_tables["sales_obt"] == OneBigTableContract(
        file="sales_obt.odcs.yaml",
        schema="atliqsale",
        name="sales_obt",
        fact_table="transactions",
        measures=("sales_qty", "sales_amount", "revenue_inr"),
    )


def test_a_table_may_have_any_name_at_the_source(contracts_folder: Path, edit_contract: EditContract) -> None:
    edit_contract("market", lambda document: table(document).update(physicalName="Märkte / alt. 'x'"))

    assert load_contracts(contracts_folder).tables["Märkte / alt. 'x'"].name == "market"


def test_a_column_that_an_expression_computes_with_is_needed_from_the_source(
    contracts_folder: Path, edit_contract: EditContract
) -> None:
    edit_contract("market", lambda document: column(document, "zone").update(transformLogic="coalesce(ZONE, sub_zone)"))

    columns = load_contracts(contracts_folder).tables["market"].columns

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
    sessions = {plan.table: CopySpec.from_plan(plan.as_dict()).parallel_ranges for plan in plans}
    assert sessions == {**dict.fromkeys(known.tables, 1), "transactions": 4}


def test_an_on_that_yaml_reads_as_true_is_understood(contracts_folder: Path) -> None:
    text = (contracts_folder / "sales_obt.odcs.yaml").read_text()
    assert "on: {product_code: product_code}" in text or '"on": {product_code: product_code}' in text
    (contracts_folder / "sales_obt.odcs.yaml").write_text(text.replace('"on":', "on:"))

    assert load_contracts(contracts_folder).one_big_tables["sales_obt"].fact_table == "transactions"


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


PRODUCT = "schema[product]"
SALES = "schema[transactions]"
WIDE = "schema[sales_obt]"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        pytest.param(
            "product",
            lambda d: d.update(kind="Contract"),
            "kind: 'Contract': is not valid ODCS: 'Contract' is not one of ['DataContract']",
            id="kind",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "segment").update(requierd=True),
            "schema[product].properties[segment]: ['logicalType', 'name', 'physicalType', 'requierd', "
            "'transformLogic']: "
            "is not valid ODCS: Unevaluated properties are not allowed ('requierd' was unexpected)",
            id="misspelt field",
        ),
        pytest.param(
            "product",
            lambda d: d.update(schema=[table(d), table(d)]),
            "schema: ['product', 'product']: must hold exactly one table: write one file per table",
            id="two tables",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "tableKind", "dimensions"),
            f"{PRODUCT}.customProperties.tableKind: 'dimensions': must be one of dimension, fact, one_big_table",
            id="table kind",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "dateColumn", "division"),
            f"{PRODUCT}.customProperties.dateColumn: 'division': is not known for a dimension; known are "
            "changeDetection, excluded, maxDeleteShare, measures, parallelRanges, scdType, sourceDrift, stopAbove, "
            "tableKind, trackedColumns",
            id="custom property of another kind",
        ),
        pytest.param(
            "product",
            lambda d: table(d)["customProperties"].append({"property": "scdType", "value": 1}),
            f"{PRODUCT}.customProperties: 'scdType': is there more than once: keep one of them",
            id="custom property twice",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "scdType", "2"),
            f"{PRODUCT}.customProperties.scdType: '2': must be one of 1, 2",
            id="scd type as text",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "changeDetection", "watermark"),
            f"{PRODUCT}.customProperties.changeDetection: 'watermark': a watermark points to dates, and a dimension "
            "has none: use fingerprint or full",
            id="watermark",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "parallelRanges", 9),
            f"{PRODUCT}.customProperties.parallelRanges: 9: must be one of 1, 2, 3, 4, 5, 6, 7, 8",
            id="too many sessions",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "excluded", "yes"),
            f"{PRODUCT}.customProperties.excluded: 'yes': must be one of true, false",
            id="excluded as text",
        ),
        pytest.param(
            "product",
            lambda d: table(d).update(name="products"),
            "schema[products].name: 'products': does not fit the file's name: rename the file to products.odcs.yaml",
            id="file name",
        ),
        pytest.param(
            "product",
            lambda d: table(d).update(name="Product Lines"),
            "schema[Product Lines].name: 'Product Lines': must be lower case letters, digits and _; physicalName may "
            "be anything",
            id="lake name",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(name="SEGMENT"),
            f"{PRODUCT}.properties: 'segment': is there more than once (upper and lower case are one): keep one of "
            "them",
            id="column twice",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(name="valid_from"),
            f"{PRODUCT}.properties[valid_from].name: 'valid_from': is a column that silver adds itself: rename it",
            id="reserved column",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(name="a b"),
            f"{PRODUCT}.properties[a b].name: 'a b': must be letters, digits and _, beginning with a letter; give the "
            "source's name in physicalName",
            id="column name",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "product_code").update(primaryKey=False),
            f"{PRODUCT}.properties: []: a dimension needs a key: mark its columns with primaryKey: true",
            id="no key",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "trackedColumns", ["product_code"]),
            f"{PRODUCT}.customProperties.trackedColumns: 'product_code': is the key, and a changed key is another row: "
            "remove it from trackedColumns",
            id="tracked key",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "trackedColumns", ["colour"]),
            f"{PRODUCT}.customProperties.trackedColumns: 'colour': is no column of this contract; it has product_code, "
            "division, segment, category, product_name, variant",
            id="tracked unknown",
        ),
        pytest.param(
            "product",
            lambda d: setting(d, "trackedColumns", "division"),
            f"{PRODUCT}.customProperties.trackedColumns: 'division': must be a list of column names",
            id="tracked no list",
        ),
        pytest.param(
            "date",
            lambda d: setting(d, "trackedColumns", ["year"]),
            "schema[date].customProperties.trackedColumns: ['year']: belongs to SCD type 2: set scdType to 2 or "
            "remove it",
            id="tracked in type 1",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").pop("logicalType"),
            f"{PRODUCT}.properties[variant]: ['name', 'physicalType', 'transformLogic']: is not valid ODCS: "
            "'logicalType' is a required property",
            id="no logical type",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(customProperties=[{"property": "sparkType", "value": "varchr(2)"}]),
            f"{PRODUCT}.properties[variant].customProperties.sparkType: 'varchr(2)': must be a Spark SQL type such as "
            "bigint or decimal(18,2)",
            id="spark type",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(customProperties=[{"property": "unknownMember", "value": "?"}]),
            f"{PRODUCT}.properties[variant].customProperties.unknownMember: '?': is not known for a column of a "
            "dimension; "
            "known are derived, severity, sparkType",
            id="column property",
        ),
        pytest.param(
            "market",
            lambda d: column(d, "zone").update(customProperties=[{"property": "severity", "value": "info"}]),
            "schema[market].properties[zone].customProperties.severity: 'info': must be one of error, warning",
            id="column severity",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(transformLogic="trim(variant"),
            f"{PRODUCT}.properties[variant].transformLogic: 'trim(variant': is no Spark SQL expression: Expecting )",
            id="broken expression",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(
                customProperties=[{"property": "derived", "value": True}], physicalName="v"
            ),
            f"{PRODUCT}.properties[variant].physicalName: 'v': a derived column has no source column: remove "
            "physicalName "
            "or derived",
            id="derived with source",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "revenue_inr").pop("transformLogic"),
            f"{SALES}.properties[revenue_inr].transformLogic: None: is missing: write the Spark SQL expression that "
            "gives "
            "the column",
            id="derived without expression",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(logicalTypeOptions={"format": "email"}),
            f"{PRODUCT}.properties[variant].logicalTypeOptions.format: 'email': is no rule that silver knows; known "
            "are "
            "exclusiveMaximum, exclusiveMinimum, maxLength, maximum, minLength, minimum, pattern",
            id="option",
        ),
        pytest.param(
            "product",
            lambda d: column(d, "variant").update(logicalTypeOptions={"minLength": 9, "maxLength": 3}),
            f"{PRODUCT}.properties[variant].logicalTypeOptions.minLength: 9: must not be greater than maxLength (3)",
            id="range upside down",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "dateColumn", None),
            f"{SALES}.customProperties.dateColumn: None: a fact needs the source column that dates its rows",
            id="fact without date",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "dateColumn", "sold_at"),
            f"{SALES}.customProperties.dateColumn: 'sold_at': is no source column of this contract; it has "
            "product_code, "
            "customer_code, market_code, order_date, sales_qty, sales_amount, currency",
            id="date column unknown",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "dateColumn", "sales_qty"),
            f"{SALES}.customProperties.dateColumn: 'sales_qty': must be DATE, DATETIME or TIMESTAMP at the source, not "
            "physicalType int(11)",
            id="date column no date",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "measures", ["profit"]),
            f"{SALES}.customProperties.measures: 'profit': is no column of this contract; it has product_code, "
            "customer_code, market_code, order_date, sales_qty, sales_amount, currency, revenue_inr",
            id="measure unknown",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "measures", ["currency"]),
            f"{SALES}.customProperties.measures: 'currency': must be a number or an integer to be summed",
            id="measure no number",
        ),
        pytest.param(
            "transactions",
            lambda d: setting(d, "measures", ["revenue_inr"]),
            f"{SALES}.customProperties.measures: 'revenue_inr': is altered on its way, so its sum cannot be compared "
            "with "
            "the source: remove it from measures",
            id="measure altered",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "sales_amount").update(physicalType="double"),
            f"{SALES}.customProperties.measures: 'sales_amount': is double, whose sum depends on the order of its "
            "rows: "
            "remove it from measures",
            id="measure inexact",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "sales_amount")["quality"][0].update(severity="fatal"),
            f"{SALES}.properties[sales_amount].quality[sales_amount_positive].severity: 'fatal': must be one of "
            "error, warning",
            id="rule severity",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "sales_amount")["quality"][0].update(implementation="amount > 0"),
            f"{SALES}.properties[sales_amount].quality[sales_amount_positive].implementation: 'amount': is no column "
            "of this "
            "contract; it has product_code, customer_code, market_code, order_date, sales_qty, sales_amount, currency, "
            "revenue_inr",
            id="rule over unknown column",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "currency")["quality"][0].update(arguments={"validValues": []}),
            f"{SALES}.properties[currency].quality[currency_valid_values].arguments.validValues: []: must be a list "
            "of the "
            "values allowed",
            id="rule without values",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "currency")["quality"][0].update(name="sales_amount_positive"),
            f"{SALES}.quality: 'sales_amount_positive': names two rules: each needs a name of its own",
            id="rule name twice",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "market_code")["relationships"][0].update(to="region.code"),
            f"{SALES}.properties[market_code].relationships.to: 'region.code': there is no contract for region; write "
            "region.odcs.yaml or remove the relationship",
            id="relationship to no table",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "market_code")["relationships"][0].update(to="market.code"),
            f"{SALES}.properties[market_code].relationships.to: 'market.code': market.odcs.yaml has no column code; "
            "it has "
            "market_code, market_name, zone",
            id="relationship to no column",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "market_code")["relationships"][0].update(
                to="market.zone", customProperties=[{"property": "severity", "value": "error"}]
            ),
            f"{SALES}.properties[market_code].relationships.to: 'market.zone': severity error needs the whole key of "
            "a dimension; that of market is market_code",
            id="relationship to half a key",
        ),
        pytest.param(
            "transactions",
            lambda d: column(d, "market_code")["relationships"][0].update(
                customProperties=[{"property": "severity", "value": "fatal"}]
            ),
            f"{SALES}.properties[market_code].relationships.customProperties.severity: 'fatal': is not known; known is "
            "severity: error or warning",
            id="relationship severity",
        ),
        pytest.param(
            "market",
            lambda d: table(d).update(physicalName="PRODUCT"),
            "schema[market].physicalName: 'product': is also described by product.odcs.yaml: keep one",
            id="one table twice",
        ),
        pytest.param(
            "sales_obt",
            lambda d: setting(d, "factTable", "sales"),
            f"{WIDE}.customProperties.factTable: 'sales': must be a fact table with a contract; there are transactions",
            id="fact unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: setting(d, "joins", [{"table": "region", "on": {"market_code": "code"}}]),
            f"{WIDE}.customProperties.joins.table: 'region': must be a dimension with a contract; there are "
            "customer, date, "
            "market, product",
            id="join unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: setting(d, "joins", [{"table": "market", "on": {"market_code": "code"}}]),
            f"{WIDE}.customProperties.joins[market].on: 'code': market.odcs.yaml has no column code; it has "
            "market_code, "
            "market_name, zone",
            id="join column unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: setting(d, "joins", [{"table": "market"}]),
            f"{WIDE}.customProperties.joins: {{'table': 'market'}}: must be {{table: dimension, on: {{fact column: "
            "dimension "
            "column}}",
            id="join without columns",
        ),
        pytest.param(
            "sales_obt",
            lambda d: setting(d, "partitionColumn", "day"),
            f"{WIDE}.customProperties.partitionColumn: 'day': is no column of this contract; it has order_date, "
            "year, month, "
            "month_name, product_code, division, segment, category, product_name, variant, customer_code, "
            "customer_name, "
            "customer_type, market_code, market_name, zone, sales_qty, sales_amount, currency, revenue_inr",
            id="partition unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: column(d, "zone").update(transformLogic="market.region"),
            f"{WIDE}.properties[zone].transformLogic: 'market.region': market.odcs.yaml has no column region; it has "
            "market_code, market_name, zone",
            id="wide column unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: column(d, "zone").update(transformLogic="region.zone"),
            f"{WIDE}.properties[zone].transformLogic: 'region.zone': region is neither the fact table nor joined; "
            "those are "
            "transactions, product, customer, market, date",
            id="wide table unknown",
        ),
        pytest.param(
            "sales_obt",
            lambda d: column(d, "zone").update(transformLogic="upper(zone)"),
            f"{WIDE}.properties[zone].transformLogic: 'upper(zone)': zone must be written table.column",
            id="wide column without table",
        ),
        pytest.param(
            "customer",
            lambda d: d["slaProperties"][0].update(unit="fortnight"),
            "slaProperties[latency]: '1 fortnight': must be a number with unit d, h or m",
            id="latency",
        ),
    ],
)
def test_a_wrong_contract_is_told_with_its_field_value_and_cure(
    contracts_folder: Path,
    edit_contract: EditContract,
    name: str,
    change: Callable[[Document], None],
    expected: str,
) -> None:
    edit_contract(name, change)
    if name in {"product", "date", "customer"}:
        for other in contracts_folder.iterdir():  # They refer to nothing, and reading the others costs time.
            if other.name != f"{name}.odcs.yaml":
                other.unlink()

    # Lines of expressions have a test of their own.
    found = [re.sub(r"^(\S+: )line \d+: ", r"\1", line) for line in problems(contracts_folder)]
    assert f"{name}.odcs.yaml: {expected}" in found
