"""silver.py on facts, from landed slices to stored rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.spark_jobs.bronze_lake import TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import data_bytes, date, run_job, sale, stored, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
COLUMNS = ("order_date", "product_code", "sales_qty", "sales_amount", "currency", "revenue_inr")
ENTRIES = ("business_date", "state", "first_seen_date", "last_seen_date", "corrected_date")
D1, D2, D3 = "2026-11-18", "2026-11-19", "2026-11-20"
FIRST = [
    sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"),
    sale("Prod001 ", "Cus001", "Mark001", D1, 1, "10.00", "inr"),
    sale("Prod002", "Cus002", "Mark001", D2, 2, "20.00", "USD\r"),
    sale("Prod003", "Cus002", "Mark001", D2, 3, "-1.00"),
    sale("Prod004", "Cus002", "Mark001", None, 4, "4.00"),
]


def land(lake: BronzeLake, day: str, rows: list[tuple[object, ...]]) -> None:
    lake.land_fact("transactions", TRANSACTIONS, day, rows, "order_date")


def test_cleans_quarantines_counts_and_follows_the_source_and_the_contract(
    spark: SparkSession, tmp_path: Path, contracts_folder: Path
) -> None:
    lake = BronzeLake(tmp_path)
    land(lake, D2, FIRST)
    row = run_job("silver", "transactions", D2, tmp_path)
    assert stored(tmp_path, "silver/transactions", COLUMNS) == [
        (date(D1), "Prod001", 1, Decimal("10.00"), "INR", Decimal("10.00")),
        (date(D2), "Prod002", 2, Decimal("20.00"), "USD", Decimal("1500.00")),
    ]
    assert row["bytes_written"] == data_bytes(tmp_path, "silver/transactions", 1)
    assert row["detail"]["quarantined_by_reason"] == {"sales_amount_positive": 1, "order_date_required": 1}
    assert row["detail"]["dates"] == [
        _figures(D1, (2, 1, 0, 1), ("2", "1", "0", "1"), ("20.00", "10.00", "0", "10.00")),
        _figures(D2, (2, 1, 1, 0), ("5", "2", "3", "0"), ("19.00", "20.00", "-1.00", "0")),
        _figures("undated", (1, 0, 1, 0), ("4", "0", "4", "0"), ("4.00", "0", "4.00", "0")),
    ]
    landed = row["detail"]["landed"]
    assert (landed["run_id"], landed["business_date"], landed["copied_at"]) == ("run", D2, f"{D2}T02:00:00.000000Z")
    assert {one["slice"]: one["rows"] for one in landed["slices"]} == {D1: 2, D2: 2, "undated": 1}
    assert row["detail"]["silver"]["version"] == version(tmp_path, "silver/transactions")
    assert stored(tmp_path, "silver/transactions_quarantine", ENTRIES) == [
        (None, "open", date(D2), date(D2), None),
        (date(D2), "open", date(D2), date(D2), None),
    ]

    tables = ["silver/transactions", "silver/transactions_quarantine", "silver/transactions_progress"]
    before = [version(tmp_path, table) for table in tables]
    assert run_job("silver", "transactions", D2, tmp_path)["outcome"] == "unchanged"
    assert [version(tmp_path, table) for table in tables] == before

    # D1 vanished, the refused row of D2 was corrected, the undated row stayed, D3 is new.
    land(
        lake,
        D3,
        [FIRST[2], sale("Prod003", "Cus002", "Mark001", D2, 3, "1.00"), FIRST[4], sale("P", "C", "M", D3, 1, "7.00")],
    )
    row = run_job("silver", "transactions", D3, tmp_path)
    assert stored(tmp_path, "silver/transactions", ("order_date", "product_code", "sales_amount")) == [
        (date(D2), "Prod002", Decimal("20.00")),
        (date(D2), "Prod003", Decimal("1.00")),
        (date(D3), "P", Decimal("7.00")),
    ]
    assert [one["slice"] for one in row["detail"]["dates"]] == [D2, D3, "undated"]
    assert stored(tmp_path, "silver/transactions_quarantine", ENTRIES) == [
        (None, "open", date(D2), date(D2), None),
        (date(D2), "corrected", date(D2), date(D2), date(D3)),
    ]

    # Files hold stale rows of other slices: the file of D2's run still has D1's and the refused row.
    assert len(list(lake.folder("transactions").glob("*/*.parquet"))) == 2

    # A changed contract processes every slice again, those too that did not change.
    path = contracts_folder / "transactions.odcs.yaml"
    text = path.read_text()
    assert "minimum: 1" in text
    path.write_text(text.replace("minimum: 1", "minimum: 3"))
    row = run_job("silver", "transactions", D3, tmp_path, contracts_folder)
    assert row["detail"]["quarantined_by_reason"] == {"sales_qty_minimum": 2, "order_date_required": 1}
    assert stored(tmp_path, "silver/transactions", ("product_code",)) == [("Prod003",)]


def _figures(name: str, rows: tuple[int, ...], qty: tuple[str, ...], amount: tuple[str, ...]) -> dict[str, object]:
    sides = ("bronze", "silver", "quarantined", "duplicate")
    return {
        "slice": name,
        **{f"rows_{side}": count for side, count in zip(sides, rows, strict=True)},
        "rows_warned": {},
        "sums": {
            "sales_qty": dict(zip(sides, qty, strict=True)),
            "sales_amount": dict(zip(sides, amount, strict=True)),
        },
    }


VISIT = """\
apiVersion: v3.1.0
kind: DataContract
id: crm-visit
version: 1.0.0
status: active
schema:
  - name: crm_visit
    physicalName: visit
    customProperties:
      - {property: tableKind, value: fact}
      - {property: dateColumn, value: booked_at}
      - {property: measures, value: [guests]}
    properties:
      - {name: booked_at, physicalType: datetime, logicalType: timestamp}
      - {name: booked_on, physicalName: booked_at, physicalType: datetime, logicalType: date, required: true}
      - {name: guests, physicalType: int, logicalType: integer}
"""


def test_a_fact_dated_by_a_time_is_kept_by_its_day_under_its_name_in_the_lake(
    spark: SparkSession, tmp_path: Path
) -> None:
    contracts = tmp_path / "contracts" / "crm"
    contracts.mkdir(parents=True)
    (contracts / "crm_visit.odcs.yaml").write_text(VISIT)
    late, early = dt.datetime(2026, 11, 18, 23, 59, 59), dt.datetime(2026, 11, 19)
    columns = pa.schema([("booked_at", pa.timestamp("us")), ("guests", pa.int32())])
    BronzeLake(tmp_path, "crm").land_fact("visit", columns, D2, [(late, 2), (early, 3), (None, 4)], "booked_at")

    row = run_job("silver", "crm_visit", D2, tmp_path, contracts)

    kept = [(day.isoformat(), time.replace(tzinfo=None), guests) for day, time, guests in stored(
        tmp_path, "silver/crm_visit", ("booked_on", "booked_at", "guests"))]  # fmt: skip
    assert kept == [(D1, late, 2), (D2, early, 3)]
    assert row["detail"]["quarantined_by_reason"] == {"booked_on_required": 1}
