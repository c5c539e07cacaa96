"""Limits on how many of a run's rows may break a rule: pure, without Spark."""

from __future__ import annotations


def test_limits_on_rows_that_break_rules() -> None:
    from medallion.quality.expectations import counted_verdicts
    from medallion.quality.quality_counts import Counts

    from lake_model.contracts.limits import Limit, at_most
    from lake_model.contracts.silver_contract import Rule, Severity, SilverContract, TableKind

    counted = Rule("nulls", "too many NULLs", ("a",), "is_not_null", Severity.WARNING,
                   limit=Limit("mustBeLessThan", ("10",), "percent"))  # fmt: skip
    marking = Rule("low", "too low", ("a",), "sql_expression", Severity.ERROR)
    of = SilverContract(
        "sales.odcs.yaml", "shop", "sales", "sales", TableKind.FACT, columns=(), date_column="day",
        rules=(marking,), counted=(counted,),
        stop_above={"quarantined": at_most("5", "percent"), "low": at_most("20", "rows")},
    )  # fmt: skip
    counts = [Counts("1", 150, 12, 0, {"nulls": 10, "low": 12}), Counts("2", 50, 0, 1, {"nulls": 9})]
    found = counted_verdicts(of, counts)
    assert [(one.rule, one.shown, one.met, one.stops) for one in found] == [
        ("nulls", "19 of 200 rows (9.50 %)", True, False),
        ("quarantined", "12 of 200 rows (6.00 %)", False, True),
        ("low", "12 of 200 rows (6.00 %)", True, False),
    ]
    assert [one.met for one in counted_verdicts(of, [])] == [True, True, True]
