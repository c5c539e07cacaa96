"""silver.py on dimensions, from landed snapshots to stored rows."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, DATE, MARKET, BronzeLake
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


@dataclass(frozen=True)
class ThreeDays:
    """A lake that has processed SNAPSHOTS in order, which is only ever copied, and the ledger's rows."""

    root: Path
    rows: list[dict[str, Any]]

    def copied_to(self, root: Path) -> Path:
        return Path(shutil.copytree(self.root, root, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def three_days(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> ThreeDays:
    root = landed(tmp_path_factory.mktemp("three_days")).root
    return ThreeDays(root, [run_job("silver", "customer", day, root) for day in (D1, D2, D3)])


def test_dates_in_order_then_again_give_the_history_and_no_further_commit(
    three_days: ThreeDays, tmp_path: Path
) -> None:
    root, rows = three_days.copied_to(tmp_path), three_days.rows
    assert stored(root, "silver/customer", VERSIONS) == sorted(HISTORY, key=repr)
    assert [(row["detail"]["versions_opened"], row["detail"]["versions_closed"]) for row in rows] == [
        (3, 0),
        (1, 2),
        (1, 0),
    ]
    newest = version(root, "silver/customer")
    assert [row["bytes_written"] for row in rows] == [
        data_bytes(root, "silver/customer", number) for number in range(newest - 2, newest + 1)
    ]
    assert rows[1]["detail"]["dates"] == [
        {"slice": "all", "rows_bronze": 2, "rows_silver": 1, "rows_quarantined": 1, "rows_duplicate": 0, "sums": {}}
    ]
    assert rows[1]["detail"]["landed"]["slices"] == [{"slice": "all", "rows": 2, "sums": {}}]
    assert rows[1]["detail"]["quarantined_by_reason"] == {"customer_name_required": 1}
    tables = ["silver/customer", "silver/customer_quarantine", "silver/customer_progress"]
    before = [version(root, table) for table in tables]
    again = run_job("silver", "customer", D2, root)
    assert (again["outcome"], again["bytes_written"]) == ("unchanged", 0)
    assert again["detail"] == rows[1]["detail"] | {"versions_total": 5}
    assert [version(root, table) for table in tables] == before


def test_a_removed_table_is_stored_anew_and_its_quarantine_stays(three_days: ThreeDays, tmp_path: Path) -> None:
    root = three_days.copied_to(tmp_path)
    entries = ("business_date", "business_key", "state", "corrected_date")
    refused = [(date(D2), '["Cus003"]', "corrected", date(D3))]
    assert stored(root, "silver/customer_quarantine", entries) == refused
    shutil.rmtree(root / "silver/customer")
    for day in (D3, D2):
        run_job("silver", "customer", day, root)
    assert stored(root, "silver/customer", VERSIONS) == [
        ("Cus001", "Surge", "E-Commerce", date(D2), None, True),
        ("Cus002", "Nomad", "E-Commerce", date(D3), None, True),
        ("Cus003", "Atlas", "E-Commerce", date(D3), None, True),
    ]
    assert stored(root, "silver/customer_quarantine", entries) == refused


def test_a_dimension_goes_on_without_a_snapshot_that_is_lost_for_good(three_days: ThreeDays, tmp_path: Path) -> None:
    root = three_days.copied_to(tmp_path)
    folder = BronzeLake(root).folder("customer") / f"business_date={D2}"
    (file,) = folder.glob("*.parquet")
    file.unlink()
    rebuild = ["--rebuild=true"]
    failure = run_failure("silver", "customer", D3, root, flags=rebuild)
    assert "1 are lost or damaged" in str(failure)
    # As the operations page says.
    (folder / "_manifest.json").unlink()
    failure = run_failure("silver", "customer", D3, root, flags=rebuild)
    assert "or, to begin the history anew, drop the table" in str(failure)
    assert stored(root, "silver/customer", VERSIONS) == sorted(HISTORY, key=repr)
    shutil.rmtree(root / "silver/customer")
    run_job("silver", "customer", D3, root, flags=rebuild)
    assert stored(root, "silver/customer", VERSIONS) == [
        ("Cus001", "Surge", "Brick & Mortar", date(D1), date(D3), False),
        ("Cus001", "Surge", "E-Commerce", date(D3), None, True),
        ("Cus002", "Nomad", "E-Commerce", date(D1), None, True),
        ("Cus003", "Atlas", "E-Commerce", date(D1), None, True),
    ]


def test_a_snapshot_landed_again_replaces_its_own_word_and_rows_that_share_a_key_leave_it_unknown(
    spark: SparkSession, tmp_path: Path
) -> None:
    lake = BronzeLake(tmp_path)
    columns = ("market_code", "zone", "valid_from", "valid_to")
    entries = ("business_date", "business_key", "state", "corrected_date")
    kept = ("Mark002", "X", "nan")
    lake.land_snapshot("market", MARKET, D1, [("Mark000", "Goa", "West"), ("Mark001", "", "North"), kept])
    first = run_job("silver", "market", D1, tmp_path)
    assert first["detail"]["warned_by_reason"] == {"zone_required": 1}
    lake.land_snapshot("market", MARKET, D1, [("Mark001", "Delhi", "North"), kept])
    run_job("silver", "market", D1, tmp_path, flags=("--accept-deletes=true",))
    expected = [("Mark001", "North", date(D1), None), ("Mark002", None, date(D1), None)]
    assert stored(tmp_path, "silver/market", columns) == expected
    corrected = (date(D1), '["Mark001"]', "corrected", date(D1))
    assert stored(tmp_path, "silver/market_quarantine", entries) == [corrected]
    shared = [("Mark001", "Delhi", "South"), (" Mark001", "Delhi", "East")]
    lake.land_snapshot("market", MARKET, D2, [*shared, ("Mark002", "X", "")])
    second = run_job("silver", "market", D2, tmp_path)
    assert second["detail"]["quarantined_by_reason"] == {"market_code_duplicate_key": 2}
    assert stored(tmp_path, "silver/market", columns) == expected
    refused = [(date(D2), '["Mark001"]', "open", None)] * 2
    assert stored(tmp_path, "silver/market_quarantine", entries) == sorted([corrected, *refused], key=repr)


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
