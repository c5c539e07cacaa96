"""What is said of every way to get a contract wrong: by the reader of a folder, and by that of one table alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lake_model.contracts.table_contracts import load_contracts, read_one_big_table_contract, read_silver_contract
from lake_model.errors import ContractError
from tests.conftest import PROJECT, EditContract
from tests.lake_model.contracts.spoiling import (
    Change,
    Document,
    column,
    custom,
    listed,
    of,
    of_metric,
    problems,
    rule,
    setting,
    table,
    without_line,
)

DRAFTS = PROJECT / "tests" / "cli" / "commands" / "drafts"
PRODUCT = "schema[product]"
SALES = "schema[transactions]"
WIDE = "schema[sales_obt]"


def changed_setting(name: str, value: object) -> Change:
    """Sets a custom property of the table."""
    return lambda document: setting(document, name, value)


KNOWN_DATE = {"type": "foreignKey", "to": "date.date", "customProperties": custom(severity="error")}
KNOWN_CUSTOMER = {"type": "foreignKey", "to": "customer.customer_code", "customProperties": custom(severity="error")}


def two_expectations_of_one_name(document: Document) -> None:
    table(document)["quality"] = [
        {"name": "rows", "metric": "rowCount", "mustBeGreaterThan": count} for count in (0, 1)
    ]


def joined_on(table_name: str, on: Document) -> Change:
    def change(document: Document) -> None:
        joins = next(one for one in table(document)["customProperties"] if one["property"] == "joins")["value"]
        join = next(join for join in joins if join["table"] == table_name)
        join.clear()
        join.update({"table": table_name, "on": on})

    return change


def dated(**fields: object) -> Change:
    """Dates the sales by a DATETIME column instead."""

    def change(document: Document) -> None:
        setting(document, "dateColumn", "booked_at")
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
# What can be seen only beside the other contracts of the folder.
BESIDE = {"one table twice", "fact unknown", "join unknown", "a fact that is a dimension"}
SPOILT: list[Any] = [
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
        f"{PRODUCT}.customProperties.parallelRanges: 9: must be a whole number from 1 to 8",
        id="too many sessions",
    ),
    pytest.param(
        "product",
        lambda d: setting(d, "parallelRanges", True),
        f"{PRODUCT}.customProperties.parallelRanges: True: must be a whole number from 1 to 8",
        id="sessions as a truth value",
    ),
    pytest.param(
        "product",
        lambda d: setting(d, "excluded", 1),
        f"{PRODUCT}.customProperties.excluded: 1: must be one of true, false",
        id="excluded as a number",
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
        f"{PRODUCT}.properties: 'segment': is there more than once (upper and lower case are one): keep one of them",
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
        lambda d: column(d, "variant").update(physicalName="_Lakehouse_slice"),
        f"{PRODUCT}.properties[variant].physicalName: '_Lakehouse_slice': names that begin with _lakehouse_ are kept "
        "for the jobs: copy a view that renames it",
        id="reserved source column",
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
        "schema[date].customProperties.trackedColumns: ['year']: belongs to SCD type 2: set scdType to 2 or remove it",
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
        lambda d: column(d, "sales_qty").update(physicalType="varchar(9)"),
        f"{SALES}.customProperties.measures: 'sales_qty': is varchar(9), which the source does not sum: remove it "
        "from measures, or copy a view that casts it to a decimal",
        id="measure of varchar",
    ),
    pytest.param(
        "transactions",
        lambda d: column(d, "sales_qty").update(physicalType="bit(8)"),
        f"{SALES}.customProperties.measures: 'sales_qty': is bit(8), which the source does not sum: remove it "
        "from measures, or copy a view that casts it to a decimal",
        id="measure of bit",
    ),
    pytest.param(
        "transactions",
        lambda d: column(d, "sales_qty").update(physicalType="year"),
        f"{SALES}.customProperties.measures: 'sales_qty': is year, which the source does not sum: remove it "
        "from measures, or copy a view that casts it to a decimal",
        id="measure of year",
    ),
    pytest.param(
        "transactions",
        lambda d: column(d, "sales_qty").update(physicalType="enum('1','2')"),
        f"{SALES}.customProperties.measures: 'sales_qty': is enum('1','2'), which the source does not sum: remove it "
        "from measures, or copy a view that casts it to a decimal",
        id="measure of enum",
    ),
    pytest.param(
        "transactions",
        lambda d: column(d, "sales_qty").update(customProperties=custom(sparkType="string")),
        f"{SALES}.customProperties.measures: 'sales_qty': is kept as string, which has no sum: remove it from "
        "measures, or correct sparkType",
        id="measure kept as text",
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
        lambda d: table(d).update(physicalName="product"),
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
    pytest.param(
        "transactions",
        of("order_date", required=False),
        "schema[transactions].properties[order_date].required: False: a fact's date must be required, with "
        "severity error: set required: true",
        id="a date that may be missing",
    ),
    pytest.param(
        "transactions",
        of("order_date", customProperties=WARNING),
        "schema[transactions].properties[order_date].required: True: a fact's date must be required, with severity "
        "error: set required: true",
        id="a date whose lack is a warning",
    ),
    pytest.param(
        "transactions",
        of("order_date", transformLogic="date_add(order_date, 1)"),
        "schema[transactions].properties[order_date].transformLogic: 'date_add(order_date, 1)': a fact's date must "
        "not be altered: remove it",
        id="a date that is altered",
    ),
    pytest.param(
        "transactions",
        dated(),
        "schema[transactions].customProperties.dateColumn: 'booked_at': needs a property with logicalType: date, "
        "by which silver keeps the rows; beside one that keeps the time, give a second, such as name: "
        "booked_at_date with physicalName: booked_at",
        id="a date with its time alone",
    ),
    pytest.param(
        "transactions",
        changed_setting("dateColumn", ["order_date"]),
        "schema[transactions].customProperties.dateColumn: ['order_date']: is no source column of this contract; "
        "it has product_code, customer_code, market_code, order_date, sales_qty, sales_amount, currency",
        id="a date column that is a list",
    ),
    pytest.param(
        "product",
        of("variant", transformLogic="if(rand() < 1, variant, null)"),
        "schema[product].properties[variant].transformLogic: 'rand(': differs from run to run: use the columns "
        "of the row alone",
        id="chance in a column",
    ),
    pytest.param(
        "product",
        of("variant", transformLogic="concat(variant, current_date)"),
        "schema[product].properties[variant].transformLogic: 'current_date': differs from run to run: use the "
        "columns of the row alone; a column of that name is written `current_date`",
        id="today in a column",
    ),
    pytest.param(
        "transactions",
        rule("order_date", implementation="order_date <= current_date()", **ONE),
        "schema[transactions].properties[order_date].quality[rule].implementation: 'current_date(': differs from "
        "run to run: use the columns of the row alone",
        id="today in a rule",
    ),
    pytest.param(
        "sales_obt",
        of("year", transformLogic="year(now())"),
        "schema[sales_obt].properties[year].transformLogic: 'now(': differs from run to run: use the columns "
        "of the row alone",
        id="now in a wide column",
    ),
    pytest.param(
        "transactions",
        of("sales_qty", customProperties=custom(sparkType="integer")),
        "schema[transactions].properties[sales_qty].customProperties.sparkType: 'integer': must be a Spark SQL "
        "type such as bigint or decimal(18,2)",
        id="a type of other words",
    ),
    pytest.param(
        "transactions",
        of("sales_qty", customProperties=custom(sparkType="BIGINT")),
        "schema[transactions].properties[sales_qty].customProperties.sparkType: 'BIGINT': must be a Spark SQL type "
        "such as bigint or decimal(18,2)",
        id="a type in capitals",
    ),
    pytest.param(
        "transactions",
        of("sales_amount", customProperties=custom(sparkType="decimal")),
        "schema[transactions].properties[sales_amount].customProperties.sparkType: 'decimal': must be a Spark SQL "
        "type such as bigint or decimal(18,2)",
        id="a decimal without digits",
    ),
    pytest.param(
        "transactions",
        of("revenue_inr", customProperties=custom(sparkType="decimal(99,2)")),
        "schema[transactions].properties[revenue_inr].customProperties.sparkType: 'decimal(99,2)': must be a Spark "
        "SQL type such as bigint or decimal(18,2)",
        id="too many digits",
    ),
    pytest.param(
        "transactions",
        of("sales_qty", customProperties=custom(sparkType="decimal(2,9)")),
        "schema[transactions].properties[sales_qty].customProperties.sparkType: 'decimal(2,9)': must be a Spark "
        "SQL type such as bigint or decimal(18,2)",
        id="more decimals than digits",
    ),
    pytest.param(
        "sales_obt",
        of("revenue_inr", customProperties=custom(sparkType="decimal(99,2)")),
        "schema[sales_obt].properties[revenue_inr].customProperties.sparkType: 'decimal(99,2)': must be a Spark "
        "SQL type such as bigint or decimal(18,2)",
        id="too many digits in gold",
    ),
    pytest.param(
        "transactions",
        of("sales_amount", physicalType="decimal(65,30)"),
        "schema[transactions].properties[sales_amount].physicalType: 'decimal(65,30)': has more digits than "
        "Spark's 38: give sparkType: string",
        id="too many digits at the source",
    ),
    pytest.param(
        "transactions",
        of("revenue_inr", customProperties=custom(derived="yes")),
        "schema[transactions].properties[revenue_inr].customProperties.derived: 'yes': must be true or false",
        id="derived by another word",
    ),
    pytest.param(
        "transactions",
        two_expectations_of_one_name,
        "schema[transactions].quality: 'rows': names two rules: each needs a name of its own",
        id="two expectations of one name",
    ),
    pytest.param(
        "date",
        of_metric("year", "invalidValues", validValues=["twenty"]),
        "schema[date].properties[year].quality[rule].arguments.validValues: ['twenty']: must be a number",
        id="a number among texts",
    ),
    pytest.param(
        "market",
        of_metric("zone", "invalidValues", validValues=["North", True]),
        "schema[market].properties[zone].quality[rule].arguments.validValues: ['North', True]: must be a text: "
        "YAML reads yes, no, on, off, true and false as true or false, so quote it",
        id="a truth among texts",
    ),
    pytest.param(
        "market",
        of_metric("zone", "invalidValues", validValues=["North", None]),
        "schema[market].properties[zone].quality[rule].arguments.validValues: ['North', None]: must not hold null, "
        "which is never invalid: leave it out",
        id="null among valid values",
    ),
    pytest.param(
        "market",
        of_metric("zone", "invalidValues"),
        "schema[market].properties[zone].quality[rule].arguments.validValues: None: must be a list of the values "
        "allowed",
        id="no valid values",
    ),
    pytest.param(
        "date",
        of_metric("date", "missingValues", missingValues=["never"]),
        "schema[date].properties[date].quality[rule].arguments.missingValues: ['never']: must be a date such as "
        "2026-12-31",
        id="a missing value of another type",
    ),
    pytest.param(
        "date",
        of_metric("year", "invalidValues", pattern="^20"),
        "schema[date].properties[year].quality[rule].arguments.pattern: '^20': needs a string column, and this one "
        "is bigint",
        id="a pattern of a number",
    ),
    pytest.param(
        "market",
        of_metric("zone", "invalidValues", pattern="("),
        "schema[market].properties[zone].quality[rule].arguments.pattern: '(': is no regular expression: missing "
        "), unterminated subpattern",
        id="a pattern that is none",
    ),
    pytest.param(
        "market",
        of("zone", logicalTypeOptions={"pattern": "^[A-Z"}),
        "schema[market].properties[zone].logicalTypeOptions.pattern: '^[A-Z': is no regular expression: "
        "unterminated character set",
        id="an option's pattern that is none",
    ),
    pytest.param(
        "market",
        of("zone", logicalTypeOptions={"pattern": "a{,3}"}),
        "schema[market].properties[zone].logicalTypeOptions.pattern: 'a{,3}': is no regular expression: { must be "
        "followed by a number of repetitions, or be written \\{",
        id="a pattern that is none in Java",
    ),
    pytest.param(
        "market",
        of("zone", logicalTypeOptions={"pattern": "(?P<first>a)"}),
        "schema[market].properties[zone].logicalTypeOptions.pattern: '(?P<first>a)': is no regular expression: (?P "
        "is Python's alone; a named group is (?<name>…)",
        id="a pattern of Python alone",
    ),
    pytest.param(
        "transactions",
        of("sales_qty", logicalTypeOptions={"maxLength": 3}),
        "schema[transactions].properties[sales_qty].logicalTypeOptions: ['maxLength']: is not valid ODCS: "
        "Additional properties are not allowed ('maxLength' was unexpected)",
        id="a length of a number",
    ),
    pytest.param(
        "market",
        of("zone", logicalTypeOptions={"minimum": 3}),
        "schema[market].properties[zone].logicalTypeOptions: ['minimum']: is not valid ODCS: Additional properties "
        "are not allowed ('minimum' was unexpected)",
        id="a bound of a text",
    ),
    pytest.param(
        "transactions",
        of("order_date", logicalTypeOptions={"minimum": "soon"}),
        "schema[transactions].properties[order_date].logicalTypeOptions.minimum: 'soon': must be a date such as "
        "2026-12-31",
        id="a bound that is no date",
    ),
    pytest.param(
        "transactions",
        rule(metric="rowCount", mustBeLessThan=float("inf")),
        "schema[transactions].quality[rule].mustBeLessThan: inf: must be a number",
        id="a limit without end",
    ),
    pytest.param(
        "product",
        of("variant", unique=True, customProperties=WARNING),
        "schema[product].quality: 'variant_unique': must be an error in SCD type 2: a version cannot carry a "
        "warning about other rows",
        id="a warning over versions",
    ),
    pytest.param(
        "product",
        rule("variant", metric="duplicateValues", mustBe=0, severity="warning"),
        "schema[product].quality: 'rule': must be an error in SCD type 2: a version cannot carry a warning about "
        "other rows",
        id="a warning of a metric over versions",
    ),
    pytest.param(
        "sales_obt",
        changed_setting("partitionColumn", "month"),
        "schema[sales_obt].customProperties.partitionColumn: 'month': must be a column with transformLogic: "
        "transactions.order_date: gold is rewritten by the fact's date",
        id="a partition that is no day",
    ),
    pytest.param(
        "sales_obt",
        changed_setting("factTable", "product"),
        "schema[sales_obt].customProperties.factTable: 'product': must be a fact table with a contract; there are "
        "transactions",
        id="a fact that is a dimension",
    ),
    pytest.param(
        "sales_obt",
        joined_on("market", {"sales_qty": "market_code"}),
        f"{WIDE}.customProperties.joins[market].on: 'sales_qty': sales_qty is bigint, and market.market_code is "
        "string: give both one type by logicalType or sparkType",
        id="a join of a number with a text",
    ),
    pytest.param(
        "transactions",
        of("customer_code", customProperties=custom(sparkType="boolean"), relationships=[KNOWN_CUSTOMER]),
        f"{SALES}.properties[customer_code].relationships.to: 'customer.customer_code': customer_code is boolean, and "
        "customer.customer_code is string: give both one type by logicalType or sparkType",
        id="a reference of another type",
    ),
    pytest.param(
        "transactions",
        of("order_date", customProperties=custom(sparkType="timestamp_ntz"), relationships=[KNOWN_DATE]),
        f"{SALES}.properties[order_date].relationships.to: 'date.date': order_date is timestamp_ntz, and date.date is "
        "date: give both one type by logicalType or sparkType",
        id="a reference of nearly the type",
    ),
    pytest.param(
        "sales_obt",
        joined_on("market", {"market_code": "market_name"}),
        "schema[sales_obt].customProperties.joins[market].on: {'market_code': 'market_name'}: must be the whole "
        "key of market, or rows would be multiplied: market_code",
        id="a join on another column",
    ),
    pytest.param(
        "sales_obt",
        joined_on("market", {"market_code": "market_code", "currency": "zone"}),
        "schema[sales_obt].customProperties.joins[market].on: {'market_code': 'market_code', 'currency': 'zone'}: "
        "must be the whole key of market, or rows would be multiplied: market_code",
        id="a join on more than the key",
    ),
    pytest.param(
        "sales_obt",
        of("currency", customProperties=custom(unknownMember="Unknown")),
        "schema[sales_obt].properties[currency].customProperties.unknownMember: 'Unknown': stands for a missing "
        "row of a dimension, so transformLogic must use exactly one dimension",
        id="an unknown member of the fact",
    ),
    pytest.param(
        "sales_obt",
        of("zone", transformLogic="concat(market.zone, product.segment)", customProperties=custom(unknownMember="?")),
        "schema[sales_obt].properties[zone].customProperties.unknownMember: '?': stands for a missing row of a "
        "dimension, so transformLogic must use exactly one dimension",
        id="an unknown member of two",
    ),
    pytest.param(
        "market",
        of("zone", transformLogic="java_method('java.lang.System', 'getenv', zone)"),
        "schema[market].properties[zone].transformLogic: 'java_method(': is no function that a contract may call: "
        "those that are compute with the values of one row",
        id="a call of Java",
    ),
    pytest.param(
        "transactions",
        rule(implementation="ai_query('model', currency) = 'yes'", **ONE),
        f"{SALES}.quality[rule].implementation: 'ai_query(': is no function that a contract may call: those that are "
        "compute with the values of one row",
        id="a call of a model in a rule",
    ),
    pytest.param(
        "sales_obt",
        of("zone", transformLogic="secret('scope', market.zone)"),
        f"{WIDE}.properties[zone].transformLogic: 'secret(': is no function that a contract may call: those that are "
        "compute with the values of one row",
        id="a secret in a wide column",
    ),
    pytest.param(
        "market",
        of_metric("zone", "invalidValues", validValues=["North", 1.1]),
        "schema[market].properties[zone].quality[rule].arguments.validValues: ['North', 1.1]: must be a text: YAML "
        "reads 1.1 as a number, so quote it",
        id="a number among texts of a text column",
    ),
    pytest.param(
        "market",
        of_metric("zone", "missingValues", missingValues=[0]),
        "schema[market].properties[zone].quality[rule].arguments.missingValues: [0]: must be a text: YAML reads 0 as "
        "a number, so quote it",
        id="a missing value that is no text",
    ),
    pytest.param(
        "sales_obt",
        of("year", transformLogic="date.year", customProperties=custom(sparkType="int", unknownMember="1.5")),
        f"{WIDE}.properties[year].customProperties.unknownMember: '1.5': must be a whole number from -2147483648 "
        "to 2147483647, as the column is int; leave it out to have NULL there",
        id="an unknown member with no whole number",
    ),
    pytest.param(
        "sales_obt",
        of("year", transformLogic="date.year", customProperties=custom(sparkType="tinyint", unknownMember=300)),
        f"{WIDE}.properties[year].customProperties.unknownMember: 300: must be a whole number from -128 to 127, as "
        "the column is tinyint; leave it out to have NULL there",
        id="an unknown member with too large a number",
    ),
    pytest.param(
        "sales_obt",
        of(
            "year", transformLogic="date.year", customProperties=custom(sparkType="decimal(5,2)", unknownMember="1.005")
        ),
        f"{WIDE}.properties[year].customProperties.unknownMember: '1.005': must have at most 3 digits before the point "
        "and 2 after it, as the column is decimal(5,2); leave it out to have NULL there",
        id="an unknown member with too many decimals",
    ),
    pytest.param(
        "sales_obt",
        of("year", transformLogic="date.year", customProperties=custom(sparkType="float", unknownMember="1e39")),
        f"{WIDE}.properties[year].customProperties.unknownMember: '1e39': is larger than the column can hold, as "
        "the column is float; leave it out to have NULL there",
        id="an unknown member with too large a float",
    ),
    pytest.param(
        "sales_obt",
        of("year", transformLogic="date.year", customProperties=custom(unknownMember="Unknown")),
        f"{WIDE}.properties[year].customProperties.unknownMember: 'Unknown': must be a number, as the column is "
        "bigint; leave it out to have NULL there",
        id="an unknown member of a number",
    ),
    pytest.param(
        "sales_obt",
        of("zone", customProperties=custom(unknownMember="Unknown", sparkType="date")),
        f"{WIDE}.properties[zone].customProperties.unknownMember: 'Unknown': must be a date such as 2026-12-31, as "
        "the column is date; leave it out to have NULL there",
        id="an unknown member of a date",
    ),
    pytest.param(
        "sales_obt",
        of("zone", customProperties=custom(unknownMember=0)),
        f"{WIDE}.properties[zone].customProperties.unknownMember: 0: must be a text: YAML reads 0 as a number, so "
        "quote it, as the column is string; leave it out to have NULL there",
        id="an unknown member that is no text",
    ),
]
SOUND: list[tuple[str, str, Change]] = [
    ("an unknown member of its own type", "sales_obt", of("zone", customProperties=custom(unknownMember="-"))),
    (
        "an unknown number",
        "sales_obt",
        of("year", transformLogic="date.year", customProperties=custom(unknownMember=0)),
    ),
    (
        "an unknown date",
        "sales_obt",
        of("zone", customProperties=custom(unknownMember="1900-01-01", sparkType="date")),
    ),
    ("a measure of 28 digits", "transactions", of("sales_amount", physicalType="decimal(28,10)")),
    (
        "a measure that is kept with 28 digits",
        "transactions",
        of("sales_amount", physicalType="decimal(38,10)", customProperties=custom(sparkType="decimal(28,10)")),
    ),
    (
        "a column and a text that look like calls",
        "market",
        of("zone", physicalName="current_date", transformLogic="nullif(current_date, 'call now (urgent)')"),
    ),
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
    ("a wide type", "sales_obt", of("revenue_inr", customProperties=custom(sparkType="decimal(28, 2)"))),
]


def alone(folder: Path, name: str) -> list[str]:
    """What the reader of one table says."""
    read = read_one_big_table_contract if name == "sales_obt" else read_silver_contract
    try:
        read(folder, name)
    except ContractError as error:
        return [without_line(line) for line in listed(error, folder)]
    return []


@pytest.mark.parametrize(("name", "change", "expected"), SPOILT)
def test_a_spoilt_contract_is_refused_with_its_field_value_and_cure(
    contracts_folder: Path, edit_contract: EditContract, name: str, change: Change, expected: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    edit_contract(name, change)

    assert f"{name}.odcs.yaml: {expected}" in [without_line(line) for line in problems(contracts_folder)]
    if request.node.callspec.id not in BESIDE:
        assert f"{name}.odcs.yaml: {expected}" in alone(contracts_folder, name)


@pytest.mark.parametrize(("name", "change"), [one[1:] for one in SOUND], ids=[one[0] for one in SOUND])
def test_a_sound_contract_is_taken(
    contracts_folder: Path, edit_contract: EditContract, name: str, change: Change
) -> None:
    edit_contract(name, change)
    if name == "transactions":  # Its One Big Table is partitioned by the date as it was.
        (contracts_folder / "sales_obt.odcs.yaml").unlink()

    assert load_contracts(contracts_folder)
    assert alone(contracts_folder, name) == []


def test_the_one_big_table_of_the_page_is_taken(contracts_folder: Path, edit_contract: EditContract) -> None:
    page = (PROJECT / "docs" / "reference" / "contract.md").read_text()
    (block,) = re.findall(r"^## The One Big Table\n.*?^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    def as_on_the_page(document: Document) -> None:
        # The shipped contract's roles speak of columns that the page's table has not.
        document.pop("roles", None)
        document.update(yaml.safe_load(block))

    edit_contract("sales_obt", as_on_the_page)

    assert load_contracts(contracts_folder).one_big_tables
    assert alone(contracts_folder, "sales_obt") == []


WAIVER = "waivers:\n  - {table: date, rows: {%s}, reason: Known., until: 2026-12-31}\n"


@pytest.mark.parametrize("rows", ["year: twenty", "date: '2026-13-01'", "cy_date: yes"])
def test_a_waived_value_of_another_type_is_refused(contracts_folder: Path, rows: str) -> None:
    (contracts_folder / "waivers.yaml").write_text(WAIVER % rows)

    (said,) = problems(contracts_folder)
    assert said.startswith("waivers.yaml: line 2: rows.")
    assert alone(contracts_folder, "date") == [without_line(said)]
    assert alone(contracts_folder, "market") == []


def test_a_date_that_there_is_not_is_refused(contracts_folder: Path) -> None:
    (contracts_folder / "waivers.yaml").write_text((WAIVER % "year: 2017").replace("2026-12-31", "2026-13-01"))

    (said,) = problems(contracts_folder)
    cure = "is no date: give the last business date that it holds on, such as 2026-12-31"
    assert said == f"waivers.yaml: line 2: until: '2026-13-01': {cure}"
    assert alone(contracts_folder, "date") == [without_line(said)]


@pytest.mark.parametrize("path", sorted(DRAFTS.glob("*.odcs.yaml")), ids=lambda path: path.name)
def test_a_drafted_contract_is_taken(path: Path) -> None:
    assert load_contracts(path.parent).tables
    assert alone(path.parent, path.name.partition(".")[0]) == []


def test_a_lake_name_of_another_schema_is_refused_until_one_is_renamed(contracts_folder: Path) -> None:
    crm = contracts_folder.parent / "crm"
    crm.mkdir()
    shutil.copy(contracts_folder / "customer.odcs.yaml", crm)

    for here, there in ((contracts_folder, crm), (crm, contracts_folder)):
        (message,) = problems(here)
        assert message.startswith("customer.odcs.yaml: line ")
        assert "schema[customer].name: 'customer': " in message
        assert f"{there.name}/customer.odcs.yaml uses this lake name too" in message
        assert f"name: {here.name}_customer with physicalName: customer, in a file {here.name}_customer." in message
        assert alone(here, "customer") == [without_line(message)]

    text = (crm / "customer.odcs.yaml").read_text().replace("  - name: customer\n", "  - name: crm_customer\n")
    text = text.replace("element: customer", "element: crm_customer")
    (crm / "customer.odcs.yaml").unlink()
    (crm / "crm_customer.odcs.yaml").write_text(text)

    assert (alone(contracts_folder, "customer"), alone(crm, "crm_customer")) == ([], [])
    assert load_contracts(crm).tables["customer"].name == "crm_customer"
