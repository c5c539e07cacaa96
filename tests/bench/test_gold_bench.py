"""The last line of the bench of gold."""

from __future__ import annotations

from bench.gold_bench import Result, summary


def test_each_case_is_a_share_of_the_rebuild_and_one_that_came_out_wrong_is_not_hidden() -> None:
    results = [
        Result("rebuild", "full", 1000, 20.0, 30.0, is_right=True),
        Result("one new date, three late ones", "incremental", 4, 1.0, 1.0, is_right=True),
        Result("1% of customers renamed", "incremental", 1001, 5.0, 5.0, is_right=False),
        Result("nothing", "unchanged", 0, 0.5, 0.5, is_right=True),
    ]

    assert summary(10_000_000, results) == {
        "rows": 10_000_000,
        "rebuild_s": 20.0,
        "normal_day_share": 0.05,
        "renamed_share": 0.25,
        "unchanged_share": 0.025,
        "right": False,
    }
