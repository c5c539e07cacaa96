"""The server's bytes become Arrow values exactly, or follow a written rule that is counted."""

from __future__ import annotations

import struct
import traceback
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.errors import SourceError
from lakehouse.source.type_map import SourceColumn, arrow_schema, decode_column, one_form, plan_column

TYPES = [
    ("tinyint(1)", "int8"),
    ("tinyint(4)", "int8"),
    ("tinyint(3) unsigned", "int16"),
    ("smallint(6)", "int16"),
    ("smallint(5) unsigned", "int32"),
    ("mediumint(9)", "int32"),
    ("mediumint(8) unsigned zerofill", "int32"),
    ("int(11)", "int32"),
    ("int unsigned", "int64"),
    ("bigint(20)", "int64"),
    ("bigint(20) unsigned", "decimal128(20, 0)"),
    ("decimal(14,2)", "decimal128(14, 2)"),
    ("decimal(38,0) unsigned", "decimal128(38, 0)"),
    ("decimal(65,30)", "string"),
    ("float", "float"),
    ("float(7,3) unsigned", "float"),
    ("double", "double"),
    ("bit(1)", "int64"),
    ("bit(63)", "int64"),
    ("bit(64)", "decimal128(20, 0)"),
    ("char(36)", "string"),
    ("varchar(45)", "string"),
    ("longtext", "string"),
    ("json", "string"),
    ("enum('a','b(1) unsigned')", "string"),
    ("set('x','y')", "string"),
    ("binary(16)", "binary"),
    ("varbinary(255)", "binary"),
    ("mediumblob", "binary"),
    ("date", "date32[day]"),
    ("datetime", "timestamp[us]"),
    ("datetime(6)", "timestamp[us]"),
    ("timestamp(3)", "timestamp[us, tz=UTC]"),
    ("time(6)", "string"),
    ("year(4)", "int16"),
    ("geometry", "binary"),
    ("point", "binary"),
    ("inet6", "string"),
    ("uuid", "string"),
]


def decode(mysql_type: str, *values: bytes | None) -> tuple[list[Any], dict[str, int]]:
    """Decode a column of one type."""
    plan = plan_column(SourceColumn("c", mysql_type, True))
    array, substituted = decode_column(plan, pa.array(values, pa.binary()))
    assert array.type == plan.arrow_type
    return array.to_pylist(), dict(substituted)


@pytest.mark.parametrize(("mysql_type", "arrow_type"), TYPES)
def test_every_type_has_one_place_in_bronze(mysql_type: str, arrow_type: str) -> None:
    plan = plan_column(SourceColumn("c", mysql_type, True))
    assert str(plan.arrow_type) == arrow_type
    assert decode(mysql_type) == ([], {})
    assert decode(mysql_type, None) == ([None], {})


def test_an_unknown_type_names_the_column_and_the_cure() -> None:
    with pytest.raises(SourceError, match=r"column c has type hologram\(3\).*exclude the table by its contract"):
        plan_column(SourceColumn("c", "hologram(3)", True))


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_signed_integers_are_exact(values: list[int | None]) -> None:
    assert decode("bigint(20)", *(None if v is None else str(v).encode() for v in values)) == (values, {})


@given(st.lists(st.none() | st.integers(0, 2**64 - 1)))
def test_unsigned_integers_are_exact(values: list[int | None]) -> None:
    decoded, _ = decode("bigint(20) unsigned", *(None if v is None else str(v).encode() for v in values))
    assert decoded == [None if v is None else Decimal(v) for v in values]


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1)))
def test_decimals_of_38_digits_are_exact(values: list[int]) -> None:
    exact = [Decimal(f"{value}E-10") for value in values]
    decoded, _ = decode("decimal(38,10)", *(format(value, ".10f").encode() for value in exact))
    assert [str(value) for value in decoded] == [str(value) for value in exact]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_doubles_are_exact_to_the_bit(values: list[float]) -> None:
    decoded, _ = decode("double", *(repr(value).encode() for value in values))
    assert [struct.pack("d", value) for value in decoded] == [struct.pack("d", value) for value in values]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_floats_printed_as_doubles_are_exact_to_the_bit(values: list[float]) -> None:
    decoded, _ = decode("float", *(repr(value).encode() for value in values))
    assert [struct.pack("f", value) for value in decoded] == [struct.pack("f", value) for value in values]


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"))))
def test_text_is_exact_and_null_is_not_empty(values: list[str | None]) -> None:
    assert decode("varchar(45)", *(None if v is None else v.encode() for v in values)) == (values, {})


@given(st.lists(st.none() | st.binary()))
def test_bytes_are_exact(values: list[bytes | None]) -> None:
    assert decode("longblob", *values) == (values, {})


@given(st.lists(st.none() | st.dates()))
def test_dates_are_exact(values: list[date | None]) -> None:
    assert decode("date", *(None if v is None else v.isoformat().encode() for v in values)) == (values, {})


@given(st.lists(st.none() | st.datetimes()))
def test_instants_are_exact_to_the_microsecond(values: list[datetime | None]) -> None:
    sent = [None if v is None else f"{v:%H:%M:%S.%f}".encode() for v in values]
    sent = [
        None if v is None else v.date().isoformat().encode() + b" " + (s or b"")
        for v, s in zip(values, sent, strict=True)
    ]
    assert decode("datetime(6)", *sent) == (values, {})
    zoned = [None if v is None else v.replace(tzinfo=UTC) for v in values]
    assert decode("timestamp(6)", *sent) == (zoned, {})


@given(st.lists(st.dates()), st.lists(st.sampled_from([b"0000-00-00", b"2018-02-00", b"2018-02-31"])), st.randoms())
def test_every_faulty_date_is_null_and_counted(good: list[date], faulty: list[bytes], random: Any) -> None:
    sent = [day.isoformat().encode() for day in good] + faulty
    random.shuffle(sent)
    decoded, counts = decode("date", *sent)
    assert [value for value in decoded if value] == [date.fromisoformat(v.decode()) for v in sent if v not in faulty]
    assert decoded.count(None) == sum(counts.values()) == len(faulty)


@pytest.mark.parametrize(
    ("mysql_type", "sent", "reason"),
    [
        ("date", b"0000-00-00", "zero_date"),
        ("date", b"2018-02-00", "partial_date"),
        ("date", b"2018-00-07", "partial_date"),
        ("date", b"0000-01-01", "partial_date"),
        ("date", b"2018-02-31", "invalid_date"),
        ("datetime(6)", b"0000-00-00 00:00:00.000000", "zero_date"),
        ("datetime", b"2018-00-00 10:00:00", "partial_date"),
        ("datetime", b"2018-02-30 10:00:00", "invalid_date"),
        ("timestamp", b"0000-00-00 00:00:00", "zero_date"),
    ],
)
def test_a_faulty_date_is_counted_by_its_reason(mysql_type: str, sent: bytes, reason: str) -> None:
    assert decode(mysql_type, sent, None) == ([None, None], {reason: 1})


def test_times_stay_as_printed() -> None:
    assert decode("time(6)", b"-838:59:59.000000", b"100:00:01.5", b"00:00:00") == (
        ["-838:59:59.000000", "100:00:01.5", "00:00:00"],
        {},
    )


def test_bytes_that_are_no_utf8_are_marked_and_counted() -> None:
    assert decode("varchar(5)", b"ok", b"a\xffb", None, "é�".encode()) == (
        ["ok", "a�b", None, "é�"],
        {"invalid_utf8": 1},
    )


def test_a_geometry_is_wkb_and_a_lost_srid_is_counted() -> None:
    wkb = b"\x01\x01\x00\x00\x00" + struct.pack("<dd", 1, 2)
    assert decode("point", b"\0\0\0\0" + wkb, struct.pack("<I", 4326) + wkb, None) == (
        [wkb, wkb, None],
        {"srid_dropped": 1},
    )


def test_a_column_of_few_geometries_and_many_nulls_decodes() -> None:
    wkb = b"\x01\x01\x00\x00\x00" + struct.pack("<dd", 1, 2)
    assert decode("point", None, b"\0\0\0\0" + wkb, *[None] * 20) == ([None, wkb, *[None] * 20], {})


def test_what_the_type_does_not_allow_is_an_error_that_names_the_column_and_no_value() -> None:
    value = str(41 * 100 + 11)
    with pytest.raises(SourceError) as caught:
        decode("tinyint(4)", value.encode())
    assert str(caught.value) == (
        "column c (tinyint(4)): the server sent a value that is no int8: correct it at the source, or copy a view that "
        "casts the column"
    )
    assert value not in "".join(traceback.format_exception(caught.value))


def test_a_date_may_become_null_although_the_source_forbids_it() -> None:
    plans = [
        plan_column(SourceColumn("d", "date", nullable=False)),
        plan_column(SourceColumn("n", "int", nullable=False)),
    ]
    assert arrow_schema(plans) == pa.schema([pa.field("d", pa.date32(), True), pa.field("n", pa.int32(), False)])


@pytest.mark.parametrize("mysql_type", ["varchar(9)", "date", "year(4)", "bit(3)", "time", "decimal(65,30)", "point"])
def test_only_numbers_are_summed(mysql_type: str) -> None:
    assert plan_column(SourceColumn("c", mysql_type, True)).sum_sql is None


def test_keys_are_not_summed() -> None:
    assert plan_column(SourceColumn("c", "int", False, is_key=True)).sum_sql is None
    assert plan_column(SourceColumn("c", "int", False)).sum_sql == "SUM(`c`)"
    assert plan_column(SourceColumn("c", "float", False)).sum_sql == "SUM(`c` * 1e0)"


@pytest.mark.parametrize(
    ("mysql_type", "extreme"),
    [("tinyint(1)", -128), ("smallint", -32768), ("mediumint unsigned", 2**24 - 1), ("int(10) unsigned", 2**32 - 1)],
)
def test_a_quick_sum_is_exact_of_as_many_rows_as_it_says(mysql_type: str, extreme: int) -> None:
    plan = plan_column(SourceColumn("c", mysql_type, True))
    assert plan.quick_sum_sql == "CAST(SUM(`c` * 1e0) AS SIGNED)"
    assert plan.quick_sum_rows is not None
    # A double holds every whole number up to this one.
    assert abs(extreme) * plan.quick_sum_rows <= 2**53


@pytest.mark.parametrize("mysql_type", ["bigint", "decimal(12,2)", "double", "year(4)", "varchar(9)"])
def test_other_types_have_no_quick_sum(mysql_type: str) -> None:
    plan = plan_column(SourceColumn("c", mysql_type, True))
    assert (plan.quick_sum_sql, plan.quick_sum_rows) == (None, None)


@pytest.mark.parametrize(
    ("printed", "form"),
    [
        ("int(11)", "int"),
        ("bigint(20) unsigned", "bigint unsigned"),
        ("year(4)", "year"),
        ("tinyint(4)", "tinyint"),
        ("tinyint(1)", "tinyint(1)"),
        ("tinyint(1) unsigned", "tinyint unsigned"),
        ("mediumint(8) unsigned zerofill", "mediumint(8) unsigned zerofill"),
        ("varchar(11)", "varchar(11)"),
        ("enum('int(11)')", "enum('int(11)')"),
    ],
)
def test_a_type_has_one_form_on_both_servers(printed: str, form: str) -> None:
    assert one_form(printed) == form
