"""Finds which columns, alone or two or three together, tell all rows of a sample apart. No I/O."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import pyarrow as pa

from cli.drafting.table_profile import ColumnProfile, distinct_rows
from cli.drafting.table_sample import LONGEST_VALUE

_LARGEST_KEY = 3
# Each trial groups the whole sample: with these bounds a wide table costs seconds, not minutes.
_MOST_COLUMNS = 10
_MOST_TRIALS = 60


def candidate_keys(rows: pa.Table, profiles: Mapping[str, ColumnProfile]) -> tuple[tuple[str, ...], ...]:
    """Sets of columns, none of them ever NULL, that no two rows share; only the smallest ones, in the source's order.

    Measures (decimals and floats) are left out: that no two amounts are equal is an accident. An empty table has none.
    """
    if not rows.num_rows:
        return ()
    possible = [name for name in rows.column_names if _is_possible(rows.column(name).type, profiles[name])]
    alone = [name for name in possible if profiles[name].distinct == rows.num_rows]
    if alone:
        return tuple((name,) for name in alone)
    telling = sorted(possible, key=lambda name: -profiles[name].distinct)[:_MOST_COLUMNS]
    kept = [name for name in possible if name in telling and profiles[name].distinct > 1]
    trials = 0
    for size in range(2, _LARGEST_KEY + 1):
        found: list[tuple[str, ...]] = []
        for names in itertools.combinations(kept, size):
            if math.prod(profiles[name].distinct for name in names) < rows.num_rows:
                continue
            trials += 1
            if trials > _MOST_TRIALS:
                return tuple(found)
            if distinct_rows(rows, names) == rows.num_rows:
                found.append(names)
        if found:
            return tuple(found)
    return ()


def _is_possible(kind: pa.DataType, profile: ColumnProfile) -> bool:
    if (
        profile.nulls
        or profile.is_length
        or pa.types.is_floating(kind)
        or (pa.types.is_decimal(kind) and kind.scale > 0)
    ):
        return False
    return profile.text is None or profile.text.longest < LONGEST_VALUE
