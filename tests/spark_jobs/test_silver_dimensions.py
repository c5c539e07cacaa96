"""silver.py on dimensions, from landed snapshots to stored rows."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, DATE, MARKET, BronzeLake
from tests.spark_jobs.jobs import data_bytes, date, run_failure, run_job, stored, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
VERSIONS = ("customer_code", "customer_name", "customer_type", "valid_from", "valid_to", "is_current")
D1, D2, D3 = "2026-11-18", "2026-11-19", "2026-11-20"
SNAPSHOTS = {
    D1: [("Cus001", " Surge ", "Brick & Mortar"), ("Cus002", "Nomad", "E-Commerce"), ("Cus003", "Atlas", "E-Commerce")],
    D2: [("Cus001", "Surge", "E-Commerce"), ("Cus003", "", "E-Commerce")],
    D3: [("Cus001", "Surge", "E-Commerce"), ("Cus002", "Nomad", "E-Commerce"), ("Cus003", "Atlas", "E-Commerce")],
}
# Cus001 changed on D2, Cus002 was gone on D2 and came back, Cus003 was refused on D2: unknown is not absent.
HISTORY = [
    ("Cus001", "Surge", "Brick & Mortar", date(D1), date(D2), False),
    ("Cus001", "Surge", "E-Commerce", date(D2), None, True),
    ("Cus002", "Nomad", "E-Commerce", date(D1), date(D2), False),
    ("Cus002", "Nomad", "E-Commerce", date(D3), None, True),
    ("Cus003", "Atlas", "E-Commerce", date(D1), None, True),
]


def calendar(day: dt.date, month: str) -> tuple[object, ...]:
    return (day, dt.date(2026, 11, 1), 2026, month, "26-Nov")


def landed(root: Path) -> BronzeLake:
    lake = BronzeLake(root)
    for day, rows in SNAPSHOTS.items():
        lake.land_snapshot("customer", CUSTOMER, day, rows)
    return lake


def test_dates_in_order_then_again_give_the_history_and_no_further_commit(spark: SparkSession, tmp_path: Path) -> None:
    landed(tmp_path)
    rows = [run_job("silver", "customer", day, tmp_path) for day in (D1, D2, D3)]
    assert stored(tmp_path, "silver/customer", VERSIONS) == sorted(HISTORY, key=repr)
    assert [(row["detail"]["versions_opened"], row["detail"]["versions_closed"]) for row in rows] == [
        (3, 0),
        (1, 2),
        (1, 0),
    ]
    newest = version(tmp_path, "silver/customer")
    assert [row["bytes_written"] for row in rows] == [
        data_bytes(tmp_path, "silver/customer", number) for number in range(newest - 2, newest + 1)
    ]
    assert rows[1]["detail"]["dates"] == [
        {"slice": "all", "rows_bronze": 2, "rows_silver": 1, "rows_quarantined": 1, "rows_duplicate": 0, "sums": {}}
    ]
    assert rows[1]["detail"]["landed"]["slices"] == [{"slice": "all", "rows": 2, "sums": {}}]
    assert rows[1]["detail"]["quarantined_by_reason"] == {"customer_name_required": 1}
    tables = ["silver/customer", "silver/customer_quarantine", "silver/customer_progress"]
    before = [version(tmp_path, table) for table in tables]
    again = run_job("silver", "customer", D2, tmp_path)
    assert (again["outcome"], again["bytes_written"]) == ("unchanged", 0)
    assert again["detail"] == rows[1]["detail"] | {"versions_total": 5}
    assert [version(tmp_path, table) for table in tables] == before


def test_a_snapshot_that_repeats_the_day_before_is_not_read_and_the_ledger_says_so(
    spark: SparkSession, tmp_path: Path
) -> None:
    lake = BronzeLake(tmp_path)
    for day in (D1, D2):
        lake.land_snapshot("customer", CUSTOMER, day, [("Cus001", "Surge", "E-Commerce")])
    first, again = (run_job("silver", "customer", day, tmp_path) for day in (D1, D2))
    told = ("outcome", "rows_read", "rows_written", "bytes_written")
    assert [first[name] for name in told[:3]] == ["refreshed", 1, 1]
    assert [again[name] for name in told] == ["unchanged", 0, 0, 0]
    assert again["detail"]["dates"][0]["rows_bronze"] == 1


def test_a_removed_table_is_stored_anew_and_its_quarantine_stays(spark: SparkSession, tmp_path: Path) -> None:
    landed(tmp_path)
    for day in (D3, D2):
        run_job("silver", "customer", day, tmp_path)
    entries = ("business_date", "business_key", "state", "corrected_date")
    refused = [(date(D2), '["Cus003"]', "corrected", date(D3))]
    assert stored(tmp_path, "silver/customer_quarantine", entries) == refused
    shutil.rmtree(tmp_path / "silver/customer")
    for day in (D1, D3, D2):
        run_job("silver", "customer", day, tmp_path)
    assert stored(tmp_path, "silver/customer", VERSIONS) == sorted(HISTORY, key=repr)
    assert stored(tmp_path, "silver/customer_quarantine", entries) == refused


def test_a_dimension_goes_on_without_a_snapshot_that_is_lost_for_good(spark: SparkSession, tmp_path: Path) -> None:
    folder = landed(tmp_path).folder("customer") / f"business_date={D2}"
    for day in (D1, D2, D3):
        run_job("silver", "customer", day, tmp_path)
    (file,) = folder.glob("*.parquet")
    file.unlink()
    rebuild = ["--rebuild"]
    failure = run_failure("silver", "customer", D3, tmp_path, flags=rebuild)
    assert "1 are lost or damaged" in str(failure)
    # As the operations page says.
    (folder / "_manifest.json").unlink()
    failure = run_failure("silver", "customer", D3, tmp_path, flags=rebuild)
    assert "or, to begin the history anew, drop the table" in str(failure)
    assert stored(tmp_path, "silver/customer", VERSIONS) == sorted(HISTORY, key=repr)
    shutil.rmtree(tmp_path / "silver/customer")
    run_job("silver", "customer", D3, tmp_path, flags=rebuild)
    assert stored(tmp_path, "silver/customer", VERSIONS) == [
        ("Cus001", "Surge", "Brick & Mortar", date(D1), date(D3), False),
        ("Cus001", "Surge", "E-Commerce", date(D3), None, True),
        ("Cus002", "Nomad", "E-Commerce", date(D1), None, True),
        ("Cus003", "Atlas", "E-Commerce", date(D1), None, True),
    ]


def test_a_snapshot_landed_again_replaces_its_own_word(spark: SparkSession, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("customer", CUSTOMER, D1, [("Cus001", "Surge", "E-Commerce"), ("Cus002", "", "E-Commerce")])
    run_job("silver", "customer", D1, tmp_path)
    lake.land_snapshot("customer", CUSTOMER, D1, [("Cus002", "Nomad", "E-Commerce")])
    run_job("silver", "customer", D1, tmp_path, flags=("--accept-deletes",))
    assert stored(tmp_path, "silver/customer", VERSIONS) == [("Cus002", "Nomad", "E-Commerce", date(D1), None, True)]
    entries = stored(tmp_path, "silver/customer_quarantine", ("business_key", "state", "corrected_date"))
    assert entries == [('["Cus002"]', "corrected", date(D1))]


def test_rows_that_share_a_key_are_all_quarantined_and_the_key_is_unknown(spark: SparkSession, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("market", MARKET, D1, [("Mark001", "Delhi", "North"), ("Mark002", "X", "nan")])
    lake.land_snapshot(
        "market", MARKET, D2, [("Mark001", "Delhi", "South"), (" Mark001", "Delhi", "East"), ("Mark002", "X", "")]
    )
    first = run_job("silver", "market", D1, tmp_path)
    assert first["detail"]["warned_by_reason"] == {"zone_required": 1}
    second = run_job("silver", "market", D2, tmp_path)
    assert second["detail"]["quarantined_by_reason"] == {"market_code_duplicate_key": 2}
    rows = stored(tmp_path, "silver/market", ("market_code", "zone", "valid_from", "valid_to"))
    assert rows == [("Mark001", "North", date(D1), None), ("Mark002", None, date(D1), None)]


def test_a_changed_contract_brings_back_no_snapshot_that_the_guard_had_stopped(
    spark: SparkSession, tmp_path: Path
) -> None:
    contracts = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    lake, root = BronzeLake(tmp_path / "lake"), tmp_path / "lake"
    whole = [(f"Cus00{number}", "Atlas", "E-Commerce") for number in range(1, 5)]
    for day, rows in ((D1, whole), (D2, whole[:1]), (D3, whole)):
        lake.land_snapshot("customer", CUSTOMER, day, rows)
    run_job("silver", "customer", D1, root, contracts)
    stopped = run_failure("silver", "customer", D2, root, contracts)
    assert stopped is not None
    assert f"the snapshot of {D2} has lost 3 of the 4 keys" in stopped
    path = contracts / "customer.odcs.yaml"
    path.write_text(path.read_text().replace("Cus[0-9]{3,}", "Cus[0-9]{2,}"))

    # The contract's change makes the dimension anew, and the guard still holds the run's own snapshot.
    assert run_failure("silver", "customer", D2, root, contracts) == stopped
    assert run_job("silver", "customer", D3, root, contracts)["outcome"] == "rebuilt"
    versions = stored(root, "silver/customer", ("customer_code", "valid_from", "valid_to"))
    assert versions == [(code, date(D1), None) for code, _, _ in whole]


def test_a_date_without_a_snapshot_leaves_the_dimension_alone(spark: SparkSession, tmp_path: Path) -> None:
    landed(tmp_path)
    row = run_job("silver", "customer", "2026-11-01", tmp_path)
    assert row["outcome"] == "no_snapshot"
    assert not (tmp_path / "silver").exists()


def test_a_type_1_dimension_shows_the_newest_snapshot_in_any_order(spark: SparkSession, tmp_path: Path) -> None:
    lake = BronzeLake(tmp_path)
    days = [date("2026-11-18"), date("2026-11-19")]
    lake.land_snapshot("date", DATE, D1, [calendar(days[0], "Nov"), calendar(days[1], "Nov")])
    lake.land_snapshot("date", DATE, D2, [calendar(days[0], "November")])
    for day, expected, outcome in (
        (D2, 1, "refreshed"),
        (D1, 1, "superseded"),
        (D2, 0, "unchanged"),
        (D1, 0, "superseded"),
    ):
        before = version(tmp_path, "silver/date") if (tmp_path / "silver/date").exists() else 0
        assert run_job("silver", "date", day, tmp_path)["outcome"] == outcome
        assert version(tmp_path, "silver/date") - before == expected
        assert stored(tmp_path, "silver/date", ("date", "month_name")) == [(days[0], "November")]
