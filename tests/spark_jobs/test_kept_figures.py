"""A run measures the dates that it writes; of all others it keeps what the run before measured of the same commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spark_jobs.bronze_lake import PRODUCT, TRANSACTIONS
from tests.spark_jobs.first_day import BOOKS, DAY, DAY_BEFORE, SALES, TOYS, FirstDay
from tests.spark_jobs.jobs import date, land_and_clean, ledger_row, run_failure, run_job, sale

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
NEXT, UNTOUCHED = "2026-11-20", "2026-10-02"
RENAMED = (*BOOKS[:3], "Comics", *BOOKS[4:])


def leave_mark(
    root: Path, table: str, stage: str, key: str, spoil: Callable[[dict[str, Any]], None] = lambda _: None
) -> None:
    """Has the ledger say of an untouched date what no measurement would find."""
    (path,) = root.glob(f"ledger/schema=atliqsale/business_date={DAY}/*/{table}.{stage}.*.json")
    row = json.loads(path.read_text())
    (entry,) = [one for one in row["detail"]["dates"] if one["slice"] == UNTOUCHED]
    entry[key]["customer"] = 7
    spoil(row["detail"])
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
    assert {silver["all_measured_on"], gold["detail"]["all_measured_on"]} == {DAY}

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
    assert {one["all_measured_on"] for one in measured} == {NEXT}


@pytest.mark.parametrize(
    ("day", "spoil"),
    [
        pytest.param(DAY, lambda detail: detail.pop("all_measured_on"), id="a row of an earlier version of the jobs"),
        pytest.param(DAY, lambda detail: detail["dates"][0]["sums"].pop("sales_qty"), id="other measures"),
        pytest.param("2026-11-26", lambda _: None, id="a week after all was measured"),
    ],
)
def test_all_is_measured_where_what_was_is_not_known_or_old(
    first_day: FirstDay, tmp_path: Path, day: str, spoil: Callable[[dict[str, Any]], None]
) -> None:
    lake = first_day.copied_to(tmp_path)
    leave_mark(lake.root, "sales_obt", "gold", "rows_unknown", spoil)

    detail = run_job("gold", "sales_obt", day, lake.root)["detail"]
    assert (detail["rows_unknown"]["customer"], detail["all_measured_on"]) == (0, day)


def test_where_a_member_is_renamed_its_rows_alone_are_measured(first_day: FirstDay, tmp_path: Path) -> None:
    lake = first_day.copied_to(tmp_path)
    leave_mark(lake.root, "sales_obt", "gold", "rows_unknown")
    land_and_clean(lake, NEXT, {"product": (PRODUCT, [RENAMED, TOYS])})

    gold = run_job("gold", "sales_obt", NEXT, lake.root)

    # That it is shown is 7 rows of the product's; each of the others is as it was.
    assert (gold["detail"]["keys_rewritten"], gold["rows_written"]) == ({"product": 1}, 7)
    kept, before = figures(gold["detail"]), figures(first_day.gold["detail"])
    del kept[UNTOUCHED]["rows_unknown"]["customer"]
    assert kept == before


def test_where_a_member_becomes_known_all_is_measured(first_day: FirstDay, tmp_path: Path) -> None:
    lake = first_day.copied_to(tmp_path)
    leave_mark(lake.root, "sales_obt", "gold", "rows_unknown")
    land_and_clean(lake, NEXT, {"product": (PRODUCT, [BOOKS, TOYS, ("Prod009", *TOYS[1:])])})

    gold = run_job("gold", "sales_obt", NEXT, lake.root)

    assert (gold["detail"]["keys_rewritten"], gold["rows_written"]) == ({"product": 1}, 1)
    assert gold["detail"]["rows_unknown"] == {"product": 0, "customer": 0, "market": 0, "date": 8}


def test_a_row_that_is_lost_where_rows_are_found_by_their_keys_fails_the_run(
    first_day: FirstDay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medallion.gold import one_big_table_refresh

    lake = first_day.copied_to(tmp_path)
    land_and_clean(lake, NEXT, {"product": (PRODUCT, [RENAMED, TOYS])})
    write = one_big_table_refresh.delta_tables.replace_where

    def lose_a_row(rows: DataFrame, *given: Any, **options: Any) -> None:
        write(rows.where("order_date <> DATE'2026-10-03'"), *given, **options)

    monkeypatch.setattr(one_big_table_refresh.delta_tables, "replace_where", lose_a_row)
    failure = run_failure("gold", "sales_obt", NEXT, lake.root)
    assert failure is not None
    assert "of 2026-10-03 the rows of changed keys are other than silver's, which has 1 of them, gold 0" in failure
