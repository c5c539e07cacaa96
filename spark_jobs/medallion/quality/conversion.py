"""Converts a cleaned value to its lake type, or says that it cannot be without losing part of it.

Spark's own conversions are generous: 10.75 becomes 10, 2 becomes true, '2026' the first day of that year, and what
stands behind a date is passed over. Here a value that would not come back as it was is not converted.
"""

from __future__ import annotations

import re

from pyspark.sql import Column
from pyspark.sql import functions as F

from medallion.errors import REFUSAL

_WHOLE_NUMBERS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
# Decimal digits that a floating-point number always keeps.
_FLOATING = {"float": 6, "double": 15}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_TIMES = {"timestamp", "timestamp_ntz"}
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DAY = r"[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{0,6}0*)?)?"
_ZONE = r"( ?(Z|UTC|GMT|[+-][0-9]{1,2}(:?[0-9]{2}){0,2}|[A-Za-z_]+/[A-Za-z_/+-]+))?"
_MIDNIGHT = r"([T ]0{1,2}:0{1,2}(:0{1,2}(\.0*)?)?)?"


def converted(value: Column, given: str, wanted: str) -> Column:
    """The value as the wanted type; NULL where it cannot be that.

    Args:
        value: of the type ``given``, as Spark names it.
        given: its type.
        wanted: another one.
    """
    found = value.try_cast(wanted)
    if given == "string":
        return F.when(_reads(value, found, wanted), found)
    if is_lossless(given, wanted):
        return found
    # Both ways, so that whatever was cut off is noticed.
    return F.when(found.try_cast(given).eqNullSafe(value), found)


def refusal(message: str) -> Column:
    """A value that cannot be read: reading it fails with this text, which must hold no row's value."""
    return F.raise_error(F.lit(REFUSAL + message))


def is_lossless(given: str, wanted: str) -> bool:
    """Whether each value of a type has an equal of another, so that converting it need not be checked."""
    if wanted in {given, "string", "binary"} or given in {"boolean", "void"}:
        return True
    if given == "date" or (given in _TIMES and wanted in _TIMES):
        return wanted in _TIMES
    before, after = _digits(given), _digits(wanted)
    if before is None or after is None:
        return False
    if wanted in _FLOATING:
        return given == "float" or (given not in _FLOATING and sum(before) <= _FLOATING[wanted] and not before[1])
    return given not in _FLOATING and before[0] <= after[0] and before[1] <= after[1]


def _digits(kind: str) -> tuple[int, int] | None:
    """Digits before and after the point; None for what is no number."""
    if found := _DECIMAL.fullmatch(kind):
        precision, scale = int(found[1]), int(found[2])
        return precision - scale, scale
    digits = _WHOLE_NUMBERS.get(kind) or _FLOATING.get(kind)
    # A number of as many digits may be too large for a whole type: then nothing is what Spark makes of it.
    return None if digits is None else (digits, 0)


def _reads(text: Column, found: Column, wanted: str) -> Column:
    """Whether all of a text was read; blanks around it are none of it."""
    trimmed = F.regexp_replace(text, r"^\s+|\s+\z", "")
    if wanted == "date":
        return trimmed.rlike(rf"\A{_DAY}{_MIDNIGHT}\z")
    if wanted in _TIMES:
        return trimmed.rlike(rf"\A{_DAY}([T ]{_TIME}{_ZONE if wanted == 'timestamp' else ''})?\z")
    if wanted in _FLOATING:
        return trimmed.rlike(rf"\A{_NUMBER}\z")
    if decimal := _DECIMAL.fullmatch(wanted):
        # An exponent is read too; that it hides no further digits shows in a wider number.
        plain = trimmed.rlike(rf"\A[+-]?[0-9]*\.?[0-9]{{0,{decimal[2]}}}0*\z")
        scale = min(38, int(decimal[2]) + 12)
        return plain | (trimmed.rlike("[eE]") & text.try_cast(f"decimal(38,{scale})").eqNullSafe(found))
    return F.lit(True)
