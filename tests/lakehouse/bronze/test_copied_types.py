"""Every MySQL type, with its extremes, comes back from bronze exactly as the server says it is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.row_copy import CopyLimits

from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql

# Type, SQL literals, and the values that a reader must find.
CASES: list[tuple[str, list[str], list[Any]]] = [
    ("TINYINT", ["-128", "127", "0"], [-128, 127, 0]),
    ("TINYINT UNSIGNED", ["255"], [255]),
    ("TINYINT(1)", ["TRUE", "FALSE", "7"], [1, 0, 7]),
    ("SMALLINT", ["-32768", "32767"], [-32768, 32767]),
    ("SMALLINT UNSIGNED", ["65535"], [65535]),
    ("MEDIUMINT", ["-8388608", "8388607"], [-8388608, 8388607]),
    ("MEDIUMINT UNSIGNED ZEROFILL", ["16777215", "42"], [16777215, 42]),
    ("INT", ["-2147483648", "2147483647"], [-2147483648, 2147483647]),
    ("INT UNSIGNED", ["4294967295"], [4294967295]),
    ("BIGINT", ["-9223372036854775808", "9223372036854775807"], [-(2**63), 2**63 - 1]),
    ("BIGINT UNSIGNED", ["18446744073709551615", "0"], [Decimal(2**64 - 1), Decimal(0)]),
    ("DECIMAL(38,0)", ["REPEAT('9', 38)"], [Decimal("9" * 38)]),
    ("DECIMAL(38,30)", ["-0.000000000000000000000000000001"], [Decimal("-0.000000000000000000000000000001")]),
    ("DECIMAL(14,2) ZEROFILL", ["1.5"], [Decimal("1.50")]),
    (
        "DECIMAL(65,30)",
        [f"'{'9' * 35}.{'9' * 30}'", f"'-{'9' * 35}.{'9' * 30}'", "0"],
        [f"{'9' * 35}.{'9' * 30}", f"-{'9' * 35}.{'9' * 30}", f"0.{'0' * 30}"],
    ),
    (
        "FLOAT",
        ["0.1", "16777217", "3.4028234e38", "1.17549435e-38"],
        [struct.unpack("f", struct.pack("f", value))[0] for value in (0.1, 16777217, 3.4028234e38, 1.17549435e-38)],
    ),
    (
        "DOUBLE",
        ["0.1", "1.7976931348623157e308", "2.2250738585072014e-308"],
        [0.1, 1.7976931348623157e308, 2.2250738585072014e-308],
    ),
    ("DOUBLE(10,2)", ["1.005"], [1.0]),
    ("BIT(1)", ["b'1'"], [1]),
    ("BIT(10)", ["b'1010101010'"], [682]),
    ("BIT(64)", ["18446744073709551615"], [Decimal(2**64 - 1)]),
    ("CHAR(3)", ["'a'", "''"], ["a", ""]),
    ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ["'é☃😀'", "' x '", "''"], ["é☃😀", " x ", ""]),
    ("VARCHAR(20) CHARACTER SET latin1", ["'é€'"], ["é€"]),
    ("VARCHAR(20) CHARACTER SET ucs2", ["'é☃'"], ["é☃"]),
    ("VARCHAR(20) CHARACTER SET sjis", ["'表ソ'"], ["表ソ"]),
    ("TEXT", ["REPEAT('é', 30000)", "'NULL'", "'line\\nend\\r\\0\\\\'"], ["é" * 30000, "NULL", "line\nend\r\0\\"]),
    ("LONGTEXT", ["'x'"], ["x"]),
    ("JSON", ['\'{"a": [1, null, "é"]}\''], ['{"a": [1, null, "é"]}']),
    ("ENUM('small','it''s','ü')", ["'it''s'", "'ü'"], ["it's", "ü"]),
    ("SET('x','y','z')", ["'x,z'", "''"], ["x,z", ""]),
    ("BINARY(4)", ["X'00FF'"], [b"\x00\xff\x00\x00"]),
    ("VARBINARY(300)", ["X'00FF80'", "''"], [b"\x00\xff\x80", b""]),
    ("BLOB", ["X'FFFE00'"], [b"\xff\xfe\x00"]),
    (
        "DATE",
        ["'1000-01-01'", "'9999-12-31'", "'1582-10-10'"],
        [date(1000, 1, 1), date(9999, 12, 31), date(1582, 10, 10)],
    ),
    ("DATETIME", ["'9999-12-31 23:59:59'"], [datetime(9999, 12, 31, 23, 59, 59)]),
    ("DATETIME(3)", ["'1969-12-31 23:59:59.999'"], [datetime(1969, 12, 31, 23, 59, 59, 999000)]),
    ("DATETIME(6)", ["'1000-01-01 00:00:00.000001'"], [datetime(1000, 1, 1, 0, 0, 0, 1)]),
    ("TIMESTAMP(6) NULL", ["'2038-01-19 03:14:07.999999'"], [datetime(2038, 1, 19, 3, 14, 7, 999999, UTC)]),
    (
        "TIME(6)",
        ["'-838:59:58.999999'", "'838:59:59'", "'00:00:00.000001'"],
        ["-838:59:58.999999", "838:59:59.000000", "00:00:00.000001"],
    ),
    ("TIME", ["'-00:00:01'"], ["-00:00:01"]),
    ("YEAR", ["1901", "2155", "0"], [1901, 2155, 0]),
    ("POINT", ["ST_GeomFromText('POINT(1 2)')"], [b"\x01\x01\x00\x00\x00" + struct.pack("<dd", 1, 2)]),
]
MARIADB_CASES: list[tuple[str, list[str], list[Any]]] = [
    ("INET6", ["'::ffff:1.2.3.4'"], ["::ffff:1.2.3.4"]),
    ("UUID", ["'123e4567-e89b-12d3-a456-426655440000'"], ["123e4567-e89b-12d3-a456-426655440000"]),
    # Text as it was written: the type is one of text.
    ("JSON", ['\'{"b":1,  "a": 1.0, "b": 2}\''], ['{"b":1,  "a": 1.0, "b": 2}']),
    ("GEOMETRY", ["ST_GeomFromText('POINT(2 1)', 4326)"], [b"\x01\x01\x00\x00\x00" + struct.pack("<dd", 2, 1)]),
]
MYSQL_CASES: list[tuple[str, list[str], list[Any]]] = [
    ("VECTOR(3)", ["STRING_TO_VECTOR('[1, -0.5, 3e38]')"], [struct.pack("<fff", 1, -0.5, 3e38)]),
    # As the server keeps it: keys in order, the last of two that are the same, numbers as they are printed.
    ("JSON", ['\'{"b":1,  "a": 1.0, "b": 2}\''], ['{"a": 1.0, "b": 2}']),
    # What the server calls latitude and longitude is stored as x and y all the same: longitude first.
    ("GEOMETRY", ["ST_GeomFromText('POINT(2 1)', 4326)"], [b"\x01\x01\x00\x00\x00" + struct.pack("<dd", 1, 2)]),
    ("VARCHAR(9) COLLATE utf8mb4_0900_ai_ci", ["'a '", "'A'", "'á'"], ["a ", "A", "á"]),
]
ALL_CASES = [
    *(pytest.param(*case, id=case[0]) for case in CASES),
    *(pytest.param(*case, id=case[0], marks=pytest.mark.mariadb_only) for case in MARIADB_CASES),
    *(pytest.param(*case, id=case[0], marks=pytest.mark.mysql_only) for case in MYSQL_CASES),
]


@pytest.fixture(scope="module")
def bench(mysql_server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    mysql_server.create_schema("copied_types")
    return Bench(mysql_server, "copied_types", tmp_path_factory.mktemp("bronze"))


@pytest.mark.parametrize(("mysql_type", "literals", "expected"), ALL_CASES)
def test_a_type_is_exact(
    bench: Bench, tmp_path: Path, mysql_type: str, literals: list[str], expected: list[Any]
) -> None:
    bench.sql(
        "DROP TABLE IF EXISTS t",
        f"CREATE TABLE t (id INT PRIMARY KEY, v {mysql_type}) ENGINE=InnoDB",
        *(f"INSERT INTO t VALUES ({index}, {literal})" for index, literal in enumerate(literals)),
        f"INSERT INTO t VALUES ({len(literals)}, NULL)",
    )
    bench.copy(bench.spec("t"), "2026-11-20", run_id=mysql_type)
    rows = sorted(bench.slice("t", "all").to_pylist(), key=lambda row: row["id"])
    assert [row["v"] for row in rows] == [*expected, None]
    # What bronze holds gives the server's own fingerprint, so a first load needs not ask for it.
    unasked = Bench(bench.server, bench.schema, tmp_path, CopyLimits(large_table_rows=0))
    assert [unasked.copy(bench.spec("t"), "2026-11-20").outcome for _ in range(2)] == ["copied", "unchanged"]


def test_text_and_bytes_agree_with_the_servers_own_hex(bench: Bench) -> None:
    bench.sql(
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(40), l VARCHAR(40) CHARACTER SET latin1, b BLOB)",
        "INSERT INTO t VALUES (1, 'naïve ☃', 'naïve', X'00010203'), (2, '', '', ''), (3, NULL, NULL, NULL)",
    )
    bench.copy(bench.spec("t"), "2026-11-20", run_id="hex")
    said = bench.ask("SELECT id, HEX(u), HEX(CONVERT(l USING utf8mb4)), HEX(b) FROM t ORDER BY id")
    read = sorted(bench.slice("t", "all").to_pylist(), key=lambda row: row["id"])

    def as_hex(value: str | bytes | None) -> str | None:
        return None if value is None else (value.encode() if isinstance(value, str) else value).hex().upper()

    assert [(row["id"], as_hex(row["u"]), as_hex(row["l"]), as_hex(row["b"])) for row in read] == said


# Two contents of one column that must not have the same fingerprint: type, one literal, another literal.
PAIRS = [
    ("VARCHAR(20)", "NULL", "''"),
    ("VARCHAR(20)", "NULL", "'N'"),
    ("VARCHAR(20)", "NULL", "'NULL'"),
    ("VARCHAR(20)", "'a'", "'A'"),
    ("VARCHAR(20)", "'a'", "'a '"),
    ("VARCHAR(20)", "'e'", "'é'"),
    ("VARCHAR(20) CHARACTER SET latin1", "'e'", "'é'"),
    ("TEXT", "NULL", "''"),
    ("TEXT", "'a'", "'A'"),
    ("BLOB", "X'00'", "X'0000'"),
    ("BINARY(2)", "NULL", "X'0000'"),
    ("INT", "NULL", "0"),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"),
    ("FLOAT", "16777216", "16777218"),
    ("DOUBLE", "0.1", "0.10000000000000002"),
    ("DOUBLE", "NULL", "0"),
    ("DECIMAL(65,30)", "0", "0.000000000000000000000000000001"),
    ("BIT(8)", "b'0'", "b'1'"),
    ("BIT(8)", "NULL", "b'0'"),
    ("DATE", "NULL", "'0000-00-00'"),
    ("DATETIME(6)", "'2026-01-01'", "'2026-01-01 00:00:00.000001'"),
    ("TIME(6)", "'00:00:01'", "'-00:00:01'"),
    ("POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(1 2)', 4326)"),
    ("POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(2 1)')"),
    ("ENUM('a','A') COLLATE utf8mb4_bin", "'a'", "'A'"),
    pytest.param("UUID", "NULL", "'00000000-0000-0000-0000-000000000000'", marks=pytest.mark.mariadb_only),
    pytest.param("VECTOR(2)", "STRING_TO_VECTOR('[1,2]')", "STRING_TO_VECTOR('[2,1]')", marks=pytest.mark.mysql_only),
    ("JSON", "NULL", "'null'"),
    # No collation's folding hides a change, whether it pads or not.
    ("VARCHAR(20) COLLATE utf8mb4_general_ci", "'a'", "'a '"),
    pytest.param("VARCHAR(20) COLLATE utf8mb4_0900_ai_ci", "'a'", "'Á'", marks=pytest.mark.mysql_only),
]


@pytest.mark.parametrize(("mysql_type", "one", "other"), PAIRS)
def test_different_values_have_different_fingerprints(bench: Bench, mysql_type: str, one: str, other: str) -> None:
    versions = []
    for literal in (one, other, one):
        bench.sql(
            "DROP TABLE IF EXISTS p", f"CREATE TABLE p (v {mysql_type} NULL)", f"INSERT INTO p VALUES ({literal})"
        )
        bench.copy(bench.spec("p"), "2026-11-20", run_id="pair")
        versions.append(bench.visible("p").slices[0].fingerprint)
    assert versions[0] == versions[2]
    assert versions[0] != versions[1]


ROWS = [
    ("('a', 'b,c')", "('a,b', 'c')"),
    ("('1,1', '')", "('1', '1,')"),
    ("('', NULL)", "(NULL, '')"),
    ("('x', 'y'), ('z', 'w')", "('x', 'w'), ('z', 'y')"),
    ("('x', 'y'), ('x', 'y')", "('z', 'w'), ('z', 'w')"),
    ("('x', 'y'), ('x', 'y')", "('x', 'y'), ('x', 'y'), ('x', 'y'), ('x', 'y')"),
]


@pytest.mark.parametrize(("one", "other"), ROWS)
def test_different_rows_have_different_fingerprints(bench: Bench, one: str, other: str) -> None:
    versions = []
    for rows in (one, other):
        bench.sql(
            "DROP TABLE IF EXISTS r", "CREATE TABLE r (a VARCHAR(9), b VARCHAR(9))", f"INSERT INTO r VALUES {rows}"
        )
        bench.copy(bench.spec("r"), "2026-11-20", run_id="rows")
        versions.append(bench.visible("r").slices[0].fingerprint.split(":")[-1])
    assert versions[0] != versions[1]


def test_the_order_of_rows_does_not_matter(bench: Bench) -> None:
    versions = []
    for rows in ("(1, 'a'), (2, 'b'), (2, 'b')", "(2, 'b'), (1, 'a'), (2, 'b')"):
        bench.sql("DROP TABLE IF EXISTS o", "CREATE TABLE o (n INT, v TEXT)", f"INSERT INTO o VALUES {rows}")
        bench.copy(bench.spec("o"), "2026-11-20", run_id="order")
        versions.append(bench.visible("o").slices[0].fingerprint)
    assert versions[0] == versions[1]


def test_character_sets_that_do_not_mix_are_fingerprinted_together(bench: Bench) -> None:
    bench.sql(
        "DROP TABLE IF EXISTS m",
        "CREATE TABLE m (j VARCHAR(9) CHARACTER SET sjis, l VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin, "
        "u VARCHAR(9) CHARACTER SET utf16, e ENUM('é') CHARACTER SET ucs2, b VARBINARY(9), n INT)",
        "INSERT INTO m VALUES ('表', 'é', '☃', 'é', X'FF', 1)",
    )
    bench.copy(bench.spec("m"), "2026-11-20", run_id="mix")
    assert bench.rows("m") == [("表", "é", "☃", "é", b"\xff", 1)]


@pytest.fixture
def wide(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze")


def test_a_change_deep_inside_long_values_is_seen(wide: Bench) -> None:
    # Together these pass the server's max_allowed_packet, where a plain CONCAT becomes NULL.
    wide.sql(
        "CREATE TABLE w (a LONGTEXT, b LONGBLOB)",
        "INSERT INTO w VALUES (REPEAT('a', 9 * 1024 * 1024), REPEAT('b', 9 * 1024 * 1024))",
    )
    wide.copy(wide.spec("w"), "2026-11-20")
    before = wide.visible("w").slices[0].fingerprint
    wide.sql("UPDATE w SET b = CONCAT(LEFT(b, 9 * 1024 * 1024 - 1), 'x')")
    assert wide.copy(wide.spec("w"), "2026-11-20").outcome == "copied"
    assert wide.visible("w").slices[0].fingerprint != before
    assert wide.slice("w", "all")["b"][0].as_py()[-2:] == b"bx"
