"""The Spark type that a column has in the lake, and what a value that is compared with it may be."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_files import custom_properties

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

MOST_DIGITS = 38
_SPARK_TYPE = re.compile(
    r"string|bigint|int|smallint|tinyint|double|float|boolean|date|timestamp|timestamp_ntz|binary"
    r"|decimal\(([1-9]|[12]\d|3[0-8]),\s*(\d{1,2})\)"
)
_SIMPLE_TYPES = {
    "string": "string", "date": "date", "timestamp": "timestamp", "time": "string", "boolean": "boolean",
    "object": "string", "array": "string",
}  # fmt: skip
_DECIMAL = re.compile(r"(?:decimal|numeric)\s*\((\d+)(?:\s*,\s*(\d+))?\)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+")
_WHOLE_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_MOST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_spark_type(given: object) -> bool:
    """Whether `sparkType` may be this: a Spark SQL type in lower case, a decimal with its digits."""
    found = _SPARK_TYPE.fullmatch(str(given))
    return found is not None and (found[2] is None or int(found[2]) <= int(found[1]))


def lake_type(column: SchemaProperty) -> str | None:
    """The Spark type of a column in silver; None where its types are wrong, or hold more digits than Spark can."""
    given = custom_properties(column.customProperties).get("sparkType")
    if given is not None:
        return str(given).replace(" ", "") if is_spark_type(given) else None
    physical = (column.physicalType or "").lower()
    if column.logicalType == "integer":
        return "decimal(20,0)" if "bigint" in physical and "unsigned" in physical else "bigint"
    if column.logicalType == "number":
        digits = _DECIMAL.match(physical)
        if digits is None:
            return "double"
        return f"decimal({digits[1]},{digits[2] or 0})" if int(digits[1]) <= MOST_DIGITS else None
    return _SIMPLE_TYPES.get(column.logicalType or "")


def has_too_many_digits(column: SchemaProperty) -> bool:
    """Whether the source's decimals are wider than any of Spark's, and no other type is given."""
    digits = _DECIMAL.match(column.physicalType or "")
    given = custom_properties(column.customProperties).get("sparkType")
    return column.logicalType == "number" and given is None and digits is not None and int(digits[1]) > MOST_DIGITS


def value_fault(value: Any, kind: str) -> str | None:
    """Why a value cannot be compared with a column of a Spark type; None where it can."""
    if kind == "string":
        if isinstance(value, bool):
            return "must be a text: YAML reads yes, no, on, off, true and false as true or false, so quote it"
        return None if isinstance(value, str) else f"must be a text: YAML reads {value} as a number, so quote it"
    if kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if kind == "date":
        return None if _is_iso(date, value) else "must be a date such as 2026-12-31"
    if kind.startswith("timestamp"):
        return None if _is_iso(datetime, value) else "must be a time such as 2026-12-31 23:59:59"
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool) and _NUMBER.fullmatch(str(value))
    return None if is_number else "must be a number"


def member_fault(value: Any, kind: str) -> str | None:
    """Why a value cannot be kept in a column of a Spark type; None where it can."""
    if fault := value_fault(value, kind):
        return fault
    if kind in _WHOLE_BITS:
        half = 2 ** (_WHOLE_BITS[kind] - 1)
        fits = _WHOLE.fullmatch(str(value)) is not None and -half <= int(str(value)) < half
        return None if fits else f"must be a whole number from {-half} to {half - 1}"
    if digits := _DECIMAL.match(kind):
        before, after = int(digits[1]) - int(digits[2] or 0), int(digits[2] or 0)
        number = Decimal(str(value)).normalize(Context(prec=120))
        exponent = int(number.as_tuple().exponent)
        fits = not number or (-exponent <= after and number.adjusted() < before)
        return None if fits else f"must have at most {before} digits before the point and {after} after it"
    if kind in {"float", "double"} and not abs(float(value)) <= _MOST[kind]:
        return "is larger than the column can hold"
    return None


def _is_iso(kind: type[date], value: Any) -> bool:
    try:
        kind.fromisoformat(str(value))
    except ValueError:
        return False
    return True
