"""What a source may hold comes out as it is, or is refused with its reason, whatever it looks like to Spark."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.spark_jobs.bronze_lake import BronzeLake
from tests.spark_jobs.jobs import date, run_failure, run_job, stored
from tests.spark_jobs.small_contracts import column, dimension, fact, key, write_contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAY = "2026-11-20"
CODE = pa.schema([("code", pa.string()), ("name", pa.string())])
SALE = pa.schema([("id", pa.int32()), ("d", pa.date32()), ("amount", pa.decimal128(10, 2))])
SALE_COLUMNS = (
    column("id", "int(11)", "integer", required=True),
    column("d", "date", "date", required=True),
    column("amount", "decimal(10,2)", "number", required=True),
)


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return tmp_path / "contracts" / "shop"


@pytest.fixture
def lake(tmp_path: Path) -> BronzeLake:
    return BronzeLake(tmp_path / "lake", "shop")


@pytest.mark.parametrize("scd_type", [1, 2])
def test_what_looks_like_a_variable_is_kept_as_text(
    spark: SparkSession, contracts: Path, lake: BronzeLake, scd_type: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "told")
    columns = [key("code", "varchar(60)", "string"), column("name", "varchar(60)", "string")]
    dimension(contracts, "tpl", columns, scd_type)
    rows = [("A1", "fine"), ("${customer.code}", "nobody filled it in"), ("${env:PATH}", "${system:user.home}")]
    lake.land_snapshot("tpl", CODE, DAY, rows)
    run_job("silver", "tpl", DAY, lake.root, contracts)
    changed = [("A1", "${env:PATH}"), ("${customer.code}", "still"), ("${env:PATH}", "x")]
    lake.land_snapshot("tpl", CODE, "2026-11-21", changed)
    run_job("silver", "tpl", "2026-11-21", lake.root, contracts)
    found = stored(lake.root, "silver/tpl", ["code", "name"])
    assert found == sorted(changed if scd_type == 1 else rows + changed, key=repr)


def test_a_rule_may_name_what_looks_like_a_variable(spark: SparkSession, contracts: Path, lake: BronzeLake) -> None:
    quality = [{"name": "known", "metric": "invalidValues", "arguments": {"validValues": ["${env:PATH}"]}, "mustBe": 0}]
    dimension(
        contracts, "tpl", [key("code", "varchar(60)", "string"), column("name", "text", "string", quality=quality)]
    )
    lake.land_snapshot("tpl", CODE, DAY, [("a", "${env:PATH}"), ("b", "other")])
    run_job("silver", "tpl", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/tpl", ["code"]) == [("a",)]


def test_a_date_at_the_ends_of_the_calendar_holds_up_nothing(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    days = ["0001-01-01", "0999-12-31", "1582-10-10", "9999-12-31"]
    fact(contracts, "b", SALE_COLUMNS, measures=["amount"])
    rows = [(number, date(day), Decimal("1.00")) for number, day in enumerate([*days, DAY])]
    lake.land_fact("b", SALE, DAY, rows, "d")
    run_job("silver", "b", DAY, lake.root, contracts)
    # The days at the ends have changed besides.
    rows = [(number, day, Decimal("1.50")) for number, day, _ in rows] + [(9, date("2026-11-21"), Decimal("4.00"))]
    lake.land_fact("b", SALE, "2026-11-21", rows, "d")
    done = run_job("silver", "b", "2026-11-21", lake.root, contracts)
    assert stored(lake.root, "silver/b", ["id", "d", "amount"]) == rows
    assert [one["slice"] for one in done["detail"]["dates"]] == sorted([*days, DAY, "2026-11-21"])


@pytest.mark.parametrize(("scd_type", "known"), [(1, [("K1", "one")]), (1, []), (2, [])])
def test_a_fact_is_held_against_what_its_dimension_knows(
    spark: SparkSession, contracts: Path, lake: BronzeLake, scd_type: int, known: list[tuple[str, str]]
) -> None:
    dimension(contracts, "kind", [key("code", "varchar(5)", "string"), column("name", "text", "string")], scd_type)
    to = {"type": "foreignKey", "to": "kind.code", "customProperties": [{"property": "severity", "value": "error"}]}
    fact(contracts, "f1", [*SALE_COLUMNS[:2], column("code", "varchar(5)", "string", relationships=[to])])
    lake.land_snapshot("kind", CODE, DAY, known)
    columns = pa.schema([("id", pa.int32()), ("d", pa.date32()), ("code", pa.string())])
    old = date("0999-12-31")
    rows = [(1, date(DAY), "K1"), (2, date(DAY), "K9"), (3, date(DAY), None), (4, old, "K1"), (5, old, "K9")]
    lake.land_fact("f1", columns, DAY, rows, "d")
    run_job("silver", "kind", DAY, lake.root, contracts)
    run_job("silver", "f1", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/f1", ["id"]) == ([(1,), (3,), (4,)] if known else [(3,)])


ENDS = ["Cus001\r", "Cus001\n", "Cus001\r\n", "Cus001\n\n", "Cus001\u0085", "Cus001\u2028", "Cus001\u2029", "Cus001 "]


@pytest.mark.parametrize("pattern", ["^Cus[0-9]{3,}$", "(?m)^Cus001$|Cus002"])
def test_a_pattern_matches_the_whole_value(
    spark: SparkSession, contracts: Path, lake: BronzeLake, pattern: str
) -> None:
    options = {"logicalTypeOptions": {"pattern": pattern}}
    dimension(contracts, "cust", [key("code", "text", "string", **options), column("name", "text", "string")])
    lake.land_snapshot("cust", CODE, DAY, [(code, "x") for code in ("Cus001", "xCus001", *ENDS)])
    run_job("silver", "cust", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/cust", ["code"]) == [("Cus001",)]


@pytest.mark.parametrize("pattern", ["(?x) Cus [0-9]{3} # the number", r"\QCus001"])
def test_a_pattern_keeps_its_own_comments_and_quotations(
    spark: SparkSession, contracts: Path, lake: BronzeLake, pattern: str
) -> None:
    options = {"logicalTypeOptions": {"pattern": pattern}}
    dimension(contracts, "cust", [key("code", "text", "string", **options), column("name", "text", "string")])
    lake.land_snapshot("cust", CODE, DAY, [("Cus001", "x"), ("Cus001\n", "y"), ("none", "z")])
    run_job("silver", "cust", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/cust", ["code"]) == [("Cus001",)]


def test_a_value_that_would_lose_a_part_of_itself_is_not_converted(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    spark_type = {"property": "sparkType", "value": "decimal(10,2)"}
    columns = [
        key("id", "int", "integer"),
        column("state", "tinyint(1)", "boolean"),
        column("seats", "decimal(6,2)", "integer"),
        column("ratio", "double", "integer"),
        column("started", "varchar(40)", "date"),
        column("price", "varchar(20)", "number", customProperties=[spark_type]),
        column("at", "varchar(40)", "timestamp"),
        column("day", "datetime", "date"),
        column("big", "bigint", "number"),
    ]
    dimension(contracts, "flag", columns)
    source = pa.schema(
        [
            ("id", pa.int32()), ("state", pa.int8()), ("seats", pa.decimal128(6, 2)), ("ratio", pa.float64()),
            ("started", pa.string()), ("price", pa.string()), ("at", pa.string()), ("day", pa.timestamp("us")),
            ("big", pa.int64()),
        ]
    )  # fmt: skip
    good = (1, Decimal("10.00"), 1.0, "2026-11-20", "0.10", "2026-11-20 10:00:00", dt.datetime(2026, 11, 20), 2**53)
    also_good = (0, None, -2.0, " 2026-1-5\r", "1e1", "2026-11-20T10:00:00.123456Z", None, None)
    bad = {
        "state": [2, -1],
        "seats": [Decimal("10.75")],
        "ratio": [2.9, 1e30, float("nan")],
        "started": ["2026", "2026-11", "2026-11-20 rubbish", "2026-11-20T10:00:00", "20.11.2026", "2026-02-30"],
        "price": ["0.0049", "1.5d", "1e-3", "123456789.00"],
        "at": ["2026", "12:30", "2026-11-20 10:00:00 and more", "2026-11-20 10:00:00.1234567"],
        "day": [dt.datetime(2026, 11, 20, 0, 0, 1)],
        "big": [2**53 + 1],
    }
    names = source.names[1:]
    rows, wanted = [(0, *good), (1, *also_good)], {}
    for name, values in bad.items():
        for value in values:
            rows.append((len(rows), *[value if name == one else usual for one, usual in zip(names, good, strict=True)]))
            wanted[len(rows) - 1] = f"{name}_type_conversion"
    lake.land_snapshot("flag", source, DAY, rows)
    run_job("silver", "flag", DAY, lake.root, contracts)
    refused = stored(lake.root, "silver/flag_quarantine", ["business_key", "_errors"])
    reasons = {int(json.loads(row_key)[0]): [one["name"] for one in errors] for row_key, errors in refused}
    assert reasons == {number: [reason] for number, reason in wanted.items()}
    assert len(stored(lake.root, "silver/flag", ["id"])) == 2


def test_a_column_that_the_source_widens_loses_nothing_in_silence(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    columns = [
        key("code", "varchar(5)", "string"),
        column("price", "decimal(10,2)", "number"),
        column("stock", "int(11)", "integer"),
    ]
    dimension(contracts, "price", columns, scd_type=2, sourceDrift="tolerant")
    before = pa.schema([("code", pa.string()), ("price", pa.decimal128(10, 2)), ("stock", pa.int32())])
    lake.land_snapshot("price", before, DAY, [("A", Decimal("1.25"), 5), ("B", Decimal("2.50"), 6)])
    run_job("silver", "price", DAY, lake.root, contracts)
    after = pa.schema([("code", pa.string()), ("price", pa.decimal128(12, 4)), ("stock", pa.float64())])
    lake.land_snapshot("price", after, "2026-11-21", [("A", Decimal("0.0049"), 5.0), ("B", Decimal("2.5"), 5.999)])
    row = run_job("silver", "price", "2026-11-21", lake.root, contracts)
    assert row["detail"]["quarantined_by_reason"] == {"price_type_conversion": 1, "stock_type_conversion": 1}
    assert stored(lake.root, "silver/price", ["code", "price", "valid_to"]) == [
        ("A", Decimal("1.25"), None), ("B", Decimal("2.50"), None),
    ]  # fmt: skip


INTERNAL = ["_metadata", "_file", "_slice", "_raw", "_value_id", "_unconverted", "_errors", "__metadata"]


def test_a_source_may_name_its_columns_as_spark_and_the_jobs_name_theirs(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    text = [column(f"c{number}", "text", "string", physicalName=name) for number, name in enumerate(INTERNAL)]
    fact(contracts, "cut", [*SALE_COLUMNS[:2], *text])
    columns = pa.schema([("id", pa.int32()), ("d", pa.date32()), *[(name, pa.string()) for name in INTERNAL]])
    values = tuple(f"the {name}" for name in INTERNAL)
    lake.land_fact("cut", columns, DAY, [(1, date(DAY), *values), (None, date(DAY), *values)], "d")
    run_job("silver", "cut", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/cut", [f"c{number}" for number in range(len(INTERNAL))]) == [values]
    ((raw,),) = stored(lake.root, "silver/cut_quarantine", ["raw_row"])
    assert json.loads(raw) == {"id": None, "d": DAY} | dict(zip(INTERNAL, values, strict=True))


def test_a_source_column_with_a_reserved_name_is_refused(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    dimension(contracts, "tpl", [key("code", "text", "string")])
    lake.land_snapshot("tpl", pa.schema([("code", pa.string()), ("_Lakehouse_slice", pa.string())]), DAY, [])
    assert "names that begin with _lakehouse_ are kept for the jobs" in str(
        run_failure("silver", "tpl", DAY, lake.root, contracts)
    )


LAKE_NAMES = [
    "ends", "told", "row", "newest", "stored", "is_changed", "dates", "new", "old", "known", "since", "until", "number",
    "slice", "reasons", "business_date", "side", "counts", "sums", "day", "hash", "is_unknown", "is_day", "latest", "p",
]  # fmt: skip


@pytest.mark.parametrize("scd_type", [1, 2])
def test_a_dimension_may_name_its_columns_as_the_jobs_name_theirs(
    spark: SparkSession, contracts: Path, lake: BronzeLake, scd_type: int
) -> None:
    texts = [column(name, "text", "string") for name in LAKE_NAMES]
    quality = [{"name": "not_bad", "type": "custom", "engine": "sparkSql", "implementation": "ends <> 'bad'"}]
    texts[0] = column("ends", "text", "string", quality=quality)
    dimension(contracts, "promo", [key("code", "varchar(8)", "string"), *texts], scd_type)
    columns = pa.schema([("code", pa.string()), *[(name, pa.string()) for name in LAKE_NAMES]])

    def snapshot(*codes: str) -> list[tuple[str, ...]]:
        return [tuple(code.split("=")) + (code.split("=")[1],) * (len(LAKE_NAMES) - 1) for code in codes]

    days = {
        "2026-11-20": snapshot("P1=a", "P2=a", "P3=a"), "2026-11-22": snapshot("P1=b", "P2=bad"),
        "2026-11-21": snapshot("P1=a", "P2=c", "P3=a"),
    }  # fmt: skip
    for day, rows in days.items():
        lake.land_snapshot("promo", columns, day, rows)
        run_job("silver", "promo", day, lake.root, contracts, flags=["--accept-deletes"])
    if scd_type == 1:
        assert stored(lake.root, "silver/promo", ["code", "ends", "slice"]) == [("P1", "b", "b")]
        return
    versions = stored(lake.root, "silver/promo", ["code", "ends", "newest", "valid_from", "valid_to"])
    assert versions == [
        ("P1", "a", "a", date("2026-11-20"), date("2026-11-22")),
        ("P1", "b", "b", date("2026-11-22"), None),
        ("P2", "a", "a", date("2026-11-20"), date("2026-11-21")),
        ("P2", "c", "c", date("2026-11-21"), None),
        ("P3", "a", "a", date("2026-11-20"), date("2026-11-22")),
    ]


def test_sums_of_more_digits_than_spark_has_are_exact(spark: SparkSession, contracts: Path, lake: BronzeLake) -> None:
    columns = [
        *SALE_COLUMNS[:2],
        column("token", "decimal(38,30)", "number"),
        column("wei", "decimal(38,0)", "number", logicalTypeOptions={"minimum": -5}),
    ]
    fact(contracts, "pot", columns, measures=["token", "wei"], duplicates="keep_one")
    source = pa.schema(
        [("id", pa.int32()), ("d", pa.date32()), ("token", pa.decimal128(38, 30)), ("wei", pa.decimal128(38, 0))]
    )
    nines = 10**38 - 1
    # Python keeps 28 digits of what it calculates with decimals, and all of whole numbers.
    most, least, most_3, tiny = (
        Decimal(nines),
        Decimal(-nines),
        Decimal(3 * nines - 1),
        Decimal("1.000000000000000000000000000001"),
    )
    rows = [
        (1, date(DAY), Decimal("60000000.5"), most), (2, date(DAY), Decimal("-60000000.25"), most),
        (3, date(DAY), Decimal("90000000.75"), Decimal(-1)), (4, date(DAY), Decimal("60000000.5"), most),
        (4, date(DAY), Decimal("60000000.5"), most), (4, date(DAY), Decimal("60000000.5"), most),
        (5, date(DAY), tiny, least), (6, date(DAY), tiny, least), (7, date("2026-11-19"), None, None),
    ]  # fmt: skip
    lake.land_fact("pot", source, DAY, rows, "d")
    detail = run_job("silver", "pot", DAY, lake.root, contracts)["detail"]
    (sums,) = [one["sums"] for one in detail["dates"] if one["slice"] == DAY]
    assert {name: {side: Decimal(text) for side, text in one.items()} for name, one in sums.items()} == {
        "token": {
            "bronze": Decimal("270000004.500000000000000000000000000002"), "silver": Decimal("150000001.5"),
            "duplicate": Decimal("120000001"), "quarantined": Decimal("2.000000000000000000000000000002"),
        },
        "wei": {
            "bronze": most_3, "silver": most_3, "duplicate": Decimal(2 * nines), "quarantined": Decimal(-2 * nines),
        },
    }  # fmt: skip
    wide = [
        column(name, physical, "number", transformLogic=f"pot.{name}")
        for name, physical in (("token", "decimal(38,30)"), ("wei", "decimal(38,0)"))
    ]
    day = column("d", "date", "date", transformLogic="pot.d")
    write_contract(
        contracts, "wide", [day, *wide], tableKind="one_big_table", factTable="pot", joins=[], partitionColumn="d",
        measures=["token", "wei"],
    )  # fmt: skip
    detail = run_job("gold", "wide", DAY, lake.root, contracts)["detail"]
    (gold,) = [one for one in detail["dates"] if one["slice"] == DAY]
    assert {name: (Decimal(one["silver"]), Decimal(one["gold"])) for name, one in gold["sums"].items()} == {
        "token": (Decimal("150000001.5"), Decimal("150000001.5")), "wei": (most_3, most_3),
    }  # fmt: skip


@pytest.mark.parametrize("scd_type", [1, 2])
def test_keys_that_mysql_calls_equal_are_joined_by_the_documented_cleaning(
    spark: SparkSession, contracts: Path, lake: BronzeLake, scd_type: int
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text()
    logic = next(line for line in page.splitlines() if line.startswith("translate(upper(trim("))
    keyed = key("code", "varchar(10)", "string", transformLogic=logic.replace("customer_code", "code"))
    dimension(contracts, "cust", [keyed, column("name", "varchar(20)", "string")], scd_type)
    reference = column(
        "cust_code", "varchar(10)", "string", transformLogic=logic.replace("customer_code", "cust_code"),
        relationships=[
            {"type": "foreignKey", "to": "cust.code", "customProperties": [{"property": "severity", "value": "error"}]}
        ],
    )  # fmt: skip
    fact(contracts, "sale", [*SALE_COLUMNS, reference])
    lake.land_snapshot("cust", CODE, DAY, [("Cus001", "Ann"), ("CUS002 ", "Bob"), ("Ñandú", "Cy")])
    codes = ("cus001", "Cus001 ", "CUS002", "nandu", "Cus001", "other")
    rows = [(number, date(DAY), Decimal(number), code) for number, code in enumerate(codes)]
    lake.land_fact("sale", SALE.append(pa.field("cust_code", pa.string())), DAY, rows, "d")
    for table in ("cust", "sale"):
        run_job("silver", table, DAY, lake.root, contracts)
    wide = [
        {"name": "d", "logicalType": "date", "transformLogic": "sale.d"},
        {"name": "id", "logicalType": "integer", "transformLogic": "sale.id"},
        {"name": "name", "logicalType": "string", "transformLogic": "cust.name"},
    ]
    joins = [{"table": "cust", "on": {"cust_code": "code"}}]
    write_contract(
        contracts, "wide", wide, tableKind="one_big_table", factTable="sale", joins=joins, partitionColumn="d"
    )
    run_job("gold", "wide", DAY, lake.root, contracts)
    assert stored(lake.root, "gold/wide", ["id", "name"]) == [
        (0, "Ann"), (1, "Ann"), (2, "Bob"), (3, "Cy"), (4, "Ann"),
    ]  # fmt: skip


def test_gold_refuses_a_value_of_which_a_part_would_be_lost_and_stays_as_it_was(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    source = pa.schema([("d", pa.date32()), ("price", pa.decimal128(10, 4)), ("sold_at", pa.timestamp("us"))])
    day = column("d", "date", "date", required=True)
    of_sale = [day, column("price", "decimal(10,4)", "number"), column("sold_at", "datetime", "timestamp")]
    fact(contracts, "sale", of_sale)

    def landed(price: str, hour: int) -> None:
        row = (date(DAY), Decimal(price), dt.datetime(2026, 11, 20, hour))
        lake.land_fact("sale", source, DAY, [row], "d")
        run_job("silver", "sale", DAY, lake.root, contracts)

    def gold(price: str, sold_on: str) -> str | None:
        wide = [
            {"name": "d", "logicalType": "date", "transformLogic": "sale.d"},
            {"name": "price", "logicalType": "number", "transformLogic": price,
             "customProperties": [{"property": "sparkType", "value": "decimal(10,2)"}]},
            {"name": "sold_on", "logicalType": "date", "transformLogic": sold_on,
             "customProperties": [{"property": "sparkType", "value": "date"}]},
        ]  # fmt: skip
        write_contract(
            contracts, "wide", wide, tableKind="one_big_table", factTable="sale", joins=[], partitionColumn="d"
        )
        return run_failure("gold", "wide", DAY, lake.root, contracts)

    landed("10.7500", 0)
    assert gold("sale.price", "sale.sold_at") is None
    fitting = [(date(DAY), Decimal("10.75"), date(DAY))]
    assert stored(lake.root, "gold/wide", ["d", "price", "sold_on"]) == fitting
    for price, hour, name, kind, given in (
        ("10.7549", 0, "price", "decimal(10,2)", "decimal(10,4)"),
        ("10.7500", 7, "sold_on", "date", "timestamp"),
    ):
        landed(price, hour)
        failure = gold("sale.price", "sale.sold_at")
        lines = (contracts / "wide.odcs.yaml").read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if f"name: {name}" in text)
        assert failure == (
            f"gold wide {DAY}: wide.odcs.yaml line {line}: properties.{name}.sparkType: '{kind}': a value ({given}) "
            "does not fit without losing part of it: cut it off on purpose in transformLogic, such as round(…, 2), or "
            "give a wider type"
        )
        assert stored(lake.root, "gold/wide", ["d", "price", "sold_on"]) == fitting
    landed("10.7549", 7)
    assert gold("round(sale.price, 2)", "to_date(sale.sold_at)") is None
    assert stored(lake.root, "gold/wide", ["d", "price", "sold_on"]) == fitting


def test_an_unknown_member_leaves_the_values_of_its_column_exact(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    limit, tier = Decimal("1234567890123456.7891"), Decimal("0.1234567890123456789")
    columns = [
        key("code", "varchar(9)", "string"), column("limit", "decimal(20,4)", "number"),
        column("tier", "decimal(19,19)", "number"), column("since", "date", "date"),
        column("rank", "int", "integer"), column("open", "tinyint(1)", "boolean"),
    ]  # fmt: skip
    dimension(contracts, "cust", columns)
    source = pa.schema(
        [
            ("code", pa.string()), ("limit", pa.decimal128(20, 4)), ("tier", pa.decimal128(19, 19)),
            ("since", pa.date32()), ("rank", pa.int32()), ("open", pa.int8()),
        ]
    )  # fmt: skip
    lake.land_snapshot("cust", source, DAY, [("c1", limit, tier, date("0999-12-31"), 7, 1), ("c2", *[None] * 5)])
    fact(contracts, "sale", [*SALE_COLUMNS[:2], column("code", "varchar(9)", "string")])
    of_sale = pa.schema([("id", pa.int32()), ("d", pa.date32()), ("code", pa.string())])
    lake.land_fact("sale", of_sale, DAY, [(1, date(DAY), "c1"), (2, date(DAY), "c2"), (3, date(DAY), "c9")], "d")

    def wide(name: str, logical: str, member: object, **more: object) -> dict[str, object]:
        properties = {"unknownMember": member, **more}
        return {
            "name": name, "logicalType": logical, "transformLogic": f"cust.{name.partition('_')[0]}",
            "customProperties": [{"property": one, "value": value} for one, value in properties.items()],
        }  # fmt: skip

    members = [
        wide("limit", "number", -1), wide("limit_typed", "number", "0.5", sparkType="decimal(22,4)"),
        wide("tier", "number", 0), wide("since", "date", "1900-01-01"), wide("rank", "integer", -1),
        wide("rank_small", "integer", -1, sparkType="smallint"), wide("open", "boolean", False),
    ]  # fmt: skip
    names = [str(one["name"]) for one in members]
    ids = [
        {"name": "d", "logicalType": "date", "transformLogic": "sale.d"},
        {"name": "id", "logicalType": "integer", "transformLogic": "sale.id"},
    ]
    write_contract(
        contracts, "wide", [*ids, *members], tableKind="one_big_table", factTable="sale", partitionColumn="d",
        joins=[{"table": "cust", "on": {"code": "code"}}],
    )  # fmt: skip
    for stage, table in (("silver", "cust"), ("silver", "sale"), ("gold", "wide")):
        run_job(stage, table, DAY, lake.root, contracts)
    known = (limit, limit, tier, date("0999-12-31"), 7, 7, True)
    unknown = (Decimal(-1), Decimal("0.5"), Decimal(0), date("1900-01-01"), -1, -1, False)
    expected = [(1, *known), (2, *[None] * 7), (3, *unknown)]
    assert stored(lake.root, "gold/wide", ["id", *names]) == expected

    # As a table that an earlier version made: its decimals were doubles.
    table = f"delta.`{lake.root}/gold/wide`"
    (told,) = [row["userMetadata"] for row in spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").collect()]
    before = spark.sql(f"SELECT * EXCEPT (limit), CAST(limit AS double) AS limit FROM {table}")
    options = {"overwriteSchema": "true", "userMetadata": told}
    before.write.format("delta").mode("overwrite").options(**options).partitionBy("d").save(f"{lake.root}/gold/wide")
    assert run_job("gold", "wide", DAY, lake.root, contracts)["outcome"] == "full"
    assert stored(lake.root, "gold/wide", ["id", *names]) == expected


EVERY_TYPE = pa.schema(
    [
        ("id", pa.int32()), ("d", pa.date32()), ("i8", pa.int8()), ("i16", pa.int16()), ("i64", pa.int64()),
        ("f", pa.float32()), ("g", pa.float64()), ("b", pa.bool_()), ("s", pa.string()), ("x", pa.binary()),
        ("t", pa.timestamp("us")), ("u", pa.timestamp("us", "UTC")), ("n", pa.decimal128(20, 0)),
        ("m", pa.decimal128(38, 30)),
    ]
)  # fmt: skip


def test_an_index_over_files_of_other_columns_says_so_and_refuses_no_good_row(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    days = [date(day) for day in ("2026-11-18", "2026-11-19", DAY)]
    nothing = (None,) * (len(EVERY_TYPE) - 2)
    fact(contracts, "pay", SALE_COLUMNS[:2])
    for number, day in enumerate(days):
        rows = [(one, days[one], *nothing) for one in range(number + 1)]
        lake.land_fact("pay", EVERY_TYPE, str(day), rows, "d")
    # All three days are read, two of them from files of other copies.
    assert run_job("silver", "pay", DAY, lake.root, contracts)["rows_written"] == 3
    kept = stored(lake.root, "silver/pay", ["id", "d"])

    fact(
        contracts,
        "pay",
        [*SALE_COLUMNS[:2], column("s", "text", "string"), column("more", "int", "integer", required=True)],
    )
    changed = pa.schema(
        [*[("id", pa.int32()), ("d", pa.date32()), ("i8", pa.string()), ("s", pa.string()), ("more", pa.int32())]]
    )
    lake.land_fact("pay", changed, "2026-11-19", [(1, days[1], "x", "y", 1)], "d", only=["2026-11-19"])
    failure = str(run_failure("silver", "pay", "2026-11-19", lake.root, contracts))
    assert "what was copied on 2026-11-18, 2026-11-20 has other columns than the table has now" in failure
    assert "i8 is tinyint and not string; more is missing" in failure
    assert stored(lake.root, "silver/pay", ["id", "d"]) == kept
    assert stored(lake.root, "silver/pay_quarantine", ["raw_row"]) == []
