"""The last line of the bench of dimensions."""

from __future__ import annotations

from bench.scd2_bench import NOT_COPIED, Result, best, summary


def test_speed_is_told_against_the_fastest_peer_of_each_case() -> None:
    results = [
        Result("late day", "ours", 1.0, 1.0, 0, True),
        Result("late day", "a", 1.0, 1.0, 0, False),
        Result("late day", "b", 1.0, 1.0, 0, False),
        Result(NOT_COPIED, "ours", 0.5, 1.0, 0, True),
        *[Result(f"{share} %", "ours", 2.0, 1.0, 0, True) for share in (0, 1, 20)],
        *[Result(f"{share} %", "a", 8.0, 1.0, 0, True) for share in (0, 1, 20)],
        *[Result(f"{share} %", "b", 6.0 + share, 1.0, 0, True) for share in (0, 1, 20)],
    ]
    assert summary(6_000_000, results, "ours") == {
        "rows": 6_000_000,
        "speedup_0pct": 3.0,
        "speedup_0pct_not_copied": 12.0,
        "speedup_1pct": 3.5,
        "speedup_20pct": 4.0,
        "right": ["ours"],
    }


def test_of_several_rounds_the_quickest_counts_and_all_must_be_right() -> None:
    rounds = [
        Result("1 %", "a", 3.0, 5.0, 7, True),
        Result("1 %", "b", 2.0, 1.0, 7, True),
        Result("1 %", "a", 2.5, 6.0, 7, False),
        Result("1 %", "b", 4.0, 1.0, 7, True),
    ]
    assert best(rounds) == [Result("1 %", "a", 2.5, 6.0, 7, False), Result("1 %", "b", 2.0, 1.0, 7, True)]
