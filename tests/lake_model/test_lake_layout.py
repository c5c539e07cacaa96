"""Names of schemas, tables and runs become paths and come back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_model.lake_layout import (
    date_folder_name,
    folder_of_name,
    manifest_name,
    name_of_folder,
    part_name,
    run_slug,
    table_folder,
)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("transactions", "transactions"),
        ("Sales_2026", "Sales_2026"),
        ("order items", "order%20items"),
        ("a/b", "a%2Fb"),
        ("semi;colon'quote", "semi%3Bcolon%27quote"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("100%", "100%25"),
        ("dotted.name", "dotted.name"),
        ("..", "%2E%2E"),
        (".", "%2E"),
    ],
)
def test_a_name_has_one_folder(name: str, folder: str) -> None:
    assert folder_of_name(name) == folder


@pytest.mark.parametrize("name", ["销" * 28 + "售", "销" * 64, "a-" + "b" * 250, "ü" * 64])
def test_a_name_that_is_too_long_when_encoded_is_shortened_and_still_one_of_a_kind(name: str) -> None:
    folder = folder_of_name(name)
    assert len(folder) <= 220
    assert folder_of_name(name + "x") != folder
    assert folder_of_name(name[:-1]) != folder
    assert folder_of_name(folder) != folder
    assert name.startswith(name_of_folder(folder).rpartition("+")[0])


# What `str.isprintable` is true of.
printable = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


@given(st.text(printable, min_size=1, max_size=18))
def test_a_folder_gives_its_name_back_and_never_leaves_its_place(name: str) -> None:
    folder = folder_of_name(name)
    assert name_of_folder(folder) == name
    assert "/" not in folder
    assert folder not in {".", ".."}


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_never_share_a_folder(one: str, other: str) -> None:
    assert (folder_of_name(one) == folder_of_name(other)) == (one == other)


def test_paths_of_a_table_are_those_of_the_agreed_layout() -> None:
    day = date(2026, 11, 20)
    assert table_folder(Path("/lake/bronze"), "atliqsale", "order items") == Path(
        "/lake/bronze/atliqsale/order%20items"
    )
    assert date_folder_name(day) == "business_date=2026-11-20"
    assert manifest_name(day) == "business_date=2026-11-20/_manifest.json"
    assert part_name(day, "manual__2026-11-20T00:00:00+00:00", "0123456789ab", 3) == (
        "business_date=2026-11-20/part-manual__2026-11-20T00_00_00_00_00-0123456789ab-3.parquet"
    )


def test_a_run_slug_is_its_own_slug() -> None:
    assert run_slug(run_slug("scheduled__2026-11-20T00:00:00+00:00")) == run_slug(
        "scheduled__2026-11-20T00:00:00+00:00"
    )
