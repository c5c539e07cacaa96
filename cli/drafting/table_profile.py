"""Counts what a sample's columns hold. No I/O."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from cli.drafting.table_sample import LONGEST_VALUE, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

BLANKS = " \t\r\n"
NULL_WORDS = {"nan", "null", "none", "nil", "n/a", "#n/a", "na", "n.a.", "undefined", "unknown", "missing", "-", "?"}
PLAUSIBLE_YEARS = range(1900, 2101)
# Control characters other than blanks at the ends: inside a value, or of a kind that trimming leaves.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u00a0\u200b\ufeff]")
# A value that so many rows hold shows none of them alone; one that fewer hold may be a person's, and is never shown.
SHARED_BY = 5
_MOST_VALUES = 20
_MOST_SPELLINGS = 3


@dataclass(frozen=True)
class TextProfile:
    """What only text has; counts are of rows.

    Attributes:
        shortest, longest: lengths in characters, of values that are not NULL.
        blank_ends: values that begin or end in blanks; `blank_kinds` are those blanks.
        empty: values that are empty, or blanks alone.
        control: values with control characters, or blanks of other kinds, other than those at their ends.
        null_words: words that often stand for NULL, in their own spelling.
        spellings: some groups of values that differ in upper and lower case alone, each held by `SHARED_BY` rows;
            `spelling_groups` is how many groups there are in all rows.
        folds_when_trimmed: whether trimming makes two different values one.
    """

    shortest: int = 0
    longest: int = 0
    blank_ends: int = 0
    blank_kinds: str = ""
    empty: int = 0
    control: int = 0
    null_words: Mapping[str, int] = field(default_factory=dict)
    spellings: tuple[tuple[str, ...], ...] = ()
    spelling_groups: int = 0
    folds_when_trimmed: bool = False


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds in the sample; counts are of rows.

    Attributes:
        nulls: NULLs as the copy would have them, so zero dates too.
        distinct: different values, NULL not among them.
        lowest, highest: of numbers and dates; None where all is NULL. `ends_are_shared`: `SHARED_BY` rows hold each.
        is_length: the values were bytes, and everything here but `nulls` is of their lengths.
        negative, zero: of numbers.
        implausible: dates outside `PLAUSIBLE_YEARS`.
        values: every value with its count, the most frequent first, where there are at most 20.
        examples: two values of the first rows that `SHARED_BY` rows hold.
        substitutions: values that the copy replaces, by reason.
        text: of a text column.
    """

    name: str
    rows: int
    nulls: int
    distinct: int
    lowest: Any = None
    highest: Any = None
    ends_are_shared: bool = False
    is_length: bool = False
    negative: int = 0
    zero: int = 0
    implausible: int = 0
    values: tuple[tuple[Any, int], ...] = ()
    examples: tuple[Any, ...] = ()
    substitutions: Mapping[str, int] = field(default_factory=dict)
    text: TextProfile | None = None


def profile_columns(sample: Sample) -> dict[str, ColumnProfile]:
    """A profile of each column, by name."""
    return {
        name: replace(
            _profile(name, sample.rows.column(name), sample.lengths.get(name), sample.substitutions.get(name, {})),
            is_length=name in sample.only_lengths,
        )
        for name in sample.rows.column_names
    }


def repeated_rows(sample: Sample, trimmed: Collection[str] = ()) -> int:
    """How many rows are equal to an earlier row in every column (as far as long values were read).

    Args:
        sample: the rows.
        trimmed: columns of text that are compared without blanks at their ends.
    """
    rows = sample.rows
    for name in trimmed:
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, pc.utf8_trim(rows.column(name), BLANKS))
    return rows.num_rows - distinct_rows(rows, rows.column_names) if rows.num_rows else 0


def distinct_rows(rows: pa.Table, names: Sequence[str]) -> int:
    """How many different combinations of values the columns hold."""
    # By names of our own: Arrow takes `.a` or `[0]` for a path into a value.
    keys = pa.table({f"column_{number}": rows.column(name) for number, name in enumerate(names)})
    return int(keys.group_by(keys.column_names).aggregate([]).num_rows)


def _profile(
    name: str, column: pa.ChunkedArray, lengths: pa.ChunkedArray | None, substitutions: Mapping[str, int]
) -> ColumnProfile:
    present = column.drop_null()
    counted = _counted(present)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
    numeric = pa.types.is_integer(column.type) or pa.types.is_decimal(column.type) or pa.types.is_floating(column.type)
    timed = pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)
    ends = (min(counted), max(counted)) if counted and (numeric or timed) else None
    first = dict.fromkeys(present.slice(0, 100).to_pylist())
    return ColumnProfile(
        name=name,
        rows=len(column),
        nulls=column.null_count,
        distinct=len(counted),
        lowest=ends[0] if ends else None,
        highest=ends[1] if ends else None,
        ends_are_shared=ends is not None and all(counted[end] >= SHARED_BY for end in ends),
        negative=_rows_where(counted, lambda value: value < 0) if numeric else 0,
        zero=_rows_where(counted, lambda value: value == 0) if numeric else 0,
        implausible=_rows_where(counted, lambda value: value.year not in PLAUSIBLE_YEARS) if timed else 0,
        values=tuple(ordered) if len(ordered) <= _MOST_VALUES else (),
        examples=tuple(value for value in first if counted[value] >= SHARED_BY)[:2],
        substitutions=dict(substitutions),
        text=_profile_text(counted, lengths) if pa.types.is_string(column.type) else None,
    )


def _counted(present: pa.ChunkedArray) -> dict[Any, int]:
    counts = pc.value_counts(present)
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _rows_where(counted: Mapping[Any, int], holds: Any) -> int:
    return sum(count for value, count in counted.items() if holds(value))


def _profile_text(counted: Mapping[str, int], lengths: pa.ChunkedArray | None) -> TextProfile:
    bounds = pc.min_max(lengths).as_py() if lengths is not None and len(lengths) else {}
    # A value that was cut off does not end where it seems to.
    whole = {value: count for value, count in counted.items() if len(value) < LONGEST_VALUE}
    ended = [(value, count) for value, count in whole.items() if value != value.strip(BLANKS)]
    kinds = {end for value, _ in ended for end in _ends(value)}
    words: Counter[str] = Counter()
    for value, count in whole.items():
        if value.strip(BLANKS).casefold() in NULL_WORDS:
            words[value.strip(BLANKS)] += count
    groups = _spellings(whole)
    shared = [group for group in groups if all(count >= SHARED_BY for count in group.values())]
    return TextProfile(
        shortest=bounds.get("min") or 0,
        longest=bounds.get("max") or 0,
        blank_ends=sum(count for _, count in ended),
        blank_kinds="".join(blank for blank in BLANKS if blank in kinds),
        empty=_rows_where(whole, lambda value: not value.strip(BLANKS)),
        control=_rows_where(counted, lambda value: _CONTROL.search(value.strip(BLANKS)) is not None),
        null_words=dict(sorted(words.items())),
        spellings=tuple(tuple(group) for group in shared[:_MOST_SPELLINGS]),
        spelling_groups=len(groups),
        folds_when_trimmed=len({value.strip(BLANKS) for value in whole}) < len(whole),
    )


def _ends(value: str) -> str:
    start = value[: len(value) - len(value.lstrip(BLANKS))]
    return start + value[len(value.rstrip(BLANKS)) :]


def _spellings(values: Mapping[str, int]) -> list[dict[str, int]]:
    """Groups of values that differ in upper and lower case alone, each value with its rows, in order."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for value, count in values.items():
        groups[value.strip(BLANKS).casefold()][value.strip(BLANKS)] += count
    return [dict(sorted(group.items())) for _, group in sorted(groups.items()) if len(group) > 1]


def shown(value: Any) -> str:
    """A value as a person reads it, on one line, whatever it holds, and short."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | Decimal | int | float):
        return str(value)
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= 24 else text[:23] + "…"
    return "'" + "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in cut) + "'"


def listed(values: Sequence[Any]) -> str:
    """Values as a person reads them, by comma."""
    return ", ".join(shown(value) for value in values)
