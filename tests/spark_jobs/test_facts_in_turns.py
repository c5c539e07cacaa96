"""A killed driver and runs at the same time leave a fact and a One Big Table that are what was landed last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.delta_logs import add_upkeep_commits, clean_log
from tests.spark_jobs.interruptions import Killed, before_commit, kill
from tests.spark_jobs.jobs import date, run_failure, run_job, sale, stored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3, D4 = "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"
# Quality metrics, silver, quarantine and progress.
COMMITS = range(1, 5)


def of(day: str | None, product: str, amount: str) -> tuple[Any, ...]:
    return sale(product, "Cus001", "Mark001", day, 1, amount)


FIRST = [of(D1, "Prod001", "1.00"), of(D1, "Prod002", "-2.00"), of(D2, "Prod003", "3.00")]
# Of D1 other rows are good and bad, D2 is gone, D3 is new.
SECOND = [
    of(D1, "Prod001", "-1.00"),
    of(D1, "Prod002", "2.00"),
    of(D3, "Prod004", "-4.00"),
    of(D3, "Prod005", "5.00"),
    of(None, "Prod006", "6.00"),
]
PRODUCTS = [("Prod001", "Div", "Seg", "Books", "Name", "Std"), ("Prod002", "Div", "Seg", "Toys", "Name", "Std")]


def land(root: Path, day: str, rows: list[tuple[Any, ...]]) -> None:
    BronzeLake(root).land_fact("transactions", TRANSACTIONS, day, rows, "order_date")


def silver(root: Path, day: str) -> dict[str, Any]:
    return run_job("silver", "transactions", day, root)


def check(root: Path, rows: list[tuple[Any, ...]]) -> None:
    """Silver and the open quarantine hold just these landed rows."""
    good = sorted((row[3], row[0], row[5]) for row in rows if row[3] and row[5] > 0)
    assert stored(root, "silver/transactions", ("order_date", "product_code", "sales_amount")) == good
    entries = stored(root, "silver/transactions_quarantine", ("business_date", "raw_row", "state"))
    refused = [(day, json.loads(raw)["product_code"]) for day, raw, state in entries if state == "open"]
    assert sorted(refused, key=repr) == sorted(
        ((row[3], row[0]) for row in rows if not row[3] or row[5] <= 0), key=repr
    )


def conserved(row: dict[str, Any]) -> bool:
    return all(one["rows_bronze"] == one["rows_silver"] + one["rows_quarantined"] for one in row["detail"]["dates"])


@pytest.fixture(scope="module")
def one_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which FIRST is landed and processed."""
    root = tmp_path_factory.mktemp("one_day")
    land(root, D2, FIRST)
    silver(root, D2)
    return root


@pytest.mark.parametrize("commit", COMMITS)
def test_a_killed_run_leaves_nothing_of_rows_that_the_source_took_back(
    one_day: Path, tmp_path: Path, commit: int
) -> None:
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    land(tmp_path, D3, SECOND)
    with pytest.raises(Killed), before_commit(commit, kill):
        silver(tmp_path, D3)
    # By their fingerprints, just these rows are processed already.
    land(tmp_path, D3, FIRST)
    assert conserved(silver(tmp_path, D3))
    check(tmp_path, FIRST)
    assert silver(tmp_path, D3)["outcome"] == "unchanged"


@pytest.mark.parametrize("commit", [2, 3])
def test_a_run_that_read_an_older_index_does_not_undo_the_newer_one(one_day: Path, tmp_path: Path, commit: int) -> None:
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    land(tmp_path, D3, SECOND)
    third = [*SECOND[1:], of(D1, "Prod007", "-7.00"), of(D4, "Prod008", "8.00")]

    def run_another() -> None:
        land(tmp_path, D4, third)
        assert conserved(silver(tmp_path, D4))

    with before_commit(commit, run_another):
        silver(tmp_path, D3)
    check(tmp_path, third)


@pytest.mark.parametrize("is_clean", [False, True], ids=["many_commits", "cleaned_log"])
def test_a_killed_run_is_finished_after_the_log_has_lost_sight_of_it(
    spark: SparkSession, one_day: Path, tmp_path: Path, is_clean: bool
) -> None:
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    land(tmp_path, D3, SECOND)
    with pytest.raises(Killed), before_commit(3, kill):
        silver(tmp_path, D3)
    add_upkeep_commits(tmp_path / "silver/transactions", 60)
    if is_clean:
        clean_log(spark, tmp_path / "silver/transactions")
    land(tmp_path, D3, FIRST)
    assert conserved(silver(tmp_path, D3))
    check(tmp_path, FIRST)
    assert silver(tmp_path, D3)["outcome"] == "unchanged"


def test_quarantine_goes_on_where_silver_was_removed(one_day: Path, tmp_path: Path) -> None:
    """The turns of a table that is made anew begin anew, and its quarantine has seen higher ones."""
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    for rows in (SECOND, FIRST):
        land(tmp_path, D3, rows)
        silver(tmp_path, D3)
    shutil.rmtree(tmp_path / "silver/transactions")
    land(tmp_path, D3, SECOND)
    assert conserved(silver(tmp_path, D3))
    check(tmp_path, SECOND)


def test_a_file_that_is_lost_or_cut_is_one_clear_message(one_day: Path, tmp_path: Path) -> None:
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    land(tmp_path, D3, SECOND)
    (file,) = (tmp_path / "bronze/atliqsale/transactions" / f"business_date={D3}").glob("*.parquet")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1])
    told = f"1 are lost or damaged, first business_date={D3}/{file.name}, which"
    failure = run_failure("silver", "transactions", D3, tmp_path) or ""
    assert f"{told} has {size - 1} bytes, not {size}; clear copy_to_bronze of the newest date" in failure
    file.unlink()
    assert f"{told} is gone; clear copy_to_bronze" in (run_failure("silver", "transactions", D3, tmp_path) or "")
    check(tmp_path, FIRST)


def test_a_damaged_pointer_names_the_command_that_mends_it(one_day: Path, tmp_path: Path) -> None:
    shutil.copytree(one_day, tmp_path, dirs_exist_ok=True)
    (tmp_path / "bronze/atliqsale/transactions/_latest.json").write_text("{")
    failure = run_failure("silver", "transactions", D3, tmp_path) or ""
    assert failure.endswith(
        "make it again from the table's manifests: bin/lakehouse repair transactions --schema atliqsale"
    )


def wide(root: Path) -> list[tuple[Any, ...]]:
    return stored(root, "gold/sales_obt", ("order_date", "product_code", "category", "sales_amount"))


@pytest.fixture(scope="module")
def with_gold(one_day: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the fact its dimensions and gold; then other rows of the fact are processed."""
    root = tmp_path_factory.mktemp("with_gold")
    shutil.copytree(one_day, root, dirs_exist_ok=True)
    lake = BronzeLake(root)
    for table, columns, rows in (
        ("customer", CUSTOMER, [("Cus001", "Surge", "E-Commerce")]),
        ("market", MARKET, [("Mark001", "Delhi", "North")]),
        ("date", DATE, []),
        ("product", PRODUCT, PRODUCTS[:1]),
    ):
        lake.land_snapshot(table, columns, D2, rows)
        run_job("silver", table, D2, root)
    run_job("gold", "sales_obt", D2, root)
    land(root, D3, SECOND)
    silver(root, D3)
    return root


@pytest.fixture
def gold_of_two_days(with_gold: Path, tmp_path: Path) -> Path:
    """The lake of ``with_gold``, free to be changed."""
    return Path(shutil.copytree(with_gold, tmp_path, dirs_exist_ok=True))


def late_product(root: Path) -> None:
    BronzeLake(root).land_snapshot("product", PRODUCT, D3, PRODUCTS)
    run_job("silver", "product", D3, root)


def both(root: Path) -> None:
    late_product(root)
    land(root, D4, [*SECOND, of(D1, "Prod009", "9.00")])
    silver(root, D4)


AT_LAST = [
    (date(D1), "Prod002", "Toys", Decimal("2.00")),
    (date(D1), "Prod009", "Unknown", Decimal("9.00")),
    (date(D3), "Prod005", "Unknown", Decimal("5.00")),
]


def test_of_two_gold_runs_the_one_that_read_older_silver_does_not_undo_the_other(gold_of_two_days: Path) -> None:
    root = gold_of_two_days

    def run_another() -> None:
        both(root)
        run_job("gold", "sales_obt", D4, root, run_id="another")

    with before_commit(1, run_another):
        row = run_job("gold", "sales_obt", D3, root)
    assert wide(root) == AT_LAST
    assert all(one["rows_silver"] == one["rows_gold"] for one in row["detail"]["dates"])
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "unchanged"


@pytest.mark.parametrize("is_clean", [False, True], ids=["many_commits", "cleaned_log"])
def test_gold_goes_on_when_its_last_commit_is_out_of_sight(
    spark: SparkSession, gold_of_two_days: Path, is_clean: bool
) -> None:
    root = gold_of_two_days
    run_job("gold", "sales_obt", D3, root)
    both(root)
    add_upkeep_commits(root / "gold/sales_obt", 210)
    if is_clean:
        clean_log(spark, root / "gold/sales_obt")
    row = run_job("gold", "sales_obt", D4, root)
    # A log that was cleaned no longer tells what gold was made from, so that it is made anew.
    assert row["outcome"] == ("full" if is_clean else "incremental")
    assert wide(root) == AT_LAST
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "unchanged"


def test_tables_that_were_half_made_are_made(one_day: Path, tmp_path: Path) -> None:
    shutil.copytree(one_day / "bronze", tmp_path / "bronze")
    lake = BronzeLake(tmp_path)
    lake.land_snapshot("customer", CUSTOMER, D2, [("Cus001", "Surge", "E-Commerce"), ("Cus002", None, "E-Commerce")])
    layers = {"silver": ("transactions", "customer"), "gold": ("sales_obt",)}
    names = [f"{layer}/{name}" for layer, tables in layers.items() for name in tables]
    names += [f"silver/{name}_{more}" for name in layers["silver"] for more in ("quarantine", "progress")]
    for name in (*names, "silver/quality_metrics"):
        (tmp_path / name / "_delta_log").mkdir(parents=True)
    for table, columns in (("market", MARKET), ("date", DATE), ("product", PRODUCT)):
        lake.land_snapshot(table, columns, D2, [])
        run_job("silver", table, D2, tmp_path)
    for table in layers["silver"]:
        run_job("silver", table, D2, tmp_path)
    run_job("gold", "sales_obt", D2, tmp_path)
    check(tmp_path, FIRST)
    assert [one[1] for one in wide(tmp_path)] == ["Prod001", "Prod003"]
    assert stored(tmp_path, "silver/customer_quarantine", ("business_key",)) == [('["Cus002"]',)]


def test_what_silver_commits_in_the_midst_of_a_gold_run_is_in_the_next(gold_of_two_days: Path) -> None:
    root = gold_of_two_days
    with before_commit(1, lambda: both(root)):
        row = run_job("gold", "sales_obt", D3, root)
    assert [one[1] for one in wide(root)] == ["Prod002", "Prod005"]
    assert all(one["rows_silver"] == one["rows_gold"] for one in row["detail"]["dates"])
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "incremental"
    assert wide(root) == AT_LAST


def test_a_silver_commit_after_its_version_was_read_hides_none_before(
    gold_of_two_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medallion.gold import one_big_table_refresh
    from medallion.lake import delta_tables

    root = gold_of_two_days
    run_job("gold", "sales_obt", D3, root)
    late_product(root)
    land(root, D4, [*SECOND, of(D4, "Prod009", "9.00")])
    silver(root, D4)
    history: Callable[..., Any] = delta_tables.history
    asked: list[str] = []

    def repeat_the_snapshot(spark: SparkSession, table: str, limit: int) -> Any:
        asked.append(table)
        # Silver's versions have been read; a snapshot that repeats the last one adds a commit that changes no rows.
        if asked.count(table) == 2 and table.endswith("silver/product`"):
            BronzeLake(root).land_snapshot("product", PRODUCT, D4, PRODUCTS)
            run_job("silver", "product", D4, root)
        return history(spark, table, limit)

    with monkeypatch.context() as patch:
        patch.setattr(one_big_table_refresh.delta_tables, "history", repeat_the_snapshot)
        detail = run_job("gold", "sales_obt", D4, root)["detail"]
    assert (detail["dates_rewritten"], detail["keys_rewritten"]) == ([D4], {"product": 1})
    assert wide(root) == [AT_LAST[0], AT_LAST[2], (date(D4), "Prod009", "Unknown", Decimal("9.00"))]
