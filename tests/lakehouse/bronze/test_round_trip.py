"""Any rows come back from bronze as the server itself prints them, by CAST and HEX."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql

_LATIN = "".join(chr(code) for code in range(32, 127)) + "éüß€"
_EPOCH = datetime(1970, 1, 1)


def _texts(alphabet: str | None = None, size: int = 20) -> st.SearchStrategy[str]:
    characters = st.characters(codec="utf-8") if alphabet is None else st.sampled_from(alphabet)
    return st.text(characters, max_size=size) | st.sampled_from(["", "NULL", "N", " ", "a "])


def _decimals(digits: int, places: int) -> st.SearchStrategy[str]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda number: format(Decimal(number).scaleb(-places), "f"))


def _bytes_as_hex(value: Any) -> str:
    return (value.encode() if isinstance(value, str) else value).hex().upper()


def _as_text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _as_time(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def _time_of(seconds: int) -> str:
    hours, rest = divmod(abs(seconds), 3600)
    return f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02}:{rest % 60:02}"


_TIMES = st.integers(-838 * 3600, 838 * 3600).map(_time_of)
_STAMPS = st.integers(1, 2**31 - 2).map(lambda seconds: (_EPOCH + timedelta(seconds=seconds)).isoformat(" "))
# Name, type, values, what the server says of it, and how bronze's value is said alike.
COLUMNS: list[tuple[str, str, st.SearchStrategy[Any], str, Any]] = [
    ("i", "INT", st.integers(-(2**31), 2**31 - 1), "CAST(i AS CHAR)", _as_text),
    ("b", "BIGINT", st.integers(-(2**63), 2**63 - 1), "CAST(b AS CHAR)", _as_text),
    ("u", "BIGINT UNSIGNED", st.integers(0, 2**64 - 1), "CAST(u AS CHAR)", _as_text),
    ("d38", "DECIMAL(38,10)", _decimals(38, 10), "CAST(d38 AS CHAR)", _as_text),
    ("d65", "DECIMAL(65,30)", _decimals(65, 30), "CAST(d65 AS CHAR)", _as_text),
    ("x", "DOUBLE", st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), "x", repr),
    ("bits", "BIT(64)", st.integers(0, 2**64 - 1), "CAST(bits + 0 AS CHAR)", _as_text),
    ("v", "VARCHAR(40) COLLATE utf8mb4_bin", _texts(), "HEX(v)", _bytes_as_hex),
    ("l", "VARCHAR(40) CHARACTER SET latin1", _texts(_LATIN), "HEX(CONVERT(l USING utf8mb4))", _bytes_as_hex),
    ("t", "LONGTEXT", _texts(size=300), "HEX(t)", _bytes_as_hex),
    ("raw", "BLOB", st.binary(max_size=300), "HEX(raw)", _bytes_as_hex),
    ("day", "DATE", st.dates(date(1000, 1, 1)).map(str), "CAST(day AS CHAR)", _as_text),
    ("at", "DATETIME(6)", st.datetimes(datetime(1000, 1, 1)).map(str), "CAST(at AS CHAR)", _as_time),
    ("stamp", "TIMESTAMP(6) NULL", _STAMPS, "CAST(stamp AS CHAR)", _as_time),
    ("tm", "TIME(6)", _TIMES, "CAST(tm AS CHAR)", _as_text),
    ("y", "YEAR", st.integers(1901, 2155), "CAST(y AS CHAR)", _as_text),
    ("e", "ENUM('a','B b','é')", st.sampled_from(["a", "B b", "é"]), "HEX(e)", _bytes_as_hex),
    ("s", "SET('x','y','z')", st.sampled_from(["", "x", "x,z", "x,y,z"]), "HEX(s)", _bytes_as_hex),
]
ROWS = st.lists(st.tuples(*(st.none() | values for _, _, values, _, _ in COLUMNS)), max_size=12)
CALCULATED = [
    ("twice", "twice DECIMAL(20,0) AS (i * 2) VIRTUAL", "CAST(twice AS CHAR)", _as_text),
    ("kept", "kept VARCHAR(60) AS (CONCAT(y, '-', e)) STORED", "HEX(kept)", _bytes_as_hex),
    ("hidden", "hidden INT INVISIBLE DEFAULT 7", "CAST(hidden AS CHAR)", _as_text),
]


@pytest.fixture(scope="module")
def bench(mysql_server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    mysql_server.create_schema("round_trip")
    bench = Bench(mysql_server, "round_trip", tmp_path_factory.mktemp("bronze"))
    columns = [f"{name} {mysql_type}" for name, mysql_type, _, _, _ in COLUMNS]
    bench.sql(f"CREATE TABLE t (id INT PRIMARY KEY, {', '.join([*columns, *(c[1] for c in CALCULATED)])})")
    return bench


@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_bronze_says_what_the_server_says(bench: Bench, rows: list[tuple[Any, ...]]) -> None:
    names = [column[0] for column in COLUMNS]
    marks = ", ".join(["%s"] * (len(names) + 1))
    connection = bench.server.connect("round_trip")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode='', time_zone='+00:00'")
            cursor.execute("DELETE FROM t")
            numbered = [(index, *row) for index, row in enumerate(rows)]
            cursor.executemany(f"INSERT INTO t (id, {', '.join(names)}) VALUES ({marks})", numbered)
    finally:
        connection.close()
    said = [(name, asked, alike) for name, _, _, asked, alike in COLUMNS]
    said += [(name, asked, alike) for name, _, asked, alike in CALCULATED]
    server = bench.ask(f"SELECT {', '.join(asked for _, asked, _ in said)} FROM t ORDER BY id")

    bench.copy(bench.spec("t"), "2026-11-20")

    bronze = sorted(bench.slice("t", "all").to_pylist(), key=lambda row: int(row["id"]))
    read = [tuple(None if row[n] is None else alike(row[n]) for n, _, alike in said) for row in bronze]
    # A driver reads a DOUBLE as the same float that bronze holds.
    told = [tuple(repr(value) if isinstance(value, float) else value for value in row) for row in server]
    assert read == told
    assert bench.visible("t").substitutions == {}
