"""Comparing what a way wrote with what the server says: is every value there, exactly?

The type is left to the way: a decimal may be written as text, a time as a duration or as text. What counts is whether
the value can be had back. Dates that do not exist cannot be written as dates: NULL or their text is right.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.extremes import EXTREMES

_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_ABSENT = object()
_EPOCH = date(1970, 1, 1)
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Exactness:
    """What became of the extremes: columns that could not be copied, columns with wrong values, and their number."""

    columns: int
    failed: Mapping[str, str]
    wrong: Mapping[str, int]

    @property
    def faults(self) -> int:
        """Columns that are not exact."""
        return len(self.failed) + len(self.wrong)

    def as_dict(self) -> dict[str, Any]:
        """For the last line of the benchmark."""
        return {
            "columns": self.columns,
            "faults": self.faults,
            "failed": sorted(self.failed),
            "wrong": dict(sorted(self.wrong.items())),
        }


def judge(
    folders: Mapping[str, Path], failures: Mapping[str, str], said: Mapping[str, Mapping[int, str | None]]
) -> Exactness:
    """Judge what a way wrote of all extremes.

    Args:
        folders: where each column that was copied is, by its name.
        failures: why the others were not.
        said: what the server says, by column and id.
    """
    kinds = {extreme.name: extreme.kind for extreme in EXTREMES}
    failed, wrong = dict(failures), dict[str, int]()
    for name, folder in folders.items():
        try:
            values = read_values(folder)
        except Exception as error:
            failed[name] = f"what it wrote cannot be read: {error}"
            continue
        faults = sum(faulty(kinds[name], expected, values.get(key, _ABSENT)) for key, expected in said[name].items())
        faults += len(values.keys() - said[name].keys())
        if faults:
            wrong[name] = faults
    return Exactness(len(failed.keys() | folders.keys()), failed, wrong)


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files under a folder; dlt keeps notes of its own beside them, in tables that begin with `_`."""
    return sorted(
        path
        for path in folder.rglob("*.parquet")
        if not any(part.startswith("_") for part in path.relative_to(folder).parts)
    )


def read_values(folder: Path) -> dict[int, Any]:
    """The values of an extreme's column by id, as Python has them."""
    import pyarrow.parquet as pq

    values: dict[int, Any] = {}
    for file in parquet_files(folder):
        table = pq.read_table(
            file,
            columns=["id", "v"],
            partitioning=None,
            # Spark writes timestamps of an old kind that Arrow reads as nanoseconds, which reach from 1677 to 2262.
            coerce_int96_timestamp_unit="us",
        )
        for key, value in zip(table["id"], table["v"], strict=True):
            values[int(key.as_py())] = _python_value(value)
    return values


def faulty(kind: str, expected: str | None, actual: object) -> bool:
    """Tell whether a value is another than the server says; `expected` has the form of `what_the_server_says`."""
    if expected is None or actual is None:
        missing_date = expected is not None and kind in {"date", "datetime"} and _no_such_date(expected)
        return not (actual is None and (expected is None or missing_date))
    try:
        return not _SAME[kind](expected, actual)
    except (TypeError, ValueError, ArithmeticError, AttributeError, struct.error):
        return True


def _python_value(scalar: Any) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        # Bytes that are called text: Spark, for one, gives them back all the same.
        return scalar.as_buffer().to_pybytes()
    except (ValueError, OverflowError):
        return _ABSENT


def _no_such_date(text: str) -> bool:
    return text.startswith("0000") or "-00" in text[:10]


def _same_number(expected: str, actual: Any) -> bool:
    if isinstance(actual, bytes):
        # BIT, as the server sends it.
        return int.from_bytes(actual, "big") == int(expected)
    return Decimal(actual) == Decimal(expected)


def _same_float32(expected: str, actual: Any) -> bool:
    return struct.pack("f", float(actual)) == struct.pack("f", float(expected))


def _same_float64(expected: str, actual: Any) -> bool:
    return struct.pack("d", float(actual)) == struct.pack("d", float(expected))


def _same_bytes(expected: str, actual: Any) -> bool:
    if isinstance(actual, str | UUID):
        actual = str(actual).encode()
    return isinstance(actual, bytes) and actual == bytes.fromhex(expected)


def _same_json(expected: str, actual: Any) -> bool:
    if not isinstance(actual, str | bytes):
        return False
    return bool(json.loads(actual) == json.loads(bytes.fromhex(expected)))


def _same_date(expected: str, actual: Any) -> bool:
    if isinstance(actual, datetime):
        return _naive(actual) == datetime.fromisoformat(expected)
    return str(actual) == expected if isinstance(actual, date | str) else False


def _same_datetime(expected: str, actual: Any) -> bool:
    if isinstance(actual, str):
        return actual == expected
    if not isinstance(actual, datetime):
        return False
    return not _no_such_date(expected) and _naive(actual) == datetime.fromisoformat(expected)


def _same_time(expected: str, actual: Any) -> bool:
    return _microseconds(actual) == _microseconds(expected)


def _same_geometry(expected: str, actual: Any) -> bool:
    # The server sends four bytes of SRID before the WKB.
    return actual in {bytes.fromhex(expected), bytes(4) + bytes.fromhex(expected)}


def _naive(value: datetime) -> datetime:
    if getattr(value, "nanosecond", 0):
        raise ValueError("finer than a microsecond")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _microseconds(value: Any) -> int:
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, datetime) and _naive(value).date() == _EPOCH:
        # Spark has no type for a time alone.
        value = _naive(value).time()
    if isinstance(value, time):
        value = value.isoformat()
    match = _TIME.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a time")
    sign, hours, minutes, seconds, fraction = match.groups()
    total = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * _MICROSECONDS + int((fraction or "").ljust(6, "0"))
    return -total if sign else total


_SAME = {
    "number": _same_number,
    "float32": _same_float32,
    "float64": _same_float64,
    "text": _same_bytes,
    "bytes": _same_bytes,
    "json": _same_json,
    "date": _same_date,
    "datetime": _same_datetime,
    "time": _same_time,
    "geometry": _same_geometry,
}
