"""Airflow's reader and Spark's give one verdict: what `contract check` lets pass, silver and gold take."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lakehouse.contracts.table_contracts import load_contracts
from lakehouse.errors import ContractError

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = PROJECT / "contracts" / "atliqsale"
DRAFTS = PROJECT / "tests" / "lakehouse" / "commands" / "drafts"
Document = dict[str, Any]
Change = Callable[[Document], object]


def airflow_says(folder: Path) -> str:
    """What Airflow's reader finds wrong; empty where it takes the contracts."""
    try:
        load_contracts(folder)
    except ContractError as error:
        return str(error)
    return ""


def spark_says(folder: Path, table: str) -> str:
    """What Spark's reader finds wrong with one contract; empty where it takes it."""
    from medallion.contracts.contract_files import read_one_big_table_contract, read_silver_contract
    from medallion.errors import ContractError as SparkContractError

    read = read_one_big_table_contract if table == "sales_obt" else read_silver_contract
    try:
        read(folder, table)
    except SparkContractError as error:
        return str(error)
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "contracts" / "atliqsale"))


def table(document: Document) -> Document:
    found: Document = document["schema"][0]
    return found


def column(document: Document, name: str) -> Document:
    return next(entry for entry in table(document)["properties"] if entry["name"] == name)


def setting(name: str, value: object) -> Change:
    """Sets a custom property of the table."""

    def change(document: Document) -> None:
        kept = [entry for entry in table(document)["customProperties"] if entry["property"] != name]
        table(document)["customProperties"] = [*kept, {"property": name, "value": value}]

    return change


def of(name: str, **fields: object) -> Change:
    """Sets fields of a column; of custom properties those that are given by `custom`."""
    return lambda document: column(document, name).update(fields)


def custom(**values: object) -> list[Document]:
    return [{"property": name, "value": value} for name, value in values.items()]


def rule(column_name: str | None = None, **fields: object) -> Change:
    """Gives the table or a column one rule alone."""

    def change(document: Document) -> None:
        owner = column(document, column_name) if column_name else table(document)
        owner["quality"] = [{"name": "rule", **fields}]

    return change


def of_metric(column_name: str, metric: str, **arguments: object) -> Change:
    return rule(column_name, metric=metric, arguments=arguments, mustBe=0)


def two_expectations_of_one_name(document: Document) -> None:
    table(document)["quality"] = [
        {"name": "rows", "metric": "rowCount", "mustBeGreaterThan": count} for count in (0, 1)
    ]


def joined_on(table_name: str, on: Document) -> Change:
    def change(document: Document) -> None:
        joins = next(one for one in table(document)["customProperties"] if one["property"] == "joins")["value"]
        next(join for join in joins if join["table"] == table_name)["on"] = on

    return change


def dated(**fields: object) -> Change:
    """Dates the sales by a DATETIME column instead."""

    def change(document: Document) -> None:
        setting("dateColumn", "booked_at")(document)
        entry = {"name": "booked_at", "physicalType": "datetime", "logicalType": "timestamp", "required": True}
        table(document)["properties"].append({**entry, **fields})

    return change


def with_two_dates(document: Document) -> None:
    dated()(document)
    table(document)["properties"].append(
        {
            "name": "booked_on",
            "physicalName": "booked_at",
            "physicalType": "datetime",
            "logicalType": "date",
            "required": True,
        }
    )


ONE = {"type": "custom", "engine": "sparkSql"}
WARNING = custom(severity="warning")
SPOILT: list[tuple[str, str, Change]] = [
    ("a date that may be missing", "transactions", of("order_date", required=False)),
    ("a date whose lack is a warning", "transactions", of("order_date", customProperties=WARNING)),
    ("a date that is altered", "transactions", of("order_date", transformLogic="date_add(order_date, 1)")),
    ("a date with its time alone", "transactions", dated()),
    ("a date column that is a list", "transactions", setting("dateColumn", ["order_date"])),
    ("chance in a column", "product", of("variant", transformLogic="if(rand() < 1, variant, null)")),
    ("today in a column", "product", of("variant", transformLogic="concat(variant, current_date)")),
    ("today in a rule", "transactions", rule("order_date", implementation="order_date <= current_date()", **ONE)),
    ("now in a wide column", "sales_obt", of("year", transformLogic="year(now())")),
    ("a type of other words", "transactions", of("sales_qty", customProperties=custom(sparkType="integer"))),
    ("a type in capitals", "transactions", of("sales_qty", customProperties=custom(sparkType="BIGINT"))),
    ("a decimal without digits", "transactions", of("sales_amount", customProperties=custom(sparkType="decimal"))),
    ("too many digits", "transactions", of("revenue_inr", customProperties=custom(sparkType="decimal(99,2)"))),
    ("more decimals than digits", "transactions", of("sales_qty", customProperties=custom(sparkType="decimal(2,9)"))),
    ("too many digits in gold", "sales_obt", of("revenue_inr", customProperties=custom(sparkType="decimal(99,2)"))),
    ("too many digits at the source", "transactions", of("sales_amount", physicalType="decimal(65,30)")),
    ("derived by another word", "transactions", of("revenue_inr", customProperties=custom(derived="yes"))),
    ("two expectations of one name", "transactions", two_expectations_of_one_name),
    ("a number among texts", "date", of_metric("year", "invalidValues", validValues=["twenty"])),
    ("a truth among texts", "market", of_metric("zone", "invalidValues", validValues=["North", True])),
    ("null among valid values", "market", of_metric("zone", "invalidValues", validValues=["North", None])),
    ("no valid values", "market", of_metric("zone", "invalidValues")),
    ("a missing value of another type", "date", of_metric("date", "missingValues", missingValues=["never"])),
    ("a pattern of a number", "date", of_metric("year", "invalidValues", pattern="^20")),
    ("a pattern that is none", "market", of_metric("zone", "invalidValues", pattern="(")),
    ("an option's pattern that is none", "market", of("zone", logicalTypeOptions={"pattern": "^[A-Z"})),
    ("a pattern that is none in Java", "market", of("zone", logicalTypeOptions={"pattern": "a{,3}"})),
    ("a pattern of Python alone", "market", of("zone", logicalTypeOptions={"pattern": "(?P<first>a)"})),
    ("a length of a number", "transactions", of("sales_qty", logicalTypeOptions={"maxLength": 3})),
    ("a bound of a text", "market", of("zone", logicalTypeOptions={"minimum": 3})),
    ("a bound that is no date", "transactions", of("order_date", logicalTypeOptions={"minimum": "soon"})),
    ("a limit without end", "transactions", rule(metric="rowCount", mustBeLessThan=float("inf"))),
    ("a warning over versions", "product", of("variant", unique=True, customProperties=WARNING)),
    (
        "a warning of a metric over versions",
        "product",
        rule("variant", metric="duplicateValues", mustBe=0, severity="warning"),
    ),
    ("a partition that is no day", "sales_obt", setting("partitionColumn", "month")),
    ("a fact that is a dimension", "sales_obt", setting("factTable", "product")),
    ("a join on another column", "sales_obt", joined_on("market", {"market_code": "market_name"})),
    (
        "a join on more than the key",
        "sales_obt",
        joined_on("market", {"market_code": "market_code", "currency": "zone"}),
    ),
    ("an unknown member of the fact", "sales_obt", of("currency", customProperties=custom(unknownMember="Unknown"))),
    (
        "an unknown member of two",
        "sales_obt",
        of("zone", transformLogic="concat(market.zone, product.segment)", customProperties=custom(unknownMember="?")),
    ),
]
SOUND: list[tuple[str, str, Change]] = [
    ("a date beside its time", "transactions", with_two_dates),
    ("a date cut from its time", "transactions", dated(logicalType="date")),
    ("a date that is a key", "transactions", of("order_date", required=False, primaryKey=True)),
    (
        "Java's patterns",
        "market",
        of("zone", logicalTypeOptions={"pattern": r"^(?<first>\p{Lu})[\h&&[^\t]]{1,2}\Q(\E"}),
    ),
    ("a pattern with braces", "market", of("zone", logicalTypeOptions={"pattern": r"(?i)\{[{]+(?<=a{1,3})\}"})),
    ("bounds of a date", "transactions", of("order_date", logicalTypeOptions={"minimum": "2017-01-01"})),
    ("values of a number", "date", of_metric("year", "invalidValues", validValues=[2017, "2018"])),
    ("null among missing values", "market", of_metric("zone", "missingValues", missingValues=[None, "", "N/A"])),
    (
        "an unknown member over both",
        "sales_obt",
        of("zone", transformLogic="coalesce(market.zone, transactions.currency)"),
    ),
    ("a wide type", "sales_obt", of("revenue_inr", customProperties=custom(sparkType="decimal(38, 2)"))),
]


def spoil(folder: Path, name: str, change: Change) -> None:
    """Change one contract; a One Big Table's alone needs others, and reading them costs time."""
    path = folder / f"{name}.odcs.yaml"
    document = yaml.safe_load(path.read_text())
    change(document)
    if name != "sales_obt":
        for entry in table(document)["properties"]:
            entry.pop("relationships", None)
        for other in folder.iterdir():
            other.unlink()
    path.write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.mark.parametrize(("name", "change"), [one[1:] for one in SPOILT], ids=[one[0] for one in SPOILT])
def test_a_spoilt_contract_is_refused_by_both(folder: Path, name: str, change: Change) -> None:
    spoil(folder, name, change)

    assert f"\n{name}.odcs.yaml: " in airflow_says(folder)
    assert f"{name}.odcs.yaml: " in spark_says(folder, name)


@pytest.mark.parametrize(("name", "change"), [one[1:] for one in SOUND], ids=[one[0] for one in SOUND])
def test_a_sound_contract_is_taken_by_both(folder: Path, name: str, change: Change) -> None:
    spoil(folder, name, change)

    assert (airflow_says(folder), spark_says(folder, name)) == ("", "")


def test_the_one_big_table_of_the_page_is_taken_by_both(folder: Path) -> None:
    page = (PROJECT / "docs" / "adding_a_table.md").read_text()
    (block,) = re.findall(r"^## The One Big Table\n.*?^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    spoil(folder, "sales_obt", lambda document: document.update(yaml.safe_load(block)))

    assert (airflow_says(folder), spark_says(folder, "sales_obt")) == ("", "")


WAIVER = "waivers:\n  - {table: date, rows: {%s}, reason: Known., until: 2026-12-31}\n"


@pytest.mark.parametrize("rows", ["year: twenty", "date: '2026-13-01'", "cy_date: yes"])
def test_a_waived_value_of_another_type_is_refused_by_both(folder: Path, rows: str) -> None:
    (folder / "waivers.yaml").write_text(WAIVER % rows)

    assert "\nwaivers.yaml: line 2: rows." in airflow_says(folder)
    assert "waivers.yaml: line 2: rows." in spark_says(folder, "date")


@pytest.mark.parametrize("name", ["waivers.yaml", "date.odcs.yaml"])
def test_a_date_that_there_is_not_is_told_by_both(folder: Path, name: str) -> None:
    (folder / name).write_text("waivers: [{table: date, until: 2026-13-01}]\n")

    assert f"\n{name}: file: 'month must be in 1..12': " in airflow_says(folder)
    assert f"{name}: it cannot be read as YAML: month must be in 1..12" in spark_says(folder, "date")


@pytest.mark.parametrize("path", sorted(DRAFTS.glob("*.odcs.yaml")), ids=lambda path: path.name)
def test_a_drafted_contract_is_taken_by_both(path: Path) -> None:
    assert airflow_says(path.parent) == ""
    assert spark_says(path.parent, path.name.partition(".")[0]) == ""


def test_a_lake_name_of_another_schema_is_refused_by_both_until_one_is_renamed(folder: Path) -> None:
    crm = folder.parent / "crm"
    crm.mkdir()
    shutil.copy(folder / "customer.odcs.yaml", crm)

    for here, there in ((folder, crm), (crm, folder)):
        said = (airflow_says(here).splitlines()[-1], spark_says(here, "customer"))
        for message in said:
            assert "customer.odcs.yaml: schema[" in message
            assert f"{there.name}/customer.odcs.yaml uses this lake name too" in message
            assert f"name: {here.name}_customer with physicalName: customer, in a file {here.name}_customer." in message

    text = (crm / "customer.odcs.yaml").read_text().replace("  - name: customer\n", "  - name: crm_customer\n")
    text = text.replace("element: customer", "element: crm_customer")
    (crm / "customer.odcs.yaml").unlink()
    (crm / "crm_customer.odcs.yaml").write_text(text)

    assert (airflow_says(folder), spark_says(folder, "customer")) == ("", "")
    assert (airflow_says(crm), spark_says(crm, "crm_customer")) == ("", "")
    assert load_contracts(crm).tables["customer"].name == "crm_customer"
