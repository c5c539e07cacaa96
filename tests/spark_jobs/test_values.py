"""What a source may hold comes out as it is, or is refused with its reason, whatever it looks like to Spark."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tests.spark_jobs.bronze_lake import BronzeLake
from tests.spark_jobs.jobs import date, run_failure, run_job, stored
from tests.spark_jobs.small_contracts import column, dimension, fact, key, write_contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAY, NEXT_DAY = "2026-11-20", "2026-11-21"
CODE = pa.schema([("code", pa.string()), ("name", pa.string())])
SALE_COLUMNS = (
    column("id", "int(11)", "integer", required=True),
    column("d", "date", "date", required=True),
)


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return tmp_path / "contracts" / "shop"


@pytest.fixture
def lake(tmp_path: Path) -> BronzeLake:
    return BronzeLake(tmp_path / "lake", "shop")


ENDS = ["Cus001\r", "Cus001\n", "Cus001\r\n", "Cus001\n\n", "Cus001\u0085", "Cus001\u2028", "Cus001\u2029", "Cus001 "]


WHOLE = (["Cus001"], ["xCus001", *ENDS])
PART = (["Cus001"], ["Cus001\n", "none"])
# By pattern the values that it takes, and those that it refuses; two have comments and quotations of their own.
PATTERNS = {
    "^Cus[0-9]{3,}$": WHOLE,
    "(?m)^Cus001$|Cus002": WHOLE,
    "(?x) Cus [0-9]{3} # the number": PART,
    r"\QCus001": PART,
}


def test_a_pattern_matches_the_whole_value_and_a_rule_may_name_what_looks_like_a_variable(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    texts = [
        column(f"p{number}", "text", "string", logicalTypeOptions={"pattern": one})
        for number, one in enumerate(PATTERNS)
    ]
    known = {"name": "known", "metric": "invalidValues", "arguments": {"validValues": ["${env:PATH}"]}, "mustBe": 0}
    texts.append(column("known", "text", "string", quality=[known]))
    dimension(contracts, "cust", [key("id", "int", "integer"), *texts])
    rows: list[tuple[object, ...]] = []
    wanted = []
    for place, (good, bad) in enumerate([*PATTERNS.values(), (["${env:PATH}"], ["other"])]):
        for value in [*good, *bad]:
            rows.append((len(rows), *[value if place == one else None for one in range(len(texts))]))
            wanted += [rows[-1]] if value in good else []
    source = pa.schema([("id", pa.int32()), *((str(one["name"]), pa.string()) for one in texts)])
    lake.land_snapshot("cust", source, DAY, rows)
    run_job("silver", "cust", DAY, lake.root, contracts)
    assert stored(lake.root, "silver/cust", source.names) == sorted(wanted, key=repr)


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
def test_a_dimension_may_name_its_columns_as_the_jobs_name_theirs_and_hold_what_looks_like_a_variable(
    spark: SparkSession, contracts: Path, lake: BronzeLake, scd_type: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "told")
    first, other, user = "${customer.code}", "${env:SHOP_SECRET}", "${system:user.home}"
    texts = [column(name, "text", "string") for name in LAKE_NAMES]
    quality = [{"name": "not_bad", "type": "custom", "engine": "sparkSql", "implementation": "ends <> 'bad'"}]
    texts[0] = column("ends", "text", "string", quality=quality)
    dimension(contracts, "promo", [key("code", "varchar(60)", "string"), *texts], scd_type)
    columns = pa.schema([("code", pa.string()), *[(name, pa.string()) for name in LAKE_NAMES]])

    def snapshot(**values: str) -> list[tuple[str, ...]]:
        codes = {"P1": first, "P2": other, "P3": "P3"}
        return [(codes[name], *[value] * len(LAKE_NAMES)) for name, value in values.items()]

    days = {
        "2026-11-20": snapshot(P1="a", P2=other, P3="a"), "2026-11-22": snapshot(P1=user, P2="bad"),
        "2026-11-21": snapshot(P1="a", P2="c", P3="a"),
    }  # fmt: skip
    for day, rows in days.items():
        lake.land_snapshot("promo", columns, day, rows)
        run_job("silver", "promo", day, lake.root, contracts, flags=["--accept-deletes=true"])
    if scd_type == 1:
        assert stored(lake.root, "silver/promo", ["code", "ends", "slice"]) == [(first, user, user)]
        return
    versions = stored(lake.root, "silver/promo", ["code", "ends", "newest", "valid_from", "valid_to"])
    assert versions == [
        (first, user, user, date("2026-11-22"), None),
        (first, "a", "a", date("2026-11-20"), date("2026-11-22")),
        (other, other, other, date("2026-11-20"), date("2026-11-21")),
        (other, "c", "c", date("2026-11-21"), None),
        ("P3", "a", "a", date("2026-11-20"), date("2026-11-22")),
    ]


INTERNAL = ["_metadata", "_file", "_slice", "_raw", "_value_id", "_unconverted", "_errors", "__metadata"]
THE_NAMES = tuple(f"the {name}" for name in INTERNAL)
ENDS_OF_CALENDAR = ["0001-01-01", "0999-12-31", "1582-10-10", "9999-12-31"]
NINES = 10**38 - 1
# Python keeps 28 digits of what it calculates with decimals, and all of whole numbers.
MOST, LEAST, MOST_3, TINY = (
    Decimal(NINES),
    Decimal(-NINES),
    Decimal(3 * NINES - 1),
    Decimal("1.000000000000000000000000000001"),
)


@dataclass(frozen=True)
class Odd:
    """A fact of odd names, dates and amounts: its lake, and the details of its two runs and of gold's."""

    root: Path
    runs: list[dict[str, Any]]
    gold: dict[str, Any]


@pytest.fixture(scope="module")
def odd(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Odd:
    folder = tmp_path_factory.mktemp("odd")
    contracts, lake = folder / "contracts" / "shop", BronzeLake(folder / "lake", "shop")
    amounts = [
        column("token", "decimal(38,30)", "number"),
        column("wei", "decimal(38,0)", "number", logicalTypeOptions={"minimum": -5}),
    ]
    text = [column(f"c{number}", "text", "string", physicalName=name) for number, name in enumerate(INTERNAL)]
    fact(contracts, "pot", [*SALE_COLUMNS, *amounts, *text], measures=["token", "wei"], duplicates="keep_one")
    source = pa.schema(
        [
            ("id", pa.int32()), ("d", pa.date32()), ("token", pa.decimal128(38, 30)), ("wei", pa.decimal128(38, 0)),
            *((name, pa.string()) for name in INTERNAL),
        ]
    )  # fmt: skip
    rows = [
        (1, date(DAY), Decimal("60000000.5"), MOST), (2, date(DAY), Decimal("-60000000.25"), MOST),
        (3, date(DAY), Decimal("90000000.75"), Decimal(-1)), (4, date(DAY), Decimal("60000000.5"), MOST),
        (4, date(DAY), Decimal("60000000.5"), MOST), (4, date(DAY), Decimal("60000000.5"), MOST),
        (5, date(DAY), TINY, LEAST), (6, date(DAY), TINY, LEAST), (7, date("2026-11-19"), None, None),
        (None, date(DAY), None, None),
    ]  # fmt: skip
    runs = []
    # On the next day the days at the ends have changed besides.
    for day, value in ((DAY, 1), (NEXT_DAY, 2)):
        ends = [(20 + number, date(one), None, Decimal(value)) for number, one in enumerate(ENDS_OF_CALENDAR)]
        new = [(9, date(NEXT_DAY), None, Decimal(4))] if day == NEXT_DAY else []
        lake.land_fact("pot", source, day, [(*one, *THE_NAMES) for one in [*rows, *ends, *new]], "d")
        runs.append(run_job("silver", "pot", day, lake.root, contracts)["detail"])
    wide = [
        column(name, physical, "number", transformLogic=f"pot.{name}")
        for name, physical in (("token", "decimal(38,30)"), ("wei", "decimal(38,0)"))
    ]
    write_contract(
        contracts, "wide", [column("d", "date", "date", transformLogic="pot.d"), *wide], tableKind="one_big_table",
        factTable="pot", joins=[], partitionColumn="d", measures=["token", "wei"],
    )  # fmt: skip
    return Odd(lake.root, runs, run_job("gold", "wide", NEXT_DAY, lake.root, contracts)["detail"])


def test_a_source_may_name_its_columns_as_spark_and_the_jobs_name_theirs(odd: Odd) -> None:
    assert set(stored(odd.root, "silver/pot", [f"c{number}" for number in range(len(INTERNAL))])) == {THE_NAMES}
    entries = [json.loads(raw) for (raw,) in stored(odd.root, "silver/pot_quarantine", ["raw_row"])]
    (nameless,) = [one for one in entries if one["id"] is None]
    told = dict(zip(INTERNAL, THE_NAMES, strict=True))
    assert nameless == {"id": None, "d": DAY, "token": None, "wei": None} | told


def test_a_date_at_the_ends_of_the_calendar_holds_up_nothing(odd: Odd) -> None:
    rows = [row for row in stored(odd.root, "silver/pot", ["id", "d", "wei"]) if row[0] >= 9]
    ends = [(20 + number, date(one), Decimal(2)) for number, one in enumerate(ENDS_OF_CALENDAR)]
    assert sorted(rows) == [(9, date(NEXT_DAY), Decimal(4)), *ends]
    days = sorted([*ENDS_OF_CALENDAR, "2026-11-19", DAY, NEXT_DAY])
    assert [one["slice"] for one in odd.runs[1]["dates"]] == days
    assert [one["slice"] for one in odd.gold["dates"]] == days


def test_sums_of_more_digits_than_spark_has_are_exact(odd: Odd) -> None:
    (sums,) = [one["sums"] for one in odd.runs[0]["dates"] if one["slice"] == DAY]
    assert {name: {side: Decimal(text) for side, text in one.items()} for name, one in sums.items()} == {
        "token": {
            "bronze": Decimal("270000004.500000000000000000000000000002"), "silver": Decimal("150000001.5"),
            "duplicate": Decimal("120000001"), "quarantined": Decimal("2.000000000000000000000000000002"),
        },
        "wei": {
            "bronze": MOST_3, "silver": MOST_3, "duplicate": Decimal(2 * NINES), "quarantined": Decimal(-2 * NINES),
        },
    }  # fmt: skip
    (gold,) = [one for one in odd.gold["dates"] if one["slice"] == DAY]
    assert {name: (Decimal(one["silver"]), Decimal(one["gold"])) for name, one in gold["sums"].items()} == {
        "token": (Decimal("150000001.5"), Decimal("150000001.5")), "wei": (MOST_3, MOST_3),
    }  # fmt: skip


def test_a_fact_is_held_against_what_its_dimensions_know_by_keys_that_are_cleaned_as_documented(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text()
    logic = next(line for line in page.splitlines() if line.startswith("translate(upper(trim("))

    def cleaned(name: str) -> str:
        return logic.replace("customer_code", name)

    # Of either type one that knows three codes, and one that knows none.
    known = [("Cus001", "Ann"), ("CUS002 ", "Bob"), ("Ñandú", "Cy")]
    dimensions = {"one": (1, known), "two": (2, known), "none_one": (1, []), "none_two": (2, [])}
    references = []
    for table, (scd_type, rows) in dimensions.items():
        keyed = key("code", "varchar(10)", "string", transformLogic=cleaned("code"))
        dimension(contracts, table, [keyed, column("name", "varchar(20)", "string")], scd_type)
        lake.land_snapshot(table, CODE, DAY, rows)
        run_job("silver", table, DAY, lake.root, contracts)
        to = {"type": "foreignKey", "to": f"{table}.code"}
        to["customProperties"] = [{"property": "severity", "value": "error"}]  # type: ignore[assignment]
        name = f"{table}_code"
        references.append(column(name, "varchar(10)", "string", transformLogic=cleaned(name), relationships=[to]))
    fact(contracts, "sale", [*SALE_COLUMNS, *references])
    source = pa.schema([("id", pa.int32()), ("d", pa.date32()), *((f"{one}_code", pa.string()) for one in dimensions)])
    names = {"cus001": "Ann", "Cus001 ": "Ann", "CUS002": "Bob", "nandu": "Cy", "Cus001": "Ann", "other": None}
    sales: list[tuple[Any, ...]] = [(0, date(DAY), None, None, None, None)]
    expected: list[tuple[Any, ...]] = [(0, None, None)]
    for place, (_, rows) in enumerate(dimensions.values()):
        for day in (DAY, "0999-12-31"):
            for code, name in names.items():
                sales.append((len(sales), date(day), *[code if place == one else None for one in range(4)]))
                if rows and name:
                    expected.append((sales[-1][0], *[name if place == one else None for one in range(2)]))
    lake.land_fact("sale", source, DAY, sales, "d")
    run_job("silver", "sale", DAY, lake.root, contracts)
    wide = [
        {"name": "d", "logicalType": "date", "transformLogic": "sale.d"},
        {"name": "id", "logicalType": "integer", "transformLogic": "sale.id"},
        *({"name": f"name_{one}", "logicalType": "string", "transformLogic": f"{one}.name"} for one in ("one", "two")),
    ]
    joins = [{"table": one, "on": {f"{one}_code": "code"}} for one in ("one", "two")]
    write_contract(
        contracts, "wide", wide, tableKind="one_big_table", factTable="sale", joins=joins, partitionColumn="d"
    )
    run_job("gold", "wide", DAY, lake.root, contracts)
    # The codes of no known one are refused.
    assert stored(lake.root, "gold/wide", ["id", "name_one", "name_two"]) == sorted(expected, key=repr)


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
    landed("10.7549", 7)
    for price, sold_on, name, kind, given in (
        ("sale.price", "to_date(sale.sold_at)", "price", "decimal(10,2)", "decimal(10,4)"),
        ("round(sale.price, 2)", "sale.sold_at", "sold_on", "date", "timestamp"),
    ):
        failure = gold(price, sold_on)
        lines = (contracts / "wide.odcs.yaml").read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if f"name: {name}" in text)
        assert failure == (
            f"gold wide {DAY}: wide.odcs.yaml line {line}: properties.{name}.sparkType: '{kind}': a value ({given}) "
            "does not fit without losing part of it: cut it off on purpose in transformLogic, such as round(…, 2), or "
            "give a wider type"
        )
        assert stored(lake.root, "gold/wide", ["d", "price", "sold_on"]) == fitting
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
    fact(contracts, "sale", [*SALE_COLUMNS, column("code", "varchar(9)", "string")])
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
    fact(contracts, "pay", SALE_COLUMNS)
    for number, day in enumerate(days):
        rows = [(one, days[one], *nothing) for one in range(number + 1)]
        lake.land_fact("pay", EVERY_TYPE, str(day), rows, "d")
    # All three days are read, two of them from files of other copies.
    assert run_job("silver", "pay", DAY, lake.root, contracts)["rows_written"] == 3
    kept = stored(lake.root, "silver/pay", ["id", "d"])

    fact(
        contracts,
        "pay",
        [*SALE_COLUMNS, column("s", "text", "string"), column("more", "int", "integer", required=True)],
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
