"""What a table is taken for, and why."""

from __future__ import annotations

import pytest

from cli.drafting.guesses import Guesses, guess
from cli.drafting.source_description import DescribedColumn, Index, TableDescription
from cli.drafting.table_profile import ColumnProfile


def guessed(columns: str, key: tuple[str, ...] = (), found: tuple[tuple[str, ...], ...] = ()) -> Guesses:
    """The guesses for columns written as in CREATE TABLE."""
    described = tuple(
        DescribedColumn(name, kind, name not in key)
        for name, kind in (one.split(" ", 1) for one in columns.split(", "))
    )
    indexes = (Index("PRIMARY", key, True),) if key else ()
    table = TableDescription("s", "t", False, "", 9, described, indexes)
    profiles = {column.name: ColumnProfile(column.name, 9, 0, 9) for column in described}
    return guess(table, profiles, found, True)


@pytest.mark.parametrize(
    ("columns", "key", "kind", "reason"),
    [
        ("product_code varchar(8), name varchar(40)", ("product_code",), "dimension", "no column dates its rows"),
        ("date date, year int", ("date",), "dimension", "its key is the date date: a calendar"),
        (
            "id int, customer_id int, order_date date, amount decimal(9,2)",
            ("id",),
            "fact",
            "order_date dates its rows, and amount is an amount",
        ),
        (
            "user_id int, page_id int, event_time datetime",
            (),
            "fact",
            "event_time dates its rows, and they refer to other tables (page_id, user_id)",
        ),
        (
            "code int, price decimal(9,2), updated_at datetime",
            ("code",),
            "dimension",
            "it has a key, and its dates and amounts do not look like those of events",
        ),
    ],
)
def test_the_kind_has_a_reason(columns: str, key: tuple[str, ...], kind: str, reason: str) -> None:
    found = guessed(columns, key)

    assert (found.kind, found.kind_reason) == (kind, reason)


def test_the_date_of_the_event_is_preferred_to_that_of_the_row() -> None:
    found = guessed("created_at datetime, ship_by date, order_date date, product_id int, amount decimal(9,2)")

    assert (found.date_column, found.other_dates, found.audit) == (
        "order_date",
        ("ship_by", "created_at"),
        ("created_at",),
    )


def test_measures_are_exact_and_no_keys() -> None:
    found = guessed("id int, shop_id int, day date, qty int, share double, amount decimal(9,2)", ("id",))

    assert (found.kind, found.measures) == ("fact", ("qty", "amount"))


def test_a_declared_key_is_preferred_to_one_that_was_found() -> None:
    assert guessed("a int, b int", ("b",), (("a",),)).key == ("b",)
    assert guessed("a int, b int", (), (("a",), ("b",))).key_reason.startswith("no two rows of the table today")
    assert guessed("name text, code text").key_reason.startswith("NOT a key")
    assert guessed("name text, code text").key == ("code",)
