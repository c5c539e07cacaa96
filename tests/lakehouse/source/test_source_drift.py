"""Changed source columns stop a contracted copy with a cure, or are reported."""

from __future__ import annotations

from datetime import date

import pytest
from lakehouse.errors import SourceDriftError
from lakehouse.source.source_drift import check_contract, describe_changes, describe_late_snapshot, same_type
from lakehouse.source.type_map import SourceColumn, plan_column

from lake_model.bronze_manifest import Column

PLANS = tuple(
    plan_column(SourceColumn(name, mysql_type, True))
    for name, mysql_type in [("code", "varchar(16)"), ("qty", "int(11)"), ("sold_on", "date")]
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("int(11)", "int"),
        ("INT(11) UNSIGNED", "int unsigned"),
        ("bigint(20)", "bigint"),
        ("integer", "int(11)"),
        ("numeric(14, 2)", "decimal(14,2)"),
        ("decimal", "decimal(10,0)"),
        ("decimal(12)", "decimal(12,0)"),
        ("boolean", "tinyint(1)"),
        ("year(4)", "year"),
        ("Enum( 'A','b b' )", "enum('A','b b')"),
        ("json", "longtext"),
        ("geomcollection", "geometrycollection"),
    ],
)
def test_two_spellings_of_one_type_are_the_same(one: str, other: str) -> None:
    assert same_type(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("varchar(16)", "varchar(32)"),
        ("int", "bigint"),
        ("int", "int unsigned"),
        ("tinyint(1)", "tinyint(4)"),
        ("decimal(14,2)", "decimal(14,3)"),
        ("enum('a')", "enum('A')"),
        ("enum('a','b')", "enum('a')"),
        ("datetime", "datetime(6)"),
    ],
)
def test_two_types_are_not_the_same(one: str, other: str) -> None:
    assert not same_type(one, other)


def test_columns_as_contracted_pass() -> None:
    check_contract("s.t", "t.odcs.yaml", [("code", "varchar(16)"), ("qty", "int"), ("sold_on", None)], "sold_on", PLANS)


def test_every_missing_or_retyped_column_is_named_with_its_cure() -> None:
    with pytest.raises(SourceDriftError) as caught:
        check_contract("s.t", "t.odcs.yaml", [("code", "varchar(8)"), ("price", "decimal(8,2)")], None, PLANS)
    assert str(caught.value).splitlines() == [
        "s.t: column code is varchar(8) by contract, but varchar(16) at the source; "
        "if that is meant, set physicalType of code to varchar(16) in t.odcs.yaml",
        "s.t: column price (decimal(8,2)) is missing at the source; "
        "if that is meant, remove the property price from t.odcs.yaml",
    ]


@pytest.mark.parametrize(
    ("date_column", "problem"),
    [
        ("gone", "s.t: column gone, dateColumn in t.odcs.yaml, is missing at the source"),
        (
            "qty",
            "s.t: column qty, dateColumn in t.odcs.yaml, is int(11) at the source; "
            "it must be date, datetime, timestamp",
        ),
    ],
)
def test_the_date_column_must_be_a_date(date_column: str, problem: str) -> None:
    with pytest.raises(SourceDriftError) as caught:
        check_contract("s.t", "t.odcs.yaml", [], date_column, PLANS)
    assert str(caught.value) == problem


def test_new_columns_are_reported_against_the_contract() -> None:
    assert describe_changes([("code", "varchar(16)"), ("sold_on", None)], (), PLANS) == (
        "column qty (int(11)) is not in the contract",
    )


def test_a_column_that_looks_renamed_is_named() -> None:
    with pytest.raises(SourceDriftError) as caught:
        check_contract("s.t", "t.odcs.yaml", [("amount", "int"), ("code", None)], None, PLANS)
    assert str(caught.value) == (
        "s.t: column amount (int) is missing at the source; if that is meant, remove the property amount from "
        "t.odcs.yaml, or if it was renamed, set its physicalName to qty"
    )


def test_a_tolerant_contract_takes_another_type_and_says_so() -> None:
    contracted = [("code", "varchar(8)"), ("qty", "int"), ("sold_on", None)]
    check_contract("s.t", "t.odcs.yaml", contracted, "sold_on", PLANS, "tolerant")
    assert describe_changes(contracted, (), PLANS) == (
        "column code is varchar(8) by contract, and is taken as varchar(16)",
    )
    with pytest.raises(SourceDriftError, match=r"column price .* is missing at the source"):
        check_contract("s.t", "t.odcs.yaml", [("price", "int")], None, PLANS, "tolerant")


@pytest.mark.parametrize(
    ("mysql_type", "reason"),
    [
        ("varchar(9)", "which is not summed there"),
        ("bit(8)", "which is not summed there"),
        ("year", "which is not summed there"),
        ("decimal(65,30)", "which is not summed there"),
        ("double", "whose sum depends on the order of its rows"),
    ],
)
def test_a_measure_that_the_source_cannot_sum_is_refused_whatever_the_policy(mysql_type: str, reason: str) -> None:
    plans = (plan_column(SourceColumn("amount", mysql_type, True)),)
    with pytest.raises(SourceDriftError) as caught:
        check_contract("s.t", "t.odcs.yaml", [("amount", None)], None, plans, "tolerant", ["amount"])
    assert str(caught.value) == (
        f"s.t: column amount, one of measures in t.odcs.yaml, is {mysql_type} at the source, {reason}: remove it from "
        "measures, or copy a view that casts it to a decimal"
    )
    check_contract("s.t", "t.odcs.yaml", [("amount", None)], None, plans, "tolerant", [])


def test_a_strict_contract_refuses_what_it_does_not_know() -> None:
    contracted = [("code", "varchar(16)"), ("sold_on", None)]
    with pytest.raises(SourceDriftError) as caught:
        check_contract("s.t", "t.odcs.yaml", contracted, None, PLANS, "strict")
    assert str(caught.value) == (
        "s.t: column qty (int(11)) is not in the contract, and its sourceDrift is strict; if that is meant, add a "
        "property qty with physicalType int(11) to t.odcs.yaml"
    )
    check_contract("s.t", "t.odcs.yaml", [], None, PLANS, "strict")


def test_changes_of_columns_beside_the_contract_are_reported() -> None:
    before = (
        Column("code", "varchar(8)", "string", True),
        Column("qty", "bigint", "int64", True),
        Column("old", "text", "string", True),
    )
    assert describe_changes([("code", None), ("sold_on", None)], before, PLANS) == (
        "column qty (int(11)) is not in the contract",
        "column qty was bigint and is int(11)",
        "column old (text) is gone",
    )


def test_a_snapshot_of_long_ago_says_when_it_was_taken() -> None:
    day = date(2026, 11, 20)
    assert describe_late_snapshot(day, date(2026, 11, 20)) == describe_late_snapshot(day, date(2026, 11, 21)) == ()
    assert describe_late_snapshot(day, date(2026, 11, 24)) == (
        "the snapshot of 2026-11-20 was taken 4 days late, on 2026-11-24: it shows the table as it was then",
    )


def test_without_a_contract_changes_since_the_last_copy_are_reported() -> None:
    before = (
        Column("code", "varchar(8)", "string", True),
        Column("qty", "int", "int32", True),
        Column("old", "text", "string", True),
    )
    assert describe_changes((), before, PLANS) == (
        "column code was varchar(8) and is varchar(16)",
        "column sold_on (date) is new",
        "column old (text) is gone",
    )
    assert describe_changes((), (), PLANS) == ()
