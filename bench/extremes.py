"""Columns of every MySQL type with the values at its edges, and what the server itself says that they are.

Each is a table of its own, `x_<name>`, with a key `id` and a column `v`, so that a way which fails at one type can
still show what it makes of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "x_"

_DATES = ("'1000-01-01'", "'1969-12-31'", "'2024-02-29'", "'9999-12-31'")
_ZERO_DATES = ("'0000-00-00'", "'2018-02-00'", "'2018-00-00'")
_TEXTS = ("''", "'NULL'", "'nan'", "' a '", "'Ä\\\\N\\n\\t\\r\"'", "'日本😀'")
_TIMES = ("'00:00:00'", "'23:59:59'")
_LONG_TIMES = ("'838:59:59'", "'-838:59:59'", "'-00:00:01'", "'24:00:00'")


@dataclass(frozen=True)
class Extreme:
    """A column: its type, the kind of its values, and these as SQL; NULL is added to them.

    Kinds are `number`, `float32`, `float64`, `text`, `bytes`, `json`, `date`, `datetime`, `time` and `geometry`.
    """

    name: str
    sql_type: str
    kind: str
    values: Sequence[str]

    @property
    def table(self) -> str:
        """The table that holds it."""
        return PREFIX + self.name


EXTREMES: tuple[Extreme, ...] = (
    Extreme("bool", "BOOL", "number", ("0", "1", "2", "-128", "127")),
    Extreme("smallint_unsigned", "SMALLINT UNSIGNED", "number", ("0", "65535")),
    Extreme("mediumint", "MEDIUMINT", "number", ("-8388608", "8388607")),
    Extreme("int", "INT", "number", ("-2147483648", "2147483647")),
    Extreme("int_unsigned", "INT UNSIGNED", "number", ("0", "4294967295")),
    Extreme("bigint", "BIGINT", "number", ("-9223372036854775808", "9007199254740993", "9223372036854775807")),
    Extreme("bigint_unsigned", "BIGINT UNSIGNED", "number", ("0", "9223372036854775808", "18446744073709551615")),
    Extreme("decimal_12_2", "DECIMAL(12,2)", "number", ("0", "-0.01", "9999999999.99", "-9999999999.99")),
    Extreme("decimal_20_15", "DECIMAL(20,15)", "number", ("0.123456789012345", "-99999.999999999999999")),
    Extreme("decimal_38_0", "DECIMAL(38,0)", "number", ("9" * 38, "-" + "9" * 38)),
    Extreme("decimal_38_38", "DECIMAL(38,38)", "number", ("0." + "9" * 38, "0." + "0" * 37 + "1")),
    Extreme("decimal_65_0", "DECIMAL(65,0)", "number", ("1", "9" * 65)),
    Extreme("decimal_65_30", "DECIMAL(65,30)", "number", ("0." + "0" * 29 + "1", "9" * 35 + "." + "9" * 30)),
    Extreme("float", "FLOAT", "float32", ("0", "16777217", "3.4028234e38", "-1.17549e-38", "0.1")),
    Extreme("double", "DOUBLE", "float64", ("0", "0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "1e22")),
    Extreme("bit_1", "BIT(1)", "number", ("b'0'", "b'1'")),
    Extreme("bit_10", "BIT(10)", "number", ("b'0'", "b'1000000001'")),
    Extreme("bit_64", "BIT(64)", "number", ("b'0'", "b'" + "1" * 64 + "'")),
    Extreme("year", "YEAR", "number", ("1901", "2155", "0000")),
    Extreme("char", "CHAR(20) CHARACTER SET utf8mb4", "text", _TEXTS),
    Extreme("varchar", "VARCHAR(20) CHARACTER SET utf8mb4", "text", _TEXTS),
    Extreme("varchar_latin1", "VARCHAR(20) CHARACTER SET latin1", "text", ("''", "'Ä€ß'")),
    Extreme("varchar_binary_collation", "VARCHAR(20) COLLATE utf8mb4_bin", "text", _TEXTS),
    Extreme("text", "TEXT CHARACTER SET utf8mb4", "text", (*_TEXTS, "REPEAT('x', 60000)")),
    Extreme("enum", "ENUM('','a','Ä') CHARACTER SET utf8mb4", "text", ("''", "'a'", "'Ä'")),
    Extreme("set", "SET('a','b','Ä') CHARACTER SET utf8mb4", "text", ("''", "'a,b'", "'a,b,Ä'")),
    Extreme("json", "JSON", "json", ("'{\"a\": 18446744073709551615}'", "'[]'", "'null'")),
    Extreme("binary", "BINARY(4)", "bytes", ("x'00FF00'", "x'61626364'")),
    Extreme("varbinary", "VARBINARY(20)", "bytes", ("x''", "x'00FF'", "x'C328'")),
    Extreme("blob", "BLOB", "bytes", ("x''", "x'00FF'", "REPEAT(x'FE', 60000)")),
    Extreme("date", "DATE", "date", _DATES),
    Extreme("date_zero", "DATE", "date", _ZERO_DATES),
    Extreme("datetime", "DATETIME", "datetime", ("'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'")),
    Extreme(
        "datetime_6",
        "DATETIME(6)",
        "datetime",
        ("'1000-01-01 00:00:00.000001'", "'2024-02-29 12:00:00.000000'", "'9999-12-31 23:59:59.999999'"),
    ),
    Extreme("datetime_zero", "DATETIME(6)", "datetime", ("'0000-00-00 00:00:00'", "'2018-02-00 10:00:00.5'")),
    Extreme("timestamp", "TIMESTAMP NULL", "datetime", ("'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'")),
    Extreme("timestamp_6", "TIMESTAMP(6) NULL", "datetime", ("'2024-03-31 01:30:00.123456'", "'2024-10-27 01:30:00'")),
    Extreme("timestamp_zero", "TIMESTAMP(6) NULL", "datetime", ("'0000-00-00 00:00:00'",)),
    Extreme("time", "TIME", "time", _TIMES),
    Extreme("time_6", "TIME(6)", "time", ("'00:00:00.000001'", "'23:59:59.999999'")),
    Extreme("time_long", "TIME", "time", _LONG_TIMES),
    Extreme("geometry", "GEOMETRY", "geometry", ("ST_GeomFromText('POINT(1 -2.5)')",)),
    Extreme("inet6", "INET6", "text", ("'::1'", "'2001:db8::ff00:42:8329'")),
    Extreme(
        "uuid", "UUID", "text", ("'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426655440000'")
    ),
)

_SAYS: Mapping[str, str] = {
    "number": "CAST(v + 0 AS CHAR)",
    # As FLOAT the server prints six digits.
    "float32": "CAST(v * 1e0 AS CHAR)",
    "float64": "CAST(v AS CHAR)",
    "text": "HEX(CONVERT(v USING utf8mb4))",
    "json": "HEX(v)",
    "bytes": "HEX(v)",
    "date": "CAST(v AS CHAR)",
    "datetime": "CAST(v AS CHAR)",
    "time": "CAST(v AS CHAR)",
    "geometry": "HEX(ST_AsWKB(v))",
}


def make_extremes(cursor: Any, schema: str) -> None:
    """Make the tables of all extremes in a schema."""
    cursor.execute(f"USE `{schema}`")
    cursor.execute("SET SESSION sql_mode = '', time_zone = '+00:00'")
    for extreme in EXTREMES:
        cursor.execute(f"DROP TABLE IF EXISTS `{extreme.table}`")
        cursor.execute(f"CREATE TABLE `{extreme.table}` (id INT NOT NULL PRIMARY KEY, v {extreme.sql_type})")
        rows = ", ".join(f"({number}, {value})" for number, value in enumerate((*extreme.values, "NULL"), start=1))
        cursor.execute(f"INSERT INTO `{extreme.table}` VALUES {rows}")


def what_the_server_says(cursor: Any, schema: str) -> dict[str, dict[int, str | None]]:
    """The value of every extreme by its name and id, in the form that `faulty` compares with."""
    cursor.execute("SET SESSION sql_mode = '', time_zone = '+00:00'")
    said: dict[str, dict[int, str | None]] = {}
    for extreme in EXTREMES:
        cursor.execute(f"SELECT id, {_SAYS[extreme.kind]} FROM `{schema}`.`{extreme.table}`")
        said[extreme.name] = {
            number: value.decode() if isinstance(value, bytes) else value for number, value in cursor.fetchall()
        }
    return said
