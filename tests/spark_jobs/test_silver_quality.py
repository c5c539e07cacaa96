"""silver.py's limits, expectations, waivers and metrics, from landed rows to stored tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, MARKET, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import date, ledger_row, run_failure, run_job, sale, stored, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3 = "2026-11-18", "2026-11-19", "2026-11-20"
ENTRIES = ("business_date", "state", "corrected_date")
WAIVED = "waived: Returns. (A sale of nothing or less is a booking error; it waits for its correction.)"
EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """The contracts, free to be changed."""
    return Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))


@pytest.fixture
def edit(contracts: Path) -> EditContract:
    def change(name: str, edit: Callable[[dict[str, Any]], None]) -> None:
        path = contracts / f"{name}.odcs.yaml"
        document = yaml.safe_load(path.read_text())
        edit(document["schema"][0])
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    return change


def land(root: Path, day: str, rows: list[tuple[object, ...]]) -> None:
    BronzeLake(root).land_fact("transactions", TRANSACTIONS, day, rows, "order_date")


def metrics(lake: Path, rule: str) -> list[tuple[Any, ...]]:
    columns = ("slice", "rule", "rows_judged", "rows_broken", "outcome")
    return [row for row in stored(lake, "silver/quality_metrics", columns) if row[1] == rule]


def test_rules_over_columns_and_tables_are_judged_counted_and_stop_the_run(
    spark: SparkSession, tmp_path: Path, contracts: Path, edit: EditContract
) -> None:
    def rules(table: dict[str, Any]) -> None:
        one_sale = {"properties": ["product_code", "customer_code", "order_date"]}
        table["quality"] = [
            {
                "name": "one_sale",
                "metric": "duplicateValues",
                "arguments": one_sale,
                "mustBe": 0,
                "severity": "warning",
            },
            {"name": "daily_rows", "metric": "rowCount", "arguments": {"per": "date"}, "mustBeLessThan": 6},
        ]
        currency = next(one for one in table["properties"] if one["name"] == "currency")
        currency["quality"].append(
            {
                "name": "currency_filled",
                "metric": "missingValues",
                "arguments": {"missingValues": [None, "", "N/A"]},
                "mustBeLessThan": 50,
                "unit": "percent",
                "severity": "warning",
            }
        )
        table["customProperties"].append({"property": "stopAbove", "value": {"quarantined": {"percent": 40}}})

    edit("transactions", rules)
    first = [
        sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"),
        sale("Prod001", "Cus001", "Mark002", D1, 2, "10.00"),
        sale("Prod002", "Cus001", "Mark002", D1, 2, "10.00"),
        sale("Prod003", "Cus002", "Mark001", D1, 3, "-1.00"),
    ]
    lake = tmp_path / "lake"
    land(lake, D1, first)
    row = run_job("silver", "transactions", D1, lake, contracts)
    assert row["detail"]["warned_by_reason"] == {"one_sale": 2}
    assert row["detail"]["expectations_not_met"] == []
    assert metrics(lake, "quarantined") == [
        (D1, "quarantined", 4, 1, "broken"),
        ("run", "quarantined", None, None, "met"),
    ]
    assert metrics(lake, "one_sale") == [(D1, "one_sale", 4, 2, "broken")]
    assert metrics(lake, "daily_rows") == [(D1, "daily_rows", None, None, "met")]
    before = version(lake, "silver/quality_metrics")
    run_job("silver", "transactions", D1, lake, contracts)
    assert version(lake, "silver/quality_metrics") == before

    # Two of three are refused, and the currency of two is missing: the run stops, and silver stays as it was.
    spoilt = [
        sale("Prod001", "Cus001", "Mark001", D2, 1, "10.00"),
        sale("Prod001", "Cus001", "Mark002", D2, 1, "10.00", "N/A"),
        sale("Prod001", "Cus001", "Mark003", D2, 1, "10.00", "n/a"),
    ]
    land(lake, D2, [*first, *spoilt])
    tables = ["silver/transactions", "silver/transactions_quarantine", "silver/transactions_progress"]
    before_stop = [version(lake, table) for table in tables]
    failure = run_failure("silver", "transactions", D2, lake, contracts)
    assert failure is not None
    assert "stopped before silver was touched; transactions.odcs.yaml line " in failure
    assert "quarantined (rows go to quarantine): 2 of 3 rows (66.67 %), must be at most 40 %" in failure
    assert "let them pass in waivers.yaml" in failure
    assert [version(lake, table) for table in tables] == before_stop
    ledger = ledger_row("silver", "transactions", D2, lake)
    assert (ledger["status"], ledger["outcome"]) == ("failed", "stopped")
    assert len(ledger["detail"]["expectations_not_met"]) == 1
    assert metrics(lake, "quarantined")[2:] == [
        ("run", "quarantined", None, None, "met"),
        ("run", "quarantined", None, None, "stopped"),
    ]
    assert metrics(lake, "currency_filled")[1:] == [
        (D2, "currency_filled", 3, 2, "broken"),
        ("run", "currency_filled", None, None, "met"),
        ("run", "currency_filled", None, None, "not met"),
    ]

    # Corrected at the source the run goes on; six rows on a date are too many again.
    land(lake, D2, [*first, spoilt[0]])
    run_job("silver", "transactions", D2, lake, contracts)
    land(lake, D3, [*first, *[sale(f"P{n}", "C", "M", D3, 1, "1.00") for n in range(6)]])
    assert "daily_rows (daily_rows) on 2026-11-20: 6 rows, must be less than 6 rows" in str(
        run_failure("silver", "transactions", D3, lake, contracts)
    )


def test_a_waiver_lets_rows_pass_until_it_ends(spark: SparkSession, tmp_path: Path, contracts: Path) -> None:
    lake = tmp_path / "lake"
    rows = [
        sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"),
        sale("Prod002", "Cus001", "Mark001", D1, 1, "-2.00"),
        sale("Prod003", "Cus001", "Mark001", D1, 0, "-3.00"),
        sale("Prod004", "Cus001", "Mark001", D2, 1, "4.00"),
    ]
    columns = ("product_code", "sales_amount", "_warnings")

    def run(day: str) -> tuple[list[Any], list[Any], dict[str, Any]]:
        row = run_job("silver", "transactions", day, lake, contracts)
        accepted = stored(lake, "silver/transactions", columns)
        silver = [(code, amount, [one["message"] for one in told or []]) for code, amount, told in accepted]
        entries = stored(lake, "silver/transactions_quarantine", ("raw_row", "state", "history"))
        states = [(raw.split('"')[3], state, [one["state"] for one in history]) for raw, state, history in entries]
        for one in row["detail"]["dates"]:
            kept = one["rows_silver"] + one["rows_quarantined"] + one["rows_duplicate"]
            assert one["rows_bronze"] == kept
            sums = one["sums"]["sales_amount"]
            kept_sum = sum(Decimal(sums[place]) for place in ("silver", "quarantined", "duplicate"))
            assert Decimal(sums["bronze"]) == kept_sum
        return silver, states, row

    land(lake, D2, rows)
    silver, states, _ = run(D2)
    assert [code for code, _, _ in silver] == ["Prod001", "Prod004"]
    assert states == [("Prod002", "open", ["open"]), ("Prod003", "open", ["open"])]

    # The next run lets the waived row pass; the other breaks a second rule that nobody waived.
    (contracts / "waivers.yaml").write_text(
        "waivers:\n- {table: transactions, rule: sales_amount_positive, reason: Returns., until: 2026-11-20}\n"
    )
    land(lake, D3, rows)
    before = version(lake, "silver/transactions")
    silver, states, row = run(D3)
    assert silver == [
        ("Prod001", Decimal("10.00"), []),
        ("Prod002", Decimal("-2.00"), [WAIVED]),
        ("Prod004", Decimal("4.00"), []),
    ]
    assert states == [("Prod002", "waived", ["open", "waived"]), ("Prod003", "open", ["open"])]
    assert row["detail"]["quarantined_by_reason"] == {"sales_qty_minimum": 1}
    # Only the date that has refused rows was judged again.
    assert row["rows_read"] == 3
    after = version(lake, "silver/transactions")
    assert after == before + 1
    # An older date run again sees the newest date of the lake, not its own.
    assert run(D1)[2]["outcome"] == "unchanged"
    assert version(lake, "silver/transactions") == after

    # It ends, which is told: the row is refused again, in whatever order dates are run.
    assert row["detail"]["waivers_ended"] == []
    land(lake, "2026-11-21", rows)
    for day in ("2026-11-21", D1):
        silver, states, row = run(day)
        assert row["detail"]["waivers_ended"] == [
            "waivers.yaml line 2: it ended on 2026-11-20: the rows that it let pass (Returns.) are refused again; "
            "take it out of the file, or give it a later end"
        ]
        assert [code for code, _, _ in silver] == ["Prod001", "Prod004"]
        assert states == [("Prod002", "open", ["open", "waived", "open"]), ("Prod003", "open", ["open"])]

    columns_of_metrics = ("business_date", "rule", "measured", "outcome")
    told = [one for one in stored(lake, "silver/quality_metrics", columns_of_metrics) if one[3] == "ended"]
    assert told == [(date(day), "sales_amount_positive", 1.0, "ended") for day in (D1, "2026-11-21")]

    # Corrected at the source, it closes by itself.
    rows[1] = sale("Prod002", "Cus001", "Mark001", D1, 1, "2.00")
    land(lake, "2026-11-22", rows)
    silver, states, _ = run("2026-11-22")
    assert [code for code, _, _ in silver] == ["Prod001", "Prod002", "Prod004"]
    assert states == [("Prod002", "corrected", ["open", "waived", "open", "corrected"]), ("Prod003", "open", ["open"])]


def test_a_waived_row_of_a_dimension_is_known_on_the_dates_of_its_waiver(
    spark: SparkSession, tmp_path: Path, contracts: Path
) -> None:
    (contracts / "waivers.yaml").write_text(
        "waivers:\n- table: customer\n  rows: {customer_code: X1}\n  reason: An old code.\n  until: 2026-11-19\n"
    )
    columns = ("customer_code", "customer_name", "valid_from", "valid_to")
    expected = [("X1", "Bo", date(D1), date(D2)), ("X1", "Bob", date(D2), None)]
    found = []
    for number, order in enumerate([(D1, D2, D3), (D3, D2, D1)]):
        lake = tmp_path / f"lake{number}"
        bronze = BronzeLake(lake)
        for day, name in ((D1, "Bo"), (D2, "Bob"), (D3, "Bobby")):
            bronze.land_snapshot("customer", CUSTOMER, day, [("X1", name, "E-Commerce")])
        rows = {day: run_job("silver", "customer", day, lake, contracts) for day in order}
        assert rows[D2]["detail"]["dates"] == [
            {"slice": "all", "rows_bronze": 1, "rows_silver": 1, "rows_quarantined": 0, "rows_duplicate": 0, "sums": {}}
        ]
        # On the third date the waiver has ended: the row is refused, and what it says is unknown.
        assert stored(lake, "silver/customer", columns) == expected
        (told,) = {row[0][0]["message"] for row in stored(lake, "silver/customer", ("_warnings",))}
        assert told == "waived: An old code. (customer_code does not match ^Cus[0-9]{3,}$)"
        found.append(stored(lake, "silver/customer_quarantine", (*ENTRIES, "history")))
    assert found[0] == found[1]
    assert [row[:3] for row in found[0]] == [
        (date(D1), "waived", date(D2)),
        (date(D2), "waived", date(D3)),
        (date(D3), "open", None),
    ]


def test_a_waiver_of_a_dimension_reaches_its_earlier_dates_too_as_a_rebuild_would(
    spark: SparkSession, tmp_path: Path, contracts: Path
) -> None:
    lake, columns = tmp_path / "lake", ("customer_code", "customer_name", "valid_from", "valid_to")
    bronze = BronzeLake(lake)
    for day, name in ((D1, "Bo"), (D2, "Bob")):
        bronze.land_snapshot("customer", CUSTOMER, day, [("X1", name, "E-Commerce"), ("Cus002", "Al", "E-Commerce")])
    run_job("silver", "customer", D1, lake, contracts)
    (contracts / "waivers.yaml").write_text(
        "waivers:\n- table: customer\n  rows: {customer_code: X1}\n  reason: An old code.\n  until: 2026-11-30\n"
    )
    run_job("silver", "customer", D2, lake, contracts)
    found = stored(lake, "silver/customer", columns)
    assert found == [
        ("Cus002", "Al", date(D1), None),
        ("X1", "Bo", date(D1), date(D2)),
        ("X1", "Bob", date(D2), None),
    ]
    run_job("silver", "customer", D2, lake, contracts, flags=("--rebuild=true",))
    assert stored(lake, "silver/customer", columns) == found


def test_a_reference_with_severity_error_is_held_against_what_the_dimension_knew_on_the_date(
    spark: SparkSession, tmp_path: Path, contracts: Path, edit: EditContract
) -> None:
    def refuse(table: dict[str, Any]) -> None:
        market = next(one for one in table["properties"] if one["name"] == "market_code")
        market["relationships"][0]["customProperties"] = [{"property": "severity", "value": "error"}]

    edit("transactions", refuse)
    lake = tmp_path / "lake"
    bronze = BronzeLake(lake)
    early = "2026-11-01"
    rows = [
        sale("Prod001", "Cus001", market, day, 1, "10.00")
        for day, market in (
            (early, "Mark001"), (early, "Mark009"), (D1, "Mark001"), (D1, "Mark009"), (D2, "Mark003"), (D2, "Mark009")
        )
    ]  # fmt: skip
    old, new = ("Mark001", "Delhi", "North"), ("Mark009", "Goa", "West")

    def refused(day: str) -> list[tuple[Any, ...]]:
        run_job("silver", "transactions", day, lake, contracts)
        entries = stored(lake, "silver/transactions_quarantine", ("business_date", "raw_row", "state"))
        return sorted((str(date), raw.split('"')[11]) for date, raw, state in entries if state == "open")

    land(lake, D2, rows)
    bronze.land_snapshot("market", MARKET, D1, [old])
    # Mark003 is there at the source, but its row is refused: unknown is not absent.
    bronze.land_snapshot("market", MARKET, D2, [old, new, ("Mark003", "", "North")])
    assert "silver has no market yet; run silver for table market first" in str(
        run_failure("silver", "transactions", D2, lake, contracts)
    )
    run_job("silver", "market", D1, lake, contracts)
    assert f"the snapshot of {D2} is landed, but not in silver yet" in str(
        run_failure("silver", "transactions", D2, lake, contracts)
    )
    run_job("silver", "market", D2, lake, contracts)
    # A date before the first snapshot is held against that one.
    assert refused(D2) == [(early, "Mark009"), (D1, "Mark009")]
    before = version(lake, "silver/transactions")
    assert refused(D2) == [(early, "Mark009"), (D1, "Mark009")]
    assert version(lake, "silver/transactions") == before

    # What the dimension says of an old date changes: the dates that it touches are judged again.
    bronze.land_snapshot("market", MARKET, D1, [old, new])
    assert f"the snapshot of {D1} is landed, but not in silver yet" in str(
        run_failure("silver", "transactions", D1, lake, contracts)
    )
    run_job("silver", "market", D1, lake, contracts)
    assert refused(D2) == []
    assert len(stored(lake, "silver/transactions", ("market_code",))) == 6
