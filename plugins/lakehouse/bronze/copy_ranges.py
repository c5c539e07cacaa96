"""Cutting what a copy reads into ranges: each is read, verified and kept by itself. No I/O.

A failed copy loses the range that it was at, and a later one begins from there (drafts.py). Ranges may be read at once,
each on a session of its own (range_copy.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from lake_model.bronze_manifest import UNDATED
from lakehouse.source.fingerprint import SourceSlice, copy_predicates, spans_predicate
from lakehouse.source.sql_text import quote_identifier
from lakehouse.source.type_map import ColumnPlan

# How many rows a half-open range of whole numbers holds, as far as is known; None: not known.
Estimate = Callable[[int, int], int | None]
Span = tuple[int, int]

# Each costs a look into an index; so many find an odd date far from all the others.
_MOST_CUTS = 200


@dataclass(frozen=True)
class CopyRange:
    """Rows that are verified together.

    Attributes:
        predicate: of all its rows; None: every row of the table.
        slices: what it holds, as the source counted it; empty where that is not known yet.
        parts: predicates that share its rows out, so that they can be read at once; empty: it is read as a whole.
    """

    predicate: str | None
    slices: tuple[SourceSlice, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str | None, ...]:
        """The predicates of the statements that read it."""
        return self.parts or (self.predicate,)


def ranges_of_slices(
    date_column: ColumnPlan | None, wanted: Sequence[SourceSlice], may_be_undated: bool, most_rows: int | None
) -> list[CopyRange]:
    """The ranges of slices whose rows are counted.

    Args:
        date_column: the column that dates the rows; None for a table of one slice.
        wanted: the slices, in order of their dates.
        may_be_undated: whether the source may have rows of no date.
        most_rows: of a range, unless one date has more; None: one statement for all dates.
    """
    dated = [item for item in wanted if item.slice != UNDATED]
    groups = [dated] if date_column is None or most_rows is None else list(_groups(dated, most_rows))
    groups.append([item for item in wanted if item.slice == UNDATED])
    return [
        CopyRange(predicate, tuple(slices))
        for group in groups
        for predicate, slices in copy_predicates(date_column, group, may_be_undated)
    ]


def _groups(slices: Sequence[SourceSlice], most_rows: int) -> Iterator[list[SourceSlice]]:
    group: list[SourceSlice] = []
    for item in slices:
        if group and sum(one.rows for one in group) + item.rows > most_rows:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def ranges_of_days(
    date_column: ColumnPlan, due: Span, landed: Collection[date], may_be_undated: bool, most_rows: int,
    estimate: Estimate,
) -> list[CopyRange]:  # fmt: skip
    """Ranges of all dates that are due, but for those that are landed.

    Args:
        date_column: the column that dates the rows.
        due: the dates that are due, as ordinals.
        landed: dates to leave out.
        may_be_undated: whether the source may have rows of no date.
        most_rows: of a range, by the estimate, unless one date has more.
        estimate: rows between two dates, given as ordinals.
    """
    gaps = _gaps(due, sorted(day.toordinal() for day in landed))
    pieces = [piece for gap in gaps for piece in cut(gap, most_rows, estimate)]
    return [
        CopyRange(spans_predicate(date_column, [_days(span) for span in group], may_be_undated))
        for group in _merged(pieces, most_rows)
    ]


def key_parts(key: ColumnPlan, predicate: str | None, span: Span, most_rows: int, estimate: Estimate) -> list[str]:
    """Predicates that share a range's rows out by a key of whole numbers.

    Args:
        key: the column.
        predicate: of the range.
        span: from the smallest key to that after the largest.
        most_rows: of a part, by the estimate.
        estimate: rows between two keys, of the whole table.
    """
    column = quote_identifier(key.name)
    edges = [group[0][0] for group in _merged(cut(span, most_rows, estimate), most_rows)][1:]
    parts = []
    for low, high in zip([None, *edges], [*edges, None], strict=True):
        sides = [f"{column} >= {low}" if low is not None else "", f"{column} < {high}" if high is not None else ""]
        parts.append(" AND ".join(side for side in (f"({predicate})" if predicate else "", *sides) if side))
    return parts if len(parts) > 1 else []


def cut(span: Span, most_rows: int, estimate: Estimate) -> list[tuple[Span, int]]:
    """Halve a half-open range of whole numbers, always its fullest piece, until no piece has more than so many rows.

    Returns:
        The pieces in order, each with its estimated rows; one piece where it is not known.
    """
    pieces = [(span, estimate(*span) or 0)]
    for _ in range(_MOST_CUTS):
        full = [piece for piece in pieces if piece[1] > most_rows and piece[0][1] - piece[0][0] > 1]
        if not full:
            break
        fullest = max(full, key=lambda piece: piece[1])
        (start, after), _ = fullest
        middle = (start + after) // 2
        place = pieces.index(fullest)
        pieces[place : place + 1] = [
            ((one, other), estimate(one, other) or 0) for one, other in ((start, middle), (middle, after))
        ]
    return pieces


def _merged(pieces: Sequence[tuple[Span, int]], most_rows: int) -> list[list[Span]]:
    """Neighbours that are small enough together."""
    groups: list[list[Span]] = []
    room = 0
    for span, rows in pieces:
        if groups and rows <= room:
            before = groups[-1][-1]
            if before[1] == span[0]:
                groups[-1][-1] = (before[0], span[1])
            else:
                groups[-1].append(span)
            room -= rows
        else:
            groups.append([span])
            room = most_rows - rows
    return groups


def _gaps(span: Span, landed: Sequence[int]) -> Iterator[Span]:
    """What of a span lies between landed days, and before and after them."""
    start, after = span
    for day in landed:
        if start < min(day, after):
            yield start, min(day, after)
        start = max(start, day + 1)
    if start < after:
        yield start, after


def _days(span: Span) -> tuple[date, date]:
    return date.fromordinal(span[0]), date.fromordinal(span[1] - 1)
