"""Sums of measures that are exact at any size, and the same in any order of rows.

Spark has decimals of 38 digits, and a sum of such values may need more. So a value is summed in parts, of which none
can be too long, and the parts are put together in Python.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

_FLOAT_SCALE = 10
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double"}
_SEPARATOR = "|"
# So many digits of a sum are left for the number of rows.
_SPARE_DIGITS = 12
_PART = 18
# Decimals beyond the lake's that are looked for in what was refused for having them.
_MORE_DECIMALS = 18
# Wide enough for every sum; Python's own default is 28 digits.
_EXACT = Context(prec=120)


def decimal_type(lake_type: str) -> str:
    """The decimal that a measure is summed in."""
    match = _DECIMAL.fullmatch(lake_type)
    if match:
        return f"decimal(38,{match[2]})"
    return f"decimal(38,{_FLOAT_SCALE})" if lake_type in {"double", "float"} else "decimal(38,0)"


def exact_sum(value: Column, kind: str) -> Column:
    """The sum of values of a type that is a number's, as a text for ``sum_of``."""
    return _sum(value.cast(decimal_type(kind)), _scale(kind), _digits(kind))


def landed_type(lake_type: str) -> str:
    """The decimal that a measure is read in as it was landed: its source may have more decimals than the lake."""
    scale = _scale(lake_type)
    return f"decimal(38,{max(scale, min(_MORE_DECIMALS, 38 - (_digits(lake_type) - scale)))})"


def is_number(kind: str) -> bool:
    """Whether Spark counts a type among the numbers."""
    return kind in _NUMBERS or _DECIMAL.fullmatch(kind) is not None


def _sum(number: Column, scale: int, digits: int) -> Column:
    if digits + _SPARE_DIGITS <= 38:
        return _text(number)
    fraction = number % F.lit(1)
    whole = (number - fraction).cast("decimal(38,0)")
    low = whole % _power(_PART)
    high = ((whole - low) / _power(_PART)).cast("decimal(38,0)")
    parts = [high, low]
    if scale > _PART:
        rest = fraction % F.expr(f"CAST('1E-{_PART}' AS DECIMAL({_PART},{_PART}))")
        parts += [(fraction - rest).cast(f"decimal(38,{_PART})"), rest.cast(f"decimal(38,{scale})")]
    else:
        parts.append(fraction.cast(f"decimal(38,{scale})"))
    return F.concat_ws(_SEPARATOR, *[_text(part) for part in parts])


def sum_of(text: str | None, lake_type: str) -> str:
    """What ``exact_sum`` found, as decimal text, with as many decimals as the lake's type where that is all of it."""
    parts = (text or "0").split(_SEPARATOR)
    total = Decimal(0)
    for place, part in enumerate(parts):
        weight = _PART if len(parts) > 1 and place == 0 else 0
        total = _EXACT.add(total, Decimal(part).scaleb(weight, _EXACT))
    if not total:
        return "0" if len(parts) == 1 and parts[0] == "0" else format(Decimal(0).scaleb(-_scale(lake_type)), "f")
    rounded = total.quantize(Decimal(1).scaleb(-_scale(lake_type)), context=_EXACT)
    return format(rounded if rounded == total else total, "f")


def added(one: str, other: str) -> str:
    """Two sums as one."""
    return format(_EXACT.add(Decimal(one), Decimal(other)), "f")


def _scale(kind: str) -> int:
    return int(decimal_type(kind).rpartition(",")[2].rstrip(")"))


def _digits(kind: str) -> int:
    """The digits that a value has at most."""
    match = _DECIMAL.fullmatch(kind)
    return int(match[1]) if match else 38 if kind in {"double", "float"} else 20


def _power(exponent: int) -> Column:
    return F.expr(f"CAST('1{'0' * exponent}' AS DECIMAL({exponent + 1},0))")


def _text(part: Column) -> Column:
    return F.coalesce(F.sum(part).cast("string"), F.lit("0"))
