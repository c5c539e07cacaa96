"""What a run copies, carries over and drops follows from the two indexes alone."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from lakehouse.source.fingerprint import (
    SourceSlice,
    add_sums,
    dated_predicate,
    fingerprint_of,
    fingerprint_sql,
    plan_slices,
    quick_sums_hold,
    select_sql,
    slices_of,
    undated_predicate,
)
from lakehouse.source.type_map import SourceColumn, plan_column

from lake_model.bronze_manifest import Slice

DAY = date(2026, 11, 20)
ORDER_DATE = plan_column(SourceColumn("order_date", "date", True))
PLANS = (ORDER_DATE, plan_column(SourceColumn("qty", "int(11)", True)), plan_column(SourceColumn("note", "text", True)))

days = st.integers(-3, 3).map(lambda offset: (DAY + timedelta(days=offset)).isoformat())
contents = st.dictionaries(days | st.just("undated"), st.sampled_from(["a", "b"]))


def indexed(content: dict[str, str]) -> dict[str, Slice]:
    """An old index with one row per slice."""
    return {
        name: Slice(name, 1, {}, version, (f"{name}.parquet",), "2026-01-01", version)
        for name, version in content.items()
    }


def found(content: dict[str, str]) -> dict[str, SourceSlice]:
    """The same, at the source."""
    return {name: SourceSlice(name, 1, 0, {}) for name in content}


@given(contents, contents, st.none() | st.just(DAY) | st.just(DAY - timedelta(days=1)))
def test_a_run_of_the_newest_date_makes_the_index_equal_to_the_source_up_to_it(
    old: dict[str, str], new: dict[str, str], newest: date | None
) -> None:
    old = {name: version for name, version in old.items() if name == "undated" or name <= DAY.isoformat()}
    due = {name: version for name, version in new.items() if name == "undated" or name <= DAY.isoformat()}
    plan = plan_slices(indexed(old), found(new), new, DAY, newest)
    after = {item.slice: item.fingerprint for item in plan.carry} | {item.slice: new[item.slice] for item in plan.copy}
    assert after == due
    assert {item.slice for item in plan.copy} == {name for name in due if old.get(name) != due[name]}
    assert set(plan.drop) == set(old) - set(due)
    assert plan.rows_not_yet_due == len(new) - len(due)


@given(contents, contents)
def test_a_backfill_touches_its_own_date_alone(old: dict[str, str], new: dict[str, str]) -> None:
    plan = plan_slices(indexed(old), found(new), new, DAY, DAY + timedelta(days=3))
    own = DAY.isoformat()
    after = {item.slice: item.fingerprint for item in plan.carry} | {item.slice: new[item.slice] for item in plan.copy}
    expected = {name: version for name, version in old.items() if name != own}
    assert after == (expected | {own: new[own]} if own in new else expected)


@given(contents)
def test_an_unchanged_source_has_nothing_to_copy(content: dict[str, str]) -> None:
    due = {name: version for name, version in content.items() if name == "undated" or name <= DAY.isoformat()}
    plan = plan_slices(indexed(due), found(due), due, DAY, DAY)
    assert (plan.copy, plan.drop) == ((), ())
    assert {item.slice for item in plan.carry} == set(due)


@given(contents)
def test_full_detection_copies_all_that_is_due(content: dict[str, str]) -> None:
    due = {name for name in content if name == "undated" or name <= DAY.isoformat()}
    plan = plan_slices(indexed(content), found(content), content, DAY, None, always=True)
    assert {item.slice for item in plan.copy} == due


def test_a_table_that_loses_its_date_column_drops_its_dated_slices() -> None:
    plan = plan_slices(indexed({"2026-11-19": "a", "undated": "a"}), found({"all": "b"}), {"all": "b"}, DAY, DAY)
    assert [item.slice for item in plan.copy] == ["all"]
    assert plan.drop == ("2026-11-19", "undated")


def test_faulty_dates_collapse_to_one_slice_with_exact_sums() -> None:
    rows = [
        (b"20261119", b"2", b"18446744073709551616", b"5"),
        (None, b"1", b"10", b"99999999999999999999999999999"),
        (b"0", b"2", b"20", b"1"),
        (b"20260200", b"3", b"30", None),
        (b"20260231", b"4", b"40", b"-7"),
        (b"101", b"5", b"50", b"0"),
    ]
    assert slices_of(rows, PLANS, dated=True) == {
        "2026-11-19": SourceSlice("2026-11-19", 2, 2**64, {"qty": "5"}),
        "undated": SourceSlice("undated", 15, 150, {"qty": "99999999999999999999999999993"}),
    }


def test_an_empty_table_without_dates_is_one_empty_slice() -> None:
    assert slices_of([(None, b"0", None, None)], PLANS, dated=False) == {
        "all": SourceSlice("all", 0, None, {"qty": "0"})
    }


def test_a_fingerprint_follows_rows_checksum_columns_and_types() -> None:
    base = fingerprint_of(SourceSlice("all", 2, 7, {}), PLANS)
    wider = (ORDER_DATE, plan_column(SourceColumn("qty", "bigint(20)", True)), PLANS[2])
    assert base.startswith("2:")
    assert base == fingerprint_of(SourceSlice("other", 2, 7, {"qty": "1"}), PLANS)
    others = [
        fingerprint_of(SourceSlice("all", 3, 7, {}), PLANS),
        fingerprint_of(SourceSlice("all", 2, 8, {}), PLANS),
        fingerprint_of(SourceSlice("all", 2, 7, {}), PLANS[:2]),
        fingerprint_of(SourceSlice("all", 2, 7, {}), wider),
    ]
    assert len({base, *others}) == 5


def test_a_changed_display_width_is_no_change_of_content() -> None:
    one = fingerprint_of(SourceSlice("all", 1, 1, {}), [plan_column(SourceColumn("qty", "int(11)", True))])
    assert one == fingerprint_of(SourceSlice("all", 1, 1, {}), [plan_column(SourceColumn("qty", "int", True))])


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**30), max_value=10**30)))
def test_sums_are_exact(values: list[Decimal]) -> None:
    total = add_sums([{"a": str(value)} for value in values]).get("a", "0")
    assert Fraction(total) == sum(Fraction(value) for value in values)


def test_quick_sums_take_the_place_of_those_that_have_one() -> None:
    plans = [*PLANS, plan_column(SourceColumn("amount", "decimal(12,2)", True))]
    assert fingerprint_sql("s", "t", plans, ORDER_DATE, False, quick_sums=True) == (
        "SELECT `order_date` + 0, COUNT(*), NULL, CAST(SUM(`qty` * 1e0) AS SIGNED), SUM(`amount`) FROM `s`.`t` "
        "GROUP BY `order_date` + 0"
    )


def test_quick_sums_of_a_slice_of_too_many_rows_do_not_hold() -> None:
    few, many = SourceSlice("a", 2**22, None, {}), SourceSlice("b", 2**22 + 1, None, {})
    assert quick_sums_hold([few], PLANS)
    assert not quick_sums_hold([few, many], PLANS)
    assert quick_sums_hold([few, many], [ORDER_DATE])


def test_statements_quote_every_name() -> None:
    plans = [plan_column(SourceColumn("we`ird", "int(11)", True))]
    assert select_sql("a b", "c`d", plans) == "SELECT `we``ird` FROM `a b`.`c``d`"
    assert fingerprint_sql("a b", "c`d", plans, None, with_checksum=True) == (
        "SELECT NULL, COUNT(*), "
        "SUM(CAST(CONV(LEFT(SHA2(CONCAT_WS(',',IFNULL(`we``ird`,'N')),256),16),16,10) AS UNSIGNED)), "
        "SUM(`we``ird`) FROM `a b`.`c``d`"
    )


def test_consecutive_dates_become_one_half_open_range() -> None:
    dates = [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 25)]
    assert dated_predicate(ORDER_DATE, dates, False) == (
        "((`order_date` >= '2026-11-18' AND `order_date` < '2026-11-20')"
        " OR (`order_date` >= '2026-11-25' AND `order_date` < '2026-11-26'))"
    )


def test_partial_dates_inside_a_range_are_kept_out_where_there_are_any() -> None:
    whole = "COALESCE(FROM_DAYS(TO_DAYS(`order_date`)) = DATE(`order_date`) AND YEAR(`order_date`) > 0, FALSE)"
    assert dated_predicate(ORDER_DATE, [DAY], True).endswith(f" AND {whole}")
    assert undated_predicate(ORDER_DATE) == f"NOT {whole}"


def test_many_scattered_dates_are_listed() -> None:
    dates = [DAY + timedelta(days=2 * index) for index in range(65)]
    predicate = dated_predicate(ORDER_DATE, dates, False)
    bounds = "(`order_date` >= '2026-11-20' AND `order_date` < '2027-03-29')"
    assert predicate.startswith(f"({bounds} AND `order_date` IN ('2026-11-20','2026-11-22',")
    ordered_at = plan_column(SourceColumn("ordered_at", "datetime(6)", True))
    assert " AND DATE(`ordered_at`) IN ('2026-11-20'," in dated_predicate(ordered_at, dates, False)


def test_the_last_day_of_the_calendar_has_no_upper_bound() -> None:
    assert dated_predicate(ORDER_DATE, [date.max], False) == "((`order_date` >= '9999-12-31'))"
