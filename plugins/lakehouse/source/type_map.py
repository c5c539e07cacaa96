"""The one map from MySQL and MariaDB column types to Arrow types, and the decoding of the server's bytes.

The server sends every value as text (or as plain bytes), which is exact; Arrow's C++ casts turn a column of them into
numbers, dates and timestamps. What Parquet as Spark reads it cannot hold follows a written rule and is counted:
docs/reference/types.md lists them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import SourceError
from lakehouse.source.sql_text import digest_sql, quote_identifier

MAX_SPARK_DIGITS = 38
_UTC_TIMESTAMP = pa.timestamp("us", tz="UTC")
_TIMESTAMP = pa.timestamp("us")
_NO_SRID = pa.scalar(b"\0\0\0\0", pa.binary())
_SIGNED = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "mediumint": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
}
_UNSIGNED = {
    "tinyint": pa.int16(),
    "smallint": pa.int32(),
    "mediumint": pa.int32(),
    "int": pa.int64(),
    "bigint": pa.decimal128(20, 0),
}
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32}
_BITS_OF_A_DOUBLE = 53
SHORT_TEXT = {"char", "varchar", "enum", "set"}
LONG_TEXT = {"tinytext", "text", "mediumtext", "longtext", "json"}
SHORT_BYTES = {"binary", "varbinary"}
LONG_BYTES = {"tinyblob", "blob", "mediumblob", "longblob", "vector"}
_PRINTED = {"time", "inet4", "inet6", "uuid"}
_GEOMETRY = {
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
}
DATE_TYPES = ("date", "datetime", "timestamp")


@dataclass(frozen=True)
class SourceColumn:
    """A column as `information_schema` describes it; `is_key` is true in a primary or unique key.

    `character_set` is None where the type has none.
    """

    name: str
    mysql_type: str
    nullable: bool
    is_key: bool = False
    character_set: str | None = None


@dataclass(frozen=True)
class ColumnPlan:
    """How one column is read, stored, hashed and summed.

    `hash_sql` never is NULL, and differs for NULL and every value; `sum_sql` is None where the column is not summed.
    `quick_sum_sql` gives the same sum as `sum_sql`, and costs the server less, of up to `quick_sum_rows` rows.
    `kind` names the decoding.
    """

    name: str
    mysql_type: str
    arrow_type: pa.DataType
    nullable: bool
    kind: str
    select_sql: str
    hash_sql: str
    sum_sql: str | None
    quick_sum_sql: str | None = None
    quick_sum_rows: int | None = None
    character_set: str | None = None

    @property
    def base_type(self) -> str:
        """The type's name without length and attributes, such as `varchar`."""
        return _parse(self.mysql_type)[0]


Decoded = tuple[pa.Array, Mapping[str, int]]


def plan_column(column: SourceColumn) -> ColumnPlan:
    """Decide how a source column is copied.

    Raises:
        SourceError: the map has no rule for the column's type.
    """
    quoted = quote_identifier(column.name)
    base, arguments, rest = _parse(column.mysql_type)
    kind, arrow_type = _storage_of(base, arguments, "unsigned" in rest, column)
    select_sql, hash_sql = _read_and_hash(kind, base, quoted, column.nullable)
    summed = not column.is_key and base != "year" and kind in {"number", "float"}
    value = f"{quoted} * 1e0" if kind == "float" else quoted
    bits = _BITS.get(base) if summed else None
    return ColumnPlan(
        name=column.name,
        mysql_type=column.mysql_type,
        arrow_type=arrow_type,
        # A zero date becomes NULL although the source forbids NULL.
        nullable=column.nullable or kind in {"date", "datetime", "timestamp"},
        kind=kind,
        select_sql=select_sql,
        hash_sql=hash_sql,
        sum_sql=f"SUM({value})" if summed else None,
        # The server adds whole numbers up as decimals, digit by digit. In a double they are exact up to a limit.
        quick_sum_sql=f"CAST(SUM({quoted} * 1e0) AS SIGNED)" if bits else None,
        quick_sum_rows=2 ** (_BITS_OF_A_DOUBLE - bits + ("unsigned" not in rest)) if bits else None,
        character_set=column.character_set,
    )


def arrow_schema(plans: Sequence[ColumnPlan]) -> pa.Schema:
    """The Arrow schema of a table's Parquet files, in the source's column order."""
    return pa.schema([pa.field(plan.name, plan.arrow_type, plan.nullable) for plan in plans])


def decode_column(plan: ColumnPlan, raw: pa.Array) -> Decoded:
    """Turn one column of the server's bytes, a binary array, into an array of `plan.arrow_type`.

    Returns:
        The array, and how many values were substituted, by reason.

    Raises:
        SourceError: the server sent what the column's type does not allow.
    """
    try:
        return _DECODERS[plan.kind](raw, plan.arrow_type)
    except pa.ArrowInvalid:
        # Arrow's words hold the value, in the message and in the cause that a log shows.
        raise SourceError(
            f"column {plan.name} ({plan.mysql_type}): the server sent a value that is no {plan.arrow_type}: correct it "
            "at the source, or copy a view that casts the column"
        ) from None


def one_form(mysql_type: str) -> str:
    """A type as both servers print it: MySQL gives no display width to whole numbers but in `tinyint(1)`."""
    if "zerofill" in mysql_type.lower():
        return mysql_type
    return re.sub(r"(?i)^(tinyint(?!\(1\)$)|smallint|mediumint|int|bigint|year)\(\d+\)", r"\1", mysql_type)


def _parse(mysql_type: str) -> tuple[str, str, str]:
    match = re.match(r"\s*([a-z0-9_]+)\s*(?:\((.*?)\))?(.*)", mysql_type.lower(), re.DOTALL)
    return (match[1], match[2] or "", match[3]) if match else (mysql_type, "", "")


def _storage_of(base: str, arguments: str, unsigned: bool, column: SourceColumn) -> tuple[str, pa.DataType]:
    if base in _SIGNED:
        return "number", (_UNSIGNED if unsigned else _SIGNED)[base]
    if base == "decimal":
        return _storage_of_decimal(arguments)
    if base == "bit":
        return "bit", pa.decimal128(20, 0) if arguments == "64" else pa.int64()
    simple = {
        "year": ("number", pa.int16()),
        "float": ("float", pa.float32()),
        "double": ("float", pa.float64()),
        "date": ("date", pa.date32()),
        "datetime": ("datetime", _TIMESTAMP),
        "timestamp": ("timestamp", _UTC_TIMESTAMP),
    }
    if base in simple:
        return simple[base]
    if base in SHORT_TEXT | LONG_TEXT | _PRINTED:
        return "text", pa.string()
    if base in SHORT_BYTES | LONG_BYTES:
        return "bytes", pa.binary()
    if base in _GEOMETRY:
        return "geometry", pa.binary()
    raise SourceError(
        f"column {column.name} has type {column.mysql_type}, for which there is no rule: "
        "exclude the table by its contract, or add the type to plugins/lakehouse/source/type_map.py"
    )


def _storage_of_decimal(arguments: str) -> tuple[str, pa.DataType]:
    digits, _, scale = arguments.partition(",")
    precision = int(digits or 10)
    if precision > MAX_SPARK_DIGITS:
        return "text", pa.string()
    return "number", pa.decimal128(precision, int(scale or 0))


def _read_and_hash(kind: str, base: str, quoted: str, nullable: bool) -> tuple[str, str]:
    # A mark for NULL is asked of the server only where there may be one: that is dear beside the rest.
    def marked(value: str, mark: str = "'N'") -> str:
        return f"IFNULL({value},{mark})" if nullable else value

    if kind == "float":
        return f"{quoted} * 1e0", marked(f"{quoted} * 1e0")
    if kind == "bit":
        return f"{quoted} + 0", marked(f"{quoted} + 0")
    if kind == "geometry":
        # As it is stored: ST_AsWKB turns the axes of geographic systems round on MySQL, and not on MariaDB.
        return quoted, marked(digest_sql(quoted))
    if base in SHORT_TEXT | SHORT_BYTES:
        # The length before the value: a separator inside a value cannot be taken for the end of it. As BINARY: neither
        # the collation's folding nor a mixture of character sets may hide a change.
        content = marked(f"CAST({quoted} AS BINARY)", "''")
        return quoted, f"{marked(f'LENGTH({quoted})')},{content}"
    if base in LONG_TEXT | LONG_BYTES:
        # Hashed alone: joined, long values could pass max_allowed_packet, and the server would make NULL of the row.
        return quoted, marked(digest_sql(quoted))
    if base in {"inet4", "inet6", "uuid"}:
        return quoted, marked(f"CAST({quoted} AS CHAR)")
    return quoted, marked(quoted)


def _decode_number(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    return raw.view(pa.string()).cast(arrow_type), {}


def _decode_float(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    return raw.view(pa.string()).cast(pa.float64()).cast(arrow_type, safe=False), {}


def _decode_bytes(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    return raw.view(arrow_type), {}


def _decode_geometry(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    # The server sends four bytes of SRID before the WKB.
    srids = pc.not_equal(pc.binary_slice(pc.fill_null(raw, _NO_SRID), 0, 4), _NO_SRID)
    return pc.binary_replace_slice(raw, 0, 4, b"").view(arrow_type), _counted(srid_dropped=pc.sum(srids).as_py())


def _decode_text(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    try:
        return raw.cast(arrow_type), {}
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode("utf-8", "replace") for value in raw.to_pylist()]
        invalid = sum(
            text is not None and text.encode() != value for text, value in zip(texts, raw.to_pylist(), strict=True)
        )
        return pa.array(texts, arrow_type), _counted(invalid_utf8=invalid)


def _decode_date(raw: pa.Array, arrow_type: pa.DataType) -> Decoded:
    text = raw.view(pa.string())
    try:
        dates = text.cast(arrow_type if pa.types.is_date(arrow_type) else _TIMESTAMP)
        # Arrow knows a year 0, which to MySQL is a part of a date that is missing.
        if not pc.any(pc.starts_with(text, "0000")).as_py():
            return dates.view(arrow_type), {}
    except pa.ArrowInvalid:
        pass
    return _decode_faulty_dates(text, arrow_type)


def _decode_faulty_dates(text: pa.Array, arrow_type: pa.DataType) -> Decoded:
    naive = arrow_type if pa.types.is_date(arrow_type) else _TIMESTAMP
    zero = pc.starts_with(text, "0000-00-00")
    faulty = pc.match_substring_regex(text, r"^(0000-|\d{4}-00|\d{4}-\d\d-00)")
    partial = pc.and_not(faulty, zero)
    whole = pc.if_else(pc.fill_null(faulty, True), pa.scalar(None, pa.string()), text)
    invalid = 0
    try:
        dates = whole.cast(naive)
    except pa.ArrowInvalid:
        castable = [value if _is_castable(value, naive) else None for value in whole.to_pylist()]
        invalid = castable.count(None) - whole.null_count
        dates = pa.array(castable, pa.string()).cast(naive)
    counts = _counted(zero_date=pc.sum(zero).as_py(), partial_date=pc.sum(partial).as_py(), invalid_date=invalid)
    return dates.view(arrow_type), counts


def _is_castable(value: str | None, arrow_type: pa.DataType) -> bool:
    if value is None:
        return True
    try:
        pa.scalar(value, pa.string()).cast(arrow_type)
    except pa.ArrowInvalid:
        return False
    return True


def _counted(**counts: Any) -> Mapping[str, int]:
    return {reason: int(count) for reason, count in counts.items() if count}


_DECODERS: Mapping[str, Callable[[pa.Array, pa.DataType], Decoded]] = {
    "number": _decode_number,
    "bit": _decode_number,
    "float": _decode_float,
    "text": _decode_text,
    "bytes": _decode_bytes,
    "geometry": _decode_geometry,
    "date": _decode_date,
    "datetime": _decode_date,
    "timestamp": _decode_date,
}
