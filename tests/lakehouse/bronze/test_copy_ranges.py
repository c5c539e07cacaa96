"""Cutting a copy into ranges."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from lakehouse.bronze.copy_ranges import CopyRange, cut, key_parts, ranges_of_days, ranges_of_slices
from lakehouse.source.fingerprint import SourceSlice
from lakehouse.source.type_map import SourceColumn, plan_column

SOLD_ON = plan_column(SourceColumn("sold_on", "date", True))
CODE = plan_column(SourceColumn("code", "bigint(20)", False))
WHOLE = "COALESCE(FROM_DAYS(TO_DAYS(`sold_on`)) = DATE(`sold_on`) AND YEAR(`sold_on`) > 0, FALSE)"


def day(number: int) -> date:
    return date(2026, 3, number)


def span(first: int, last: int) -> str:
    return f"(`sold_on` >= '{day(first)}' AND `sold_on` < '{day(last + 1)}')"


# A busy machine is no fault of the cut's.
@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=200), st.integers(1, 60))
def test_pieces_cover_the_span_and_are_small_unless_they_are_one_number(values: list[int], most: int) -> None:
    values.sort()

    def count(first: int, after: int) -> int:
        return bisect_left(values, after) - bisect_left(values, first)

    pieces = cut((0, 10_001), most, count)
    assert [piece[0][0] for piece in pieces] == [0, *(piece[0][1] for piece in pieces[:-1])]
    assert pieces[-1][0][1] == 10_001
    assert all(rows == count(*piece) for piece, rows in pieces)
    assert all(rows <= most or piece[1] - piece[0] == 1 for piece, rows in pieces)


def test_an_odd_date_far_from_all_others_does_not_keep_them_together() -> None:
    first, due = date(1, 1, 1).toordinal(), day(29).toordinal()
    days = [date(1970, 1, 1).toordinal(), *(number for number in range(day(1).toordinal(), due) for _ in range(10))]
    ranges = ranges_of_days(
        SOLD_ON, (first, due), [], True, 100, lambda low, high: bisect_left(days, high) - bisect_left(days, low)
    )
    assert 3 <= len(ranges) <= 6
    assert ranges[0].predicate is not None
    assert ranges[0].predicate.startswith("((`sold_on` >= '0001-01-01' AND `sold_on` < '2026-03-")


def test_nobody_knows_how_many_rows_there_are_so_it_is_one_range() -> None:
    due = (day(1).toordinal(), day(11).toordinal())
    assert ranges_of_days(SOLD_ON, due, [], True, 100, lambda *_: None) == [CopyRange(f"({span(1, 10)}) AND {WHOLE}")]


def test_landed_dates_are_left_out() -> None:
    due = (day(1).toordinal(), day(11).toordinal())
    ranges = ranges_of_days(SOLD_ON, due, [day(3), day(4), day(10), day(20)], True, 100, lambda low, high: high - low)
    assert ranges == [CopyRange(f"({span(1, 2)} OR {span(5, 9)}) AND {WHOLE}")]
    assert ranges_of_days(SOLD_ON, due, [day(number) for number in range(1, 11)], True, 100, lambda *_: 1) == []


def test_slices_are_grouped_by_their_rows_and_the_undated_stand_apart() -> None:
    slices = [SourceSlice(f"2026-03-0{number}", rows, 1, {}) for number, rows in ((1, 40), (2, 60), (3, 10), (5, 500))]
    undated = SourceSlice("undated", 7, 1, {})
    ranges = ranges_of_slices(SOLD_ON, [*slices, undated], False, 100)
    assert ranges == [
        CopyRange(f"({span(1, 2)})", (slices[0], slices[1])),
        CopyRange(f"({span(3, 3)})", (slices[2],)),
        CopyRange(f"({span(5, 5)})", (slices[3],)),
        CopyRange(f"NOT {WHOLE}", (undated,)),
    ]
    assert [one.slices for one in ranges_of_slices(SOLD_ON, [*slices, undated], False, None)] == [
        tuple(slices),
        (undated,),
    ]


def test_parts_by_key_leave_no_key_out() -> None:
    parts = key_parts(CODE, "a = 1 OR b = 2", (-8, 8), 4, lambda low, high: high - low)
    assert parts == [
        "(a = 1 OR b = 2) AND `code` < -4",
        "(a = 1 OR b = 2) AND `code` >= -4 AND `code` < 0",
        "(a = 1 OR b = 2) AND `code` >= 0 AND `code` < 4",
        "(a = 1 OR b = 2) AND `code` >= 4",
    ]
    assert key_parts(CODE, None, (0, 8), 4, lambda low, high: high - low) == ["`code` < 4", "`code` >= 4"]
    assert key_parts(CODE, None, (0, 8), 8, lambda low, high: high - low) == []
