"""What a draft cleans unasked, and how it names a column where Spark could read the name as something else."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cli.drafting.doubts import describe, doubts_of_collation, transform_of
from cli.drafting.source_description import DescribedColumn
from cli.drafting.table_profile import ColumnProfile, profile_columns
from cli.drafting.table_sample import Sample


def profile(values: list[object]) -> ColumnProfile:
    rows = pa.table({"c": values})
    return profile_columns(Sample(rows, frozenset(), {}, {}, True, ""))["c"]


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("town", "trim(town)"),
        ("current_date", "trim(`current_date`)"),
        ("current_timestamp", "trim(`current_timestamp`)"),
        ("user", "trim(`user`)"),
        ("session_user", "trim(`session_user`)"),
        ("a`b", "trim(`a``b`)"),
    ],
)
def test_a_name_that_spark_would_take_for_a_function_is_quoted(name: str, expression: str) -> None:
    column = DescribedColumn(name, "varchar(9)", True)

    assert transform_of(column, profile(["x "]), is_key=False) == expression


@pytest.mark.parametrize(
    ("collation", "kinds"),
    [
        ("utf8mb4_general_ci", "case or accents or blanks"),
        ("latin1_swedish_ci", "case or accents or blanks"),
        ("utf8mb4_0900_ai_ci", "case or accents"),
        ("utf8mb4_nopad_general_ci", "case or accents"),
        ("utf8mb4_0900_as_ci", "case"),
        ("uca1400_as_ci", "case or blanks"),
        ("utf8mb4_uca1400_nopad_as_cs", None),
        ("utf8mb4_0900_as_cs", None),
        ("latin1_general_cs", "blanks"),
        ("utf8mb4_bin", "blanks"),
        ("utf8mb4_0900_bin", None),
    ],
)
def test_a_reference_is_doubted_by_what_its_collation_calls_equal(collation: str, kinds: str | None) -> None:
    said = (
        f"at the source it refers to keys that differ in {kinds} too ({collation}), in silver to equal ones alone: "
        "contract check counts such rows, and shows the transformLogic that joins them"
    )
    column = DescribedColumn("code", "varchar(9)", False, collation=collation)

    assert doubts_of_collation(column) == ([said] if kinds else [])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 100], "2 distinct values; between 1 and 100"),
        ([7, 101], "2 distinct values; between 1 and 1,000"),
        ([-101, -7], "2 distinct values; between -1,000 and -1"),
        ([0, 0.25], "2 distinct values; between 0 and 1"),
        ([3, 250_000] * 5, "2 distinct values; 3 to 250000"),
        ([4] * 5, "1 distinct value; 4"),
    ],
)
def test_ends_that_few_rows_hold_are_told_by_powers_of_ten(values: list[object], said: str) -> None:
    assert describe(profile(values), show_values=True) == said
