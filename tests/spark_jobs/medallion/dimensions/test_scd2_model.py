"""The rule for landing a snapshot gives the oracle's history after any order of dates."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.spark_jobs.medallion.dimensions.scd2_model import (
    ABSENT,
    UNKNOWN,
    KeyState,
    Observation,
    Told,
    Version,
    land,
    oracle,
)

observations = st.one_of(
    st.sampled_from([Told("a"), Told("b"), Told(None), Told("")]), st.just(ABSENT), st.just(UNKNOWN)
)
landings = st.lists(st.tuples(st.integers(1, 7), observations), min_size=1, max_size=14)


def test_oracle_of_a_change_a_gap_and_an_unknown_day() -> None:
    told: dict[int, Observation] = {1: Told("a"), 2: UNKNOWN, 3: Told("a"), 4: ABSENT, 5: Told("a"), 6: Told(None)}
    assert oracle(told) == [Version(1, 4, "a"), Version(5, 6, "a"), Version(6, None, None)]


# Each example is quick, and a soak takes twenty times as many.
@settings(max_examples=4 * settings.default.max_examples)
@given(landings)
@example([(1, Told("a")), (3, UNKNOWN), (2, Told("b")), (3, Told("a"))])
@example([(2, Told("a")), (2, ABSENT), (2, Told("a")), (1, Told("a"))])
def test_any_order_of_landings_with_repeats_gives_the_oracle(sequence: list[tuple[int, Observation]]) -> None:
    state, processed, last = KeyState(), set[int](), dict[int, Observation]()
    for day, told in sequence:
        land(state, day, told, processed)
        processed.add(day)
        last[day] = told
        assert state.versions == oracle(last)


@settings(max_examples=2 * settings.default.max_examples)
@given(landings, st.data())
def test_days_that_were_skipped_because_nothing_changed_give_the_oracle_too(
    sequence: list[tuple[int, Observation]], data: st.DataObject
) -> None:
    state, processed, last, skipped = KeyState(), set[int](), dict[int, Observation](), set[int]()
    for day, told in sequence:
        newest = max(last, default=None)
        if newest is not None and data.draw(st.booleans(), "a quiet day"):
            # Nothing is done on the day itself, whose key may be in quarantine as well.
            skipped.add(newest + 1)
            last[newest + 1] = last[newest]
            assert [one for one in state.versions if one.tracked] == [one for one in oracle(last) if one.tracked]
        for quiet in sorted(skipped - {day}):
            land(state, quiet, last[quiet], processed)
            processed.add(quiet)
        skipped.clear()
        land(state, day, told, processed)
        processed.add(day)
        last[day] = told
        assert state.versions == oracle(last)


@settings(max_examples=2 * settings.default.max_examples)
@given(landings)
def test_landing_the_same_snapshots_again_changes_nothing(sequence: list[tuple[int, Observation]]) -> None:
    state, processed, last = KeyState(), set[int](), dict[int, Observation]()
    for day, told in sequence:
        land(state, day, told, processed)
        processed.add(day)
        last[day] = told
    before = list(state.versions)
    for day, told in last.items():
        land(state, day, told, processed)
        assert state.versions == before
