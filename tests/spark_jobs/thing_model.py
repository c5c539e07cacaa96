"""A small dimension, ``thing``: its contract, its snapshots, and what the definition of type 2 history makes of them.

A snapshot is a list of (code, name, size, note, extra). A row without a name, and rows that share a code, are
quarantined. The source has ``extra`` only from day ``EXTRA_SINCE`` on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

FIRST = dt.date(2026, 11, 1)
DAYS = tuple(range(1, 8))
EXTRA_SINCE = 4
COLUMNS = ("code", "name", "size", "note", "extra")
STORED = ("thing_key", *COLUMNS, "valid_from", "valid_to", "is_current")
NARROW = pa.schema([("code", pa.string()), ("name", pa.string()), ("size", pa.int32()), ("note", pa.string())])
WIDE = NARROW.append(pa.field("extra", pa.string()))
Row = tuple[Any, ...]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Thing:
    """One state of the contract: the lake's columns, and those whose change makes a version."""

    columns: tuple[str, ...]
    tracked: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Writes the contract file."""
        properties = "".join(_PROPERTIES[name] for name in self.columns)
        tracked = ", ".join(self.tracked)
        (folder / "thing.odcs.yaml").write_text(_CONTRACT.format(properties=properties, tracked=tracked))


BEFORE = Thing(("code", "name", "size", "note"), ("name", "size"))
OTHER_TRACKED = Thing(BEFORE.columns, ("name", "note"))
WITH_EXTRA = Thing(COLUMNS, ("name", "size", "extra"))
_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: thing
name: thing
version: 1.0.0
status: active
schema:
  - name: thing
    physicalName: thing
    physicalType: table
    logicalType: object
    customProperties:
      - {{property: tableKind, value: dimension}}
      - {{property: scdType, value: 2}}
      - {{property: trackedColumns, value: [{tracked}]}}
      - {{property: maxDeleteShare, value: 1}}
    properties:
{properties}"""
_PROPERTIES = {
    "code": """\
      - name: code
        physicalType: varchar(16)
        logicalType: string
        primaryKey: true
        required: true
        transformLogic: trim(code)
""",
    "name": """\
      - name: name
        physicalType: varchar(16)
        logicalType: string
        required: true
""",
    "size": """\
      - name: size
        physicalType: int
        logicalType: integer
""",
    "note": """\
      - name: note
        physicalType: varchar(16)
        logicalType: string
""",
    "extra": """\
      - name: extra
        physicalType: varchar(16)
        logicalType: string
""",
}


def day_of(number: int) -> dt.date:
    """The date of a day's number."""
    return FIRST + dt.timedelta(days=number - 1)


def arrow_schema(day: int) -> pa.Schema:
    """What the source's table looked like on a day."""
    return WIDE if day >= EXTRA_SINCE else NARROW


def landed_rows(day: int, rows: Iterable[Row]) -> list[Row]:
    """The rows as the source had them on a day."""
    return [row[: len(arrow_schema(day))] for row in rows]


def random_snapshot(chance: random.Random, keys: Sequence[str]) -> list[Row]:
    """A snapshot in which each key may be there, changed, absent, or quarantined for one of two reasons."""
    rows: list[Row] = []
    for key in keys:
        row = (
            key,
            chance.choice(("a", "b", "c")),
            chance.choice((1, 2, None)),
            chance.choice(("x", "", None)),
            chance.choice(("e", None)),
        )
        what = chance.random()
        if what < 0.65:
            rows.append(row)
        elif what < 0.75:
            rows.append((key, None, *row[2:]))
        elif what < 0.82:
            rows += [row, (f" {key}", "b", 1, None, None)]
    return rows


def expected_rows(snapshots: Mapping[int, Sequence[Row]], thing: Thing) -> list[Row]:
    """The dimension's rows (``STORED``) by definition: per key the run-length encoding of what the snapshots tell."""
    days = sorted(snapshots)
    told = {day: set(thing.columns) - ({"extra"} if day < EXTRA_SINCE else set()) for day in days}
    since = {name: _since(name, days, told) for name in thing.tracked}
    by_day = {day: _observations(snapshots[day], thing, told[day]) for day in days}
    keys = sorted({key for observed in by_day.values() for key in observed})
    return sorted((row for key in keys for row in _history(key, days, by_day, since, thing)), key=repr)


def refused_keys(snapshots: Mapping[int, Sequence[Row]], thing: Thing) -> list[tuple[dt.date, str]]:
    """Day and business key of each quarantined row."""
    found = []
    for day, rows in snapshots.items():
        codes = Counter(row[0].strip() for row in rows)
        refused = [row for row in rows if row[1] is None or codes[row[0].strip()] > 1]
        found += [(day_of(day), json.dumps([row[0].strip()])) for row in refused]
    return sorted(found)


def _since(name: str, days: Sequence[int], told: Mapping[int, set[str]]) -> int | None:
    found = None
    for day in reversed(days):
        if name not in told[day]:
            return found
        found = day
    return 0


def _observations(rows: Sequence[Row], thing: Thing, told: set[str]) -> dict[str, Any]:
    codes = Counter(row[0].strip() for row in rows)
    observed: dict[str, Any] = {}
    for row in rows:
        code = row[0].strip()
        if row[1] is None or codes[code] > 1:
            observed[code] = UNKNOWN
        else:
            values = dict(zip(COLUMNS, (code, *row[1:]), strict=True))
            observed[code] = {name: values[name] if name in told else None for name in thing.columns}
    return observed


def _history(
    key: str, days: Sequence[int], by_day: Mapping[int, dict[str, Any]], since: Mapping[str, int | None], thing: Thing
) -> list[Row]:
    versions: list[dict[str, Any]] = []
    current, latest = None, None
    for day in days:
        observed = by_day[day].get(key)
        if observed == UNKNOWN:
            continue
        compared = [name for name, first in since.items() if first is not None and day > first]
        same = current is not None and observed is not None and all(current[n] == observed[n] for n in compared)
        if current is not None and not same:
            versions[-1]["valid_to"] = day_of(day)
        if observed is not None:
            latest = observed
            if same:
                versions[-1] |= observed
            else:
                versions.append({**observed, "valid_from": day_of(day), "valid_to": None})
        current = observed
    untracked = [name for name in thing.columns if name not in thing.tracked and name != "code"]
    rows = []
    for version in versions:
        version |= {name: latest[name] for name in untracked} if latest else {}
        start = version["valid_from"]
        digest = hashlib.sha256(f'["{key}","{start}"]'.encode()).hexdigest()
        rows.append((
            digest, *[version.get(name) for name in COLUMNS], start, version["valid_to"], version["valid_to"] is None,
        ))  # fmt: skip
    return rows
