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
