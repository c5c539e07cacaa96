"""What a contract expects of a landed table, judged from its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lake_model.bronze_manifest import Slice
from lake_model.contracts.limits import Limit
from lake_model.contracts.silver_contract import Expectation, Metric, Severity, SilverContract, TableKind
from lake_model.landed_verdicts import Verdict, landed_verdicts

DAY = dt.date(2026, 11, 20)


def contract(**values: Any) -> SilverContract:
    fields = {"columns": (), "rules": (), "date_column": "day"} | values
    return SilverContract("sales.odcs.yaml", "shop", "sales", "sales", TableKind.FACT, **fields)


def expectation(metric: str, operator: str, *bounds: str, unit: str = "rows", **values: Any) -> SilverContract:
    one = Expectation("rule", "told", Metric(metric), Limit(operator, bounds, unit), Severity.ERROR, **values)
    return contract(expectations=(one,))


def verdicts(
    of: SilverContract, rows: dict[int, int], changed: Collection[int], *, has_history: bool = True
) -> list[Verdict]:
    """``rows`` and ``changed`` count days back from the business date; each row is worth 10."""

    def name(back: int) -> str:
        return (DAY - dt.timedelta(days=back)).isoformat()

    slices = {
        name(back): Slice(name(back), count, {"amount": f"{count}0.00"}, "f", (), "2026-11-20")
        for back, count in rows.items()
    }
    return landed_verdicts(of, slices, [name(back) for back in changed], DAY, has_history=has_history)


def told(found: list[Verdict]) -> list[tuple[str, Decimal | None, bool]]:
    return [(one.slice, one.value, one.met) for one in found]


def test_rows_of_the_whole_table() -> None:
    of = expectation("rowCount", "mustBeGreaterThan", "10")
    assert told(verdicts(of, {0: 5, 1: 6}, [])) == [("all", Decimal(11), True)]
    assert told(verdicts(of, {}, [])) == [("all", Decimal(0), False)]


def test_rows_of_each_changed_date_and_of_a_business_date_without_any() -> None:
    of = expectation("rowCount", "mustBeGreaterOrEqualTo", "5", by_date=True)
    assert told(verdicts(of, {0: 5, 1: 4, 2: 1}, [0, 1])) == [
        ("2026-11-19", Decimal(4), False),
        ("2026-11-20", Decimal(5), True),
    ]
    assert told(verdicts(of, {1: 9}, [])) == [("2026-11-20", Decimal(0), False)]


def test_a_date_beside_the_median_of_the_days_before() -> None:
    of = expectation(
        "sum", "mustBeBetween", "50", "200", unit="percent", column="amount", by_date=True, trailing_days=4
    )
    rows = {0: 4, 1: 10, 2: 10, 3: 900, 4: 10, 5: 1}
    (one,) = verdicts(of, rows, [0])
    assert (one.value, one.met) == (Decimal(40), False)
    assert one.shown == "40.00 is 40.0 % of 100.00, the median of the 4 days before"
    # The first load is history; and one day of four says nothing of what is usual.
    assert verdicts(of, rows, [0], has_history=False) == []
    assert verdicts(of, {0: 4, 1: 10}, [0]) == []
    # A date that lost all its rows is judged too.
    assert told(verdicts(of, dict.fromkeys(range(1, 5), 10), [0])) == [("2026-11-20", Decimal(0), False)]


def test_the_age_of_the_newest_date() -> None:
    of = expectation("freshness", "mustBeLessOrEqualTo", "2", unit="days", column="day")
    assert told(verdicts(of, {2: 1, 9: 1}, [])) == [("all", Decimal(2), True)]
    assert told(verdicts(of, {3: 1, 0: 0}, [])) == [("all", Decimal(3), False)]
    assert told(verdicts(of, {}, [])) == [("all", None, False)]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.integers(0, 9), st.integers(0, 20), max_size=10),
    st.sets(st.integers(0, 9), max_size=5),
    st.integers(1, 7),
)
def test_the_order_of_slices_changes_no_verdict(rows: dict[int, int], changed: set[int], days: int) -> None:
    of = expectation("rowCount", "mustBeBetween", "50", "200", unit="percent", by_date=True, trailing_days=days)
    backwards = dict(reversed(list(rows.items())))
    assert verdicts(of, rows, sorted(changed)) == verdicts(of, backwards, sorted(changed, reverse=True))
