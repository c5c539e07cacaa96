"""The tables and the last line say what was measured, and leave out what was not."""

from __future__ import annotations

from bench.exactness import Exactness
from bench.measure import Usage
from bench.report import markdown, table
from bench.results import DayResult, ManyResult, Results, WayResult, as_json

WIRE = WayResult("wire", "bare wire", [Usage(2.5, 0.5, 2.0, 6.0), Usage(2.0, 0.4, 1.9, 6.0)])
OURS = WayResult("ours", "ours", [Usage(3.6, 3.0, 2.5, 222.2)], exactness=Exactness(44, {}, {}))
FAST = WayResult(
    "fast", "fast", [Usage(2.2, 3.0, 2.0, 100.0)], exactness=Exactness(44, {"geometry": "panic"}, {"float": 2})
)
LOST = WayResult("lost", "lost", failure="took more than 300 s")
RESULTS = Results(
    rows=1_000,
    header={"machine": "2 cores"},
    ways=[WIRE, OURS, FAST, LOST],
    many=[
        ManyResult("wire", "bare wire", Usage(0.5, 0.1, 0.4, 6.0), 200),
        ManyResult("ours", "ours", Usage(4.0, 3.0, 0.6, 150.0), 201),
        ManyResult("lost", "lost", None, 0, "not available here: no uv"),
    ],
    small_tables=200,
    small_rows=1_000,
    days=[DayResult("nothing changed", 0, 0, Usage(1.0, 0.2, 0.8, 120.0))],
)


def test_the_table_is_sorted_by_time_and_marks_what_failed() -> None:
    lines = markdown(RESULTS, "wire", {"never": "x"}).splitlines()
    first = lines.index("## One table of 1,000 rows and nine columns")
    assert [" ".join(line.replace("|", " ").split()) for line in lines[first + 4 : first + 9]] == [
        "bare wire 2.00 500 1.0 0.4 1.9 6 –",
        "fast 2.20 455 1.1 3.0 2.0 100 2 of 44",
        "ours 3.60 278 1.8 3.0 2.5 222 0 of 44",
        "lost took more than 300 s –",
        "never not available here",
    ]
    assert "- fast: cannot copy geometry" in lines
    assert "- fast: copies other values than the server has (how many): float (2)" in lines


def test_small_tables_are_told_per_table_with_their_connections() -> None:
    lines = [" ".join(line.replace("|", " ").split()) for line in markdown(RESULTS, "wire", {}).splitlines()]
    assert "ours 4.00 20 8.0 3.0 150 201" in lines
    assert "lost not available here: no uv" in lines


def test_a_day_is_compared_with_peers_that_copy_all_again() -> None:
    lines = [" ".join(line.replace("|", " ").split()) for line in markdown(RESULTS, "wire", {}).splitlines()]
    assert "ours: nothing changed 0 0 1.00 0.5 0.2 0.8" in lines
    assert "fast: copies all again all 1,000 2.20 1.1 3.0 2.0" in lines


def test_columns_of_a_table_have_even_widths() -> None:
    assert table(["way", "s"], [["long name", "1.0"], ["x", "10.25"]]) == (
        "| way       |     s |\n|-----------|------:|\n| long name |   1.0 |\n| x         | 10.25 |"
    )


def test_the_last_line_names_the_goal_and_all_peers() -> None:
    found = as_json(RESULTS, "wire", "ours")
    assert (found["rows"], found["wire_s"], found["ours_s"], found["ratio_to_wire"]) == (1_000, 2.0, 3.6, 1.8)
    assert found["peak_mb"] == 222
    assert set(found["peers"]) == {"fast", "lost"}
    assert (found["peers"]["fast"]["seconds"], found["peers"]["fast"]["ratio"]) == (2.2, 1.1)
    assert found["peers"]["fast"]["exactness"] == {
        "columns": 44,
        "faults": 2,
        "failed": ["geometry"],
        "wrong": {"float": 2},
    }
    assert found["peers"]["lost"]["seconds"] is None
    assert found["peers"]["lost"]["error"] == "took more than 300 s"
    assert found["small_tables"]["ways"]["ours"] == {"seconds": 4.0, "connections": 201, "error": None}
    assert [day["ratio_to_wire"] for day in found["changed_dates"]] == [0.5]


def test_without_the_wire_there_are_no_ratios() -> None:
    found = as_json(Results(10, {}, [OURS]), "wire", "ours")
    assert (found["wire_s"], found["ours_s"], found["ratio_to_wire"]) == (None, 3.6, None)
