"""`compare`: bronze against the Parquet files that Data Factory writes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.commands.command import DONE, FOUND_WRONG, NOT_DONE
from cli.main import main
from lake_model.bronze_manifest import ALL, UNDATED, BronzeFile, Column, Manifest, Server, Slice

Shown = pytest.CaptureFixture[str]
DAY = dt.date(2026, 11, 20)
AT = dt.datetime(2026, 11, 20, 8, 30, 0, 123456)
CUSTOMER = pa.schema(
    [
        ("code", pa.string()),
        ("active", pa.int8()),
        ("balance", pa.decimal128(14, 2)),
        ("points", pa.decimal128(20, 0)),
        ("born", pa.date32()),
        ("seen", pa.timestamp("us")),
        ("changed", pa.timestamp("us", tz="UTC")),
    ]
)
BORN = dt.date(1980, 2, 29)
ROWS: list[tuple[Any, ...]] = [
    ("C1", 1, Decimal("10.50"), Decimal(2**64 - 1), BORN, AT, AT.replace(tzinfo=dt.UTC)),
    ("C2", 0, Decimal("-0.25"), None, None, None, None),
    ("C3", None, None, Decimal(0), BORN, AT, AT.replace(tzinfo=dt.UTC)),
]


def arrow(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def write_bronze(
    lake: Path, table: str, files: Sequence[pa.Table], slices: dict[str, list[int]], date_column: str | None = None
) -> None:
    """Bronze of one date; `slices` says which files hold the rows of each."""
    folder = lake / "bronze" / "shop" / table
    place = folder / f"business_date={DAY}"
    place.mkdir(parents=True)
    names = [f"business_date={DAY}/part-{number}.parquet" for number in range(len(files))]
    for name, content in zip(names, files, strict=True):
        pq.write_table(content, folder / name)
    schema = files[0].schema
    manifest = Manifest(
        "shop", table, DAY.isoformat(), "run", f"{DAY}T02:00:00+00:00", "fingerprint", date_column, "SELECT",
        Server("8.4.6"), tuple(Column(one.name, "", str(one.type), True) for one in schema),
        {name: BronzeFile(one.num_rows, 1, "") for name, one in zip(names, files, strict=True)},
        tuple(
            Slice(name, 0, {}, "", tuple(names[one] for one in held), DAY.isoformat()) for name, held in slices.items()
        ),
        0, {}, 0, {"born": {"zero_date": 2}},
    )  # fmt: skip
    (place / "_manifest.json").write_text(manifest.to_json())


def write_adf(place: Path, rows: pa.Table) -> Path:
    """As Data Factory writes it: instants as INT96."""
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, place, use_deprecated_int96_timestamps=True)
    return place


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write_bronze(tmp_path / "lake", "customer", [arrow(CUSTOMER, ROWS)], {ALL: [0]})
    return tmp_path / "lake"


def compare(lake: Path, table: str, *places: Path | str, further: Sequence[str] = ("--key", "code")) -> int:
    contracts = ["--contracts", str(lake / "none"), "--schema", "shop", "--lake-root", str(lake)]
    return main(["compare", table, DAY.isoformat(), *map(str, places), *contracts, *further])


def found(capsys: Shown) -> dict[str, Any]:
    findings: dict[str, Any] = json.loads(capsys.readouterr().out)
    return findings


ADF_TYPES = pa.schema(
    [
        ("code", pa.string()),
        ("active", pa.bool_()),
        ("balance", pa.decimal128(38, 18)),
        ("points", pa.string()),
        ("born", pa.timestamp("us")),
        ("seen", pa.timestamp("us")),
        ("changed", pa.timestamp("us")),
    ]
)


def as_adf(row: tuple[Any, ...]) -> tuple[Any, ...]:
    code, active, balance, points, born, seen, changed = row
    return (
        code,
        None if active is None else bool(active),
        balance,
        None if points is None else str(points),
        born and dt.datetime.combine(born, dt.time()),
        seen,
        changed and changed.replace(tzinfo=None),
    )


def test_the_same_rows_in_data_factorys_types_are_equal(lake: Path, tmp_path: Path, capsys: Shown) -> None:
    adf = write_adf(tmp_path / "adf" / "customer.parquet", arrow(ADF_TYPES, [*map(as_adf, reversed(ROWS))]))
    instant = "TIMESTAMP WITH TIME ZONE"
    assert compare(lake, "customer", adf) == DONE
    assert capsys.readouterr().out.splitlines() == [
        "shop.customer, business date 2026-11-20: equal",
        "rows: 3 here, 3 there",
        "column active: TINYINT here, BOOLEAN there; values were compared as TINYINT",
        "column balance: DECIMAL(14,2) here, DECIMAL(38,18) there; values were compared as DECIMAL(14,2)",
        "column points: DECIMAL(20,0) here, VARCHAR there; values were compared as DECIMAL(20,0)",
        "column born: DATE here, TIMESTAMP there; values were compared as DATE",
        f"column changed: {instant} here, TIMESTAMP there; values were compared as {instant}",
        "keys (code): 0 only here, 0 only there",
        "column active: sum 1",
        "column balance: sum 10.25",
        "column points: sum 18446744073709551615",
        "note: 2 values of column born are kept otherwise here, see docs/reference/types.md: zero_date",
    ]


def test_each_kind_of_difference_is_counted_and_no_value_is_shown(lake: Path, tmp_path: Path, capsys: Shown) -> None:
    changed = (ROWS[0][0], 0, Decimal("10.51"), *ROWS[0][3:])
    other = arrow(CUSTOMER, [changed, ROWS[1], ("C9", *ROWS[2][1:])])
    adf = write_adf(tmp_path / "adf" / "a.parquet", other.append_column("loaded_by", pa.array(["x"] * 3)))
    assert compare(lake, "customer", adf.parent, further=["--key", "code", "--json"]) == FOUND_WRONG
    text = capsys.readouterr().out
    findings = json.loads(text)
    assert (findings["equal"], findings["rows_here"], findings["rows_there"]) == (False, 3, 3)
    assert (findings["only_here"], findings["only_there"], findings["columns_there"]) == (1, 1, ["loaded_by"])
    assert {one["column"]: one["rows"] for one in findings["columns"] if one["rows"]} == {"active": 1, "balance": 1}
    sums = {one["column"]: (one["sum_here"], one["sum_there"]) for one in findings["columns"] if one["sums_differ"]}
    assert sums == {"active": ("1", "0"), "balance": ("10.25", "10.26")}
    assert sorted((one["key"], one["side"], one["columns"]) for one in findings["first"]) == sorted(
        [
            (digest("C1"), "both", ["active", "balance"]),
            (digest("C3"), "here", []),
            (digest("C9"), "there", []),
        ]
    )
    assert not [word for word in ("C1", "C3", "C9", "10.51", "10.50") if f'"{word}"' in text]


def digest(*key: str) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(key, separators=(',', ':')).encode()).hexdigest()}"


def test_rows_are_named_by_their_key_where_that_was_asked_for(lake: Path, tmp_path: Path, capsys: Shown) -> None:
    adf = write_adf(tmp_path / "adf.parquet", arrow(CUSTOMER, ROWS[:2]))
    assert compare(lake, "customer", adf, further=["--key", "code", "--show-keys"]) == FOUND_WRONG
    assert '["C3"]: only here' in capsys.readouterr().out.splitlines()


def test_a_value_that_bronzes_type_cannot_hold_exactly_is_a_difference(
    lake: Path, tmp_path: Path, capsys: Shown
) -> None:
    """A rounded one would be equal."""
    rows = [*map(as_adf, ROWS)]
    rows[0] = (*rows[0][:2], Decimal("10.501"), *rows[0][3:])
    adf = write_adf(tmp_path / "adf.parquet", arrow(ADF_TYPES, rows))
    assert compare(lake, "customer", adf, further=["--key", "code", "--json"]) == FOUND_WRONG
    balance = next(one for one in found(capsys)["columns"] if one["column"] == "balance")
    assert (balance["unfit"], balance["rows"]) == (1, 1)


SALE = pa.schema([("sold", pa.date32()), ("qty", pa.int32())])
OLD = DAY - dt.timedelta(days=1)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A fact whose second file replaced a date of the first."""
    first = arrow(SALE, [(OLD, 1), (OLD, 1), (DAY, 99), (None, 7)])
    write_bronze(
        tmp_path / "lake", "sale", [first, arrow(SALE, [(DAY, 5)])],
        {OLD.isoformat(): [0], DAY.isoformat(): [1], UNDATED: [0]}, "sold",
    )  # fmt: skip
    return tmp_path / "lake"


def test_of_bronze_the_rows_of_the_index_count_and_of_the_other_side_those_that_are_due(
    sales: Path, tmp_path: Path, capsys: Shown
) -> None:
    later = DAY + dt.timedelta(days=1)
    adf = write_adf(tmp_path / "adf.parquet", arrow(SALE, [(DAY, 5), (OLD, 1), (None, 7), (OLD, 1), (later, 3)]))
    assert compare(sales, "sale", adf, further=[]) == DONE
    assert capsys.readouterr().out.splitlines()[:5] == [
        "shop.sale, business date 2026-11-20: equal",
        "rows: 4 here, 4 there (1 more are dated later)",
        "rows: 0 only here, 0 only there",
        "column qty: sum 14",
        "note: no key is known, so rows were told apart by all their values: --key COLUMN,… gives one",
    ]


def test_without_a_key_a_row_that_is_there_once_too_often_is_found(sales: Path, tmp_path: Path, capsys: Shown) -> None:
    adf = write_adf(tmp_path / "adf.parquet", arrow(SALE, [(DAY, 5), (OLD, 1), (None, 7), (None, 7)]))
    assert compare(sales, "sale", adf, further=["--json", "--rows", "1"]) == FOUND_WRONG
    findings = found(capsys)
    assert (findings["rows_here"], findings["rows_there"], findings["only_here"], findings["only_there"]) == (
        4,
        4,
        1,
        1,
    )
    assert len(findings["first"]) == 1


def test_the_names_of_folders_are_no_patterns(tmp_path: Path, capsys: Shown) -> None:
    lake = tmp_path / "lake [1] it's *"
    write_bronze(lake, "sale", [arrow(SALE, [(DAY, 5)])], {ALL: [0]})
    adf = write_adf(tmp_path / "adf?[x]" / "sale.parquet", arrow(SALE, [(DAY, 5)]))
    write_adf(tmp_path / "adf1x" / "sale.parquet", arrow(SALE, [(DAY, 6)]))
    assert compare(lake, "sale", adf, further=["--key", "sold"]) == DONE
    shown = capsys.readouterr()
    assert "rows: 1 here, 1 there" in shown.out, shown.err


def test_a_date_alone_is_compared_with_a_file_of_that_date(sales: Path, tmp_path: Path, capsys: Shown) -> None:
    adf = write_adf(tmp_path / "adf.parquet", arrow(SALE, [(DAY, 5)]))
    assert compare(sales, "sale", adf, further=["--only-date"]) == DONE
    assert capsys.readouterr().out.splitlines()[1] == "rows: 1 here, 1 there"


def test_a_key_that_is_not_unique_compares_whole_rows(sales: Path, tmp_path: Path, capsys: Shown) -> None:
    adf = write_adf(tmp_path / "adf.parquet", arrow(SALE, [(OLD, 1), (OLD, 1), (DAY, 5), (None, 7)]))
    assert compare(sales, "sale", adf, further=["--key", "sold", "--json"]) == DONE
    findings = found(capsys)
    assert (findings["repeated_here"], findings["repeated_there"], findings["key"]) == (2, 2, [])


def test_key_and_confidential_columns_come_from_the_contract(tmp_path: Path, capsys: Shown) -> None:
    from tests.conftest import PROJECT

    rows = pa.table({"customer_code": ["Cus001"], "custmer_name": ["Surge"], "customer_type": ["Brick"]})
    folder = tmp_path / "lake" / "bronze"
    write_bronze(tmp_path / "lake", "customers", [rows], {ALL: [0]})
    (folder / "shop").rename(folder / "atliqsale")
    (folder / "atliqsale" / "customers").rename(folder / "atliqsale" / "customer")
    adf = write_adf(tmp_path / "adf.parquet", rows.set_column(0, "customer_code", pa.array(["Cus002"])))
    command = ["compare", "customer", DAY.isoformat(), str(adf), "--lake-root", str(tmp_path / "lake")]
    assert main([*command, "--contracts", str(PROJECT / "contracts"), "--json"]) == FOUND_WRONG
    findings = found(capsys)
    assert findings["table"] == "shop.customers"
    assert (findings["key"], findings["only_here"], findings["only_there"]) == (["customer_code"], 1, 1)


@pytest.mark.parametrize(
    ("table", "name", "message"),
    [
        ("supplier", "adf.parquet", "no run of 2026-11-20 landed shop.supplier"),
        ("customer", "nothing", "there is no file .parquet at"),
        ("customer", "odd.parquet", "the files cannot be compared"),
        ("customer", "other.parquet", "the sides have no column in common: these are not files of the same table"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_message(
    lake: Path, tmp_path: Path, capsys: Shown, table: str, name: str, message: str
) -> None:
    write_adf(tmp_path / "adf.parquet", arrow(CUSTOMER, ROWS))
    write_adf(tmp_path / "other.parquet", pa.table({"x": [1]}))
    (tmp_path / "odd.parquet").write_text("secret")
    assert compare(lake, table, tmp_path / name) == NOT_DONE
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
