"""A run measures the dates that it writes; of all others it keeps what the run before measured of the same commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spark_jobs.bronze_lake import TRANSACTIONS
from tests.spark_jobs.first_day import DAY, DAY_BEFORE, SALES, FirstDay
from tests.spark_jobs.jobs import date, land_and_clean, ledger_row, run_job, sale

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
NEXT, UNTOUCHED = "2026-11-20", "2026-10-02"


def leave_mark(root: Path, table: str, stage: str, key: str) -> None:
    """Has the ledger say of an untouched date what no measurement would find."""
    (path,) = root.glob(f"ledger/schema=atliqsale/business_date={DAY}/*/{table}.{stage}.*.json")
    row = json.loads(path.read_text())
    (entry,) = [one for one in row["detail"]["dates"] if one["slice"] == UNTOUCHED]
    entry[key]["customer"] = 7
    path.write_text(json.dumps(row))


def figures(detail: dict[str, Any]) -> dict[str, Any]:
    return {one["slice"]: one for one in detail["dates"]}


def test_only_dates_that_are_written_again_are_measured_again(
    spark: SparkSession, first_day: FirstDay, tmp_path: Path
) -> None:
    lake = first_day.copied_to(tmp_path)
    leave_mark(lake.root, "transactions", "silver", "rows_warned")
    leave_mark(lake.root, "sales_obt", "gold", "rows_unknown")

    # One date's rows vanish, another date has a row more, a third is new.
    changed = [one for one in SALES if one[3] != date(DAY_BEFORE)]
    changed += [sale("Prod009", "Cus001", "Mark001", day, 2, "20.00") for day in (DAY, NEXT)]
    land_and_clean(lake, NEXT, {"transactions": (TRANSACTIONS, changed)})
    silver = ledger_row("silver", "transactions", NEXT, lake.root)["detail"]
    assert silver["warned_by_reason"]["customer"] == 7
    gold = run_job("gold", "sales_obt", NEXT, lake.root)
    assert gold["detail"]["mode"] == "incremental"
    assert gold["rows_read"] == len(changed)
    assert gold["detail"]["rows_unknown"]["customer"] == 7
    assert gold["detail"]["rows_unknown"]["product"] == 3

    # After a commit that no run of the job made, all is measured, and found to be what was kept but for the mark.
    for table in ("silver/transactions", "gold/sales_obt"):
        spark.sql(f"ALTER TABLE delta.`{lake.root}/{table}` SET TBLPROPERTIES ('a' = 'b')")
    measured = (
        run_job("silver", "transactions", NEXT, lake.root)["detail"],
        run_job("gold", "sales_obt", NEXT, lake.root)["detail"],
    )
    for kept, all_measured, key in zip(
        (silver, gold["detail"]), measured, ("rows_warned", "rows_unknown"), strict=True
    ):
        del figures(kept)[UNTOUCHED][key]["customer"]
        assert figures(kept) == figures(all_measured)
    assert measured[1]["rows_unknown"]["customer"] == 0


def test_rows_of_an_earlier_version_of_the_jobs_are_not_built_on(first_day: FirstDay, tmp_path: Path) -> None:
    lake = first_day.copied_to(tmp_path)
    leave_mark(lake.root, "sales_obt", "gold", "rows_unknown")
    (path,) = lake.root.glob(f"ledger/schema=atliqsale/business_date={DAY}/*/sales_obt.gold.*.json")
    row = json.loads(path.read_text())
    del row["detail"]["dates"][0]["rows_unknown"]
    path.write_text(json.dumps(row))

    assert run_job("gold", "sales_obt", DAY, lake.root)["detail"]["rows_unknown"]["customer"] == 0
