"""A value that is not the server's is seen, whatever type the way chose for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.exactness import Exactness, faulty, judge
from bench.extremes import EXTREMES

TEXT = "Ä".encode().hex()


@pytest.mark.parametrize(
    ("kind", "expected", "actual"),
    [
        ("number", None, None),
        ("number", "18446744073709551615", 18446744073709551615),
        ("number", "0.10", Decimal("0.1")),
        ("number", "0.10", "0.10"),
        ("number", "1", True),
        ("number", "513", b"\x02\x01"),
        ("number", "9007199254740992", 9007199254740992.0),
        ("float32", "0.10000000149011612", 0.1),
        ("float64", "0.1", 0.1),
        ("text", TEXT, "Ä"),
        ("text", "", ""),
        ("bytes", "00ff", b"\x00\xff"),
        ("json", b'{"a": 1}'.hex(), '{"a":1}'),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2024-02-29", datetime(2024, 2, 29)),
        ("date", "0000-00-00", None),
        ("date", "2018-02-00", "2018-02-00"),
        ("datetime", "2024-02-29 12:00:00.000001", datetime(2024, 2, 29, 12, 0, 0, 1)),
        ("datetime", "2024-02-29 12:00:00", datetime(2024, 2, 29, 14, tzinfo=timezone(timedelta(hours=2)))),
        ("time", "-838:59:59", "-838:59:59"),
        ("time", "-00:00:01", timedelta(seconds=-1)),
        ("time", "23:59:59.999999", time(23, 59, 59, 999999)),
        ("time", "00:00:01", "00:00:01.000000"),
        ("time", "00:00:01", datetime(1970, 1, 1, 0, 0, 1)),
        ("geometry", "0101", b"\x01\x01"),
        ("geometry", "0101", b"\0\0\0\0\x01\x01"),
    ],
)
def test_the_same_value_is_no_fault(kind: str, expected: str | None, actual: object) -> None:
    assert not faulty(kind, expected, actual)


@pytest.mark.parametrize(
    ("kind", "expected", "actual"),
    [
        ("number", None, 0),
        ("number", "1", None),
        ("number", "2", True),
        ("number", "9007199254740993", 9007199254740992.0),
        ("number", "0.1", 0.1),
        ("number", "513", b"\x01\x02"),
        ("number", "1", "one"),
        ("float64", "0.1", 0.10000000149011612),
        ("float32", "16777217", 16777300.0),
        ("text", "", None),
        ("text", b"NULL".hex(), None),
        ("text", TEXT, b"\xc4"),
        ("text", b" a ".hex(), " a"),
        ("bytes", "00000000", 4),
        ("json", b"1".hex(), None),
        ("json", b"1".hex(), 1),
        ("date", "2024-02-29", date(2024, 3, 1)),
        ("date", "2024-02-29", None),
        ("date", "0000-00-00", date(1, 1, 1)),
        ("date", "2018-02-00", date(2018, 1, 31)),
        ("datetime", "0000-00-00 00:00:00", datetime(1970, 1, 1)),
        ("datetime", "2024-02-29 12:00:00.000001", datetime(2024, 2, 29, 12)),
        ("datetime", "2024-02-29 12:00:00", datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2)))),
        ("time", "-00:00:01", timedelta(seconds=1)),
        ("time", "24:00:00", time(0, 0)),
        ("time", "838:59:59", None),
        ("time", "24:00:00", datetime(1970, 1, 2)),
        ("geometry", "0101", b"\x01\0\0\0\x01\x01"),
    ],
)
def test_another_value_is_a_fault(kind: str, expected: str | None, actual: object) -> None:
    assert faulty(kind, expected, actual)


@given(st.timedeltas(min_value=timedelta(hours=-838), max_value=timedelta(hours=838)))
def test_a_time_is_found_again_as_text_and_as_duration(value: timedelta) -> None:
    micros = abs(value) // timedelta(microseconds=1)
    seconds, fraction = divmod(micros, 1_000_000)
    sign = "-" if value < timedelta(0) else ""
    text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
    assert not faulty("time", text, text)
    assert not faulty("time", text, value)
    assert faulty("time", text, value + timedelta(microseconds=1))


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(-12, 12))
def test_an_instant_is_the_same_in_any_time_zone(value: datetime, hours: int) -> None:
    try:
        elsewhere = value.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    except OverflowError:
        return
    assert not faulty("datetime", value.isoformat(" "), elsewhere)


def test_a_copy_of_extremes_is_judged_column_by_column(tmp_path: Path) -> None:
    _write(tmp_path / "int", [1, 2, 3], pa.array([5, 7, None], pa.int64()))
    _write(tmp_path / "char", [1, 2], ["", None])
    (tmp_path / "blob").mkdir()
    (tmp_path / "blob" / "part.parquet").write_bytes(b"no Parquet")
    said = {"int": {1: "5", 2: "6", 3: None}, "char": {1: "", 2: None}, "blob": {1: "00"}}
    found = judge({name: tmp_path / name for name in said}, {"geometry": "panic"}, said)
    assert found.columns == 4
    assert found.wrong == {"int": 1}
    assert sorted(found.failed) == ["blob", "geometry"]
    assert found.faults == 3
    assert found.as_dict() == {"columns": 4, "faults": 3, "failed": ["blob", "geometry"], "wrong": {"int": 1}}


def test_bytes_that_are_called_text_can_be_had_back(tmp_path: Path) -> None:
    (tmp_path / "blob").mkdir()
    text = pa.array([b"\xff", b"\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": [1, 2], "v": text}), tmp_path / "blob" / "part.parquet")
    assert judge({"blob": tmp_path / "blob"}, {}, {"blob": {1: "ff", 2: "ff"}}).wrong == {"blob": 1}


def test_timestamps_of_sparks_old_kind_are_read_beyond_the_range_of_nanoseconds(tmp_path: Path) -> None:
    (tmp_path / "datetime").mkdir()
    table = pa.table({"id": [1], "v": pa.array([datetime(9999, 12, 31)], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "datetime" / "part.parquet", use_deprecated_int96_timestamps=True)
    assert judge({"datetime": tmp_path / "datetime"}, {}, {"datetime": {1: "9999-12-31 00:00:00"}}).wrong == {}


def test_rows_that_are_missing_or_too_many_are_faults(tmp_path: Path) -> None:
    _write(tmp_path / "int", [1, 9], [5, 5])
    assert judge({"int": tmp_path / "int"}, {}, {"int": {1: "5", 2: "6"}}) == Exactness(1, {}, {"int": 2})


def test_every_extreme_has_a_name_of_its_own() -> None:
    assert len({extreme.name for extreme in EXTREMES}) == len(EXTREMES)


def _write(folder: Path, ids: list[int], values: object) -> None:
    folder.mkdir()
    pq.write_table(pa.table({"id": ids, "v": values}), folder / "part.parquet")
