"""A killed driver and runs at the same time leave a fact and a One Big Table that are what was landed last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.delta_logs import add_upkeep_commits, clean_log
from tests.spark_jobs.first_day import DAY, PRODUCTS, SALES, FirstDay
from tests.spark_jobs.interruptions import Killed, before_commit, kill
from tests.spark_jobs.jobs import date, run_failure, run_job, sale, stored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3, D4 = "2026-11-18", DAY, "2026-11-20", "2026-11-21"
# Quality metrics, silver, quarantine and progress.
COMMITS = range(1, 5)


def of(day: str | None, product: str, amount: str) -> tuple[Any, ...]:
    return sale(product, "Cus001", "Mark001", day, 1, amount)


FIRST = SALES
# Of D1 other rows are good and bad, D3 is new, the other dates are gone.
SECOND = [
    of(D1, "Prod001", "-1.00"),
    of(D1, "Prod002", "2.00"),
    of(D3, "Prod004", "-4.00"),
    of(D3, "Prod005", "5.00"),
    of(None, "Prod006", "6.00"),
]
LATE = ("Prod002", "Div", "Seg", "Games", "Name 2", "Std")


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


@pytest.fixture
def root(first_day: FirstDay, tmp_path: Path) -> Path:
    """A lake in which FIRST is landed and processed, with gold, free to be changed."""
    return first_day.copied_to(tmp_path).root


# A log may have lost sight of the commit of a killed run: behind many others, or because it was cleaned.
KILLS = [*((commit, "") for commit in COMMITS), (3, "many_commits"), (3, "cleaned_log")]


@pytest.mark.parametrize(("commit", "lost"), KILLS)
def test_a_killed_run_leaves_nothing_of_rows_that_the_source_took_back(
    spark: SparkSession, root: Path, commit: int, lost: str
) -> None:
    land(root, D3, SECOND)
    with pytest.raises(Killed), before_commit(commit, kill):
        silver(root, D3)
    if lost:
        add_upkeep_commits(root / "silver/transactions", 60)
    if lost == "cleaned_log":
        clean_log(spark, root / "silver/transactions")
    # By their fingerprints, just these rows are processed already.
    land(root, D3, FIRST)
    assert conserved(silver(root, D3))
    check(root, FIRST)
    if lost:
        assert silver(root, D3)["outcome"] == "unchanged"


@pytest.mark.parametrize("commit", [2, 3])
def test_a_run_that_read_an_older_index_does_not_undo_the_newer_one(root: Path, commit: int) -> None:
    land(root, D3, SECOND)
    third = [*SECOND[1:], of(D1, "Prod007", "-7.00"), of(D4, "Prod008", "8.00")]

    def run_another() -> None:
        land(root, D4, third)
        assert conserved(silver(root, D4))

    with before_commit(commit, run_another):
        silver(root, D3)
    check(root, third)


def test_a_file_that_is_lost_or_cut_is_one_clear_message(root: Path) -> None:
    land(root, D3, SECOND)
    (file,) = (root / "bronze/atliqsale/transactions" / f"business_date={D3}").glob("*.parquet")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1])
    told = f"1 are lost or damaged, first business_date={D3}/{file.name}, which"
    failure = run_failure("silver", "transactions", D3, root) or ""
    assert f"{told} has {size - 1} bytes, not {size}; clear copy_to_bronze of the newest date" in failure
    file.unlink()
    assert f"{told} is gone; clear copy_to_bronze" in (run_failure("silver", "transactions", D3, root) or "")
    check(root, FIRST)


def test_a_damaged_pointer_names_the_command_that_mends_it(root: Path) -> None:
    (root / "bronze/atliqsale/transactions/_latest.json").write_text("{")
    failure = run_failure("silver", "transactions", D3, root) or ""
    assert failure.endswith(
        "make it again from the table's manifests: bin/lakehouse repair transactions --schema atliqsale"
    )


def wide(root: Path) -> list[tuple[Any, ...]]:
    return stored(root, "gold/sales_obt", ("order_date", "product_code", "category", "sales_amount"))


def copied(source: Path, target: Path) -> Path:
    """The same lake in another folder, free to be changed."""
    return Path(shutil.copytree(source, target, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def two_days(first_day: FirstDay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After gold was made other rows of the fact are processed."""
    root = first_day.copied_to(tmp_path_factory.mktemp("two_days")).root
    land(root, D3, SECOND)
    silver(root, D3)
    return root


@pytest.fixture(scope="module")
def later(two_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Then silver has a late product and a further sale."""
    root = copied(two_days, tmp_path_factory.mktemp("later"))
    BronzeLake(root).land_snapshot("product", PRODUCT, D3, [*PRODUCTS, LATE])
    run_job("silver", "product", D3, root)
    land(root, D4, [*SECOND, of(D4, "Prod009", "9.00")])
    silver(root, D4)
    return root


@pytest.fixture(scope="module")
def refreshed(two_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of ``two_days`` with its gold brought up to it."""
    root = copied(two_days, tmp_path_factory.mktemp("refreshed"))
    run_job("gold", "sales_obt", D3, root)
    return root


def advance(root: Path, later: Path) -> None:
    """What silver's runs have done in ``later``, a lake that was the same, happens here."""
    for layer in ("bronze", "silver"):
        copied(later / layer, root / layer)


AT_LAST = [
    (date(D1), "Prod002", "Games", Decimal("2.00")),
    (date(D3), "Prod005", "Unknown", Decimal("5.00")),
    (date(D4), "Prod009", "Unknown", Decimal("9.00")),
]


def test_of_two_gold_runs_the_one_that_read_older_silver_does_not_undo_the_other(
    two_days: Path, later: Path, tmp_path: Path
) -> None:
    root = copied(two_days, tmp_path)

    def run_another() -> None:
        advance(root, later)
        run_job("gold", "sales_obt", D4, root, run_id="another")

    with before_commit(1, run_another):
        row = run_job("gold", "sales_obt", D3, root)
    assert wide(root) == AT_LAST
    assert all(one["rows_silver"] == one["rows_gold"] for one in row["detail"]["dates"])
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "unchanged"


@pytest.mark.parametrize("is_clean", [False, True], ids=["many_commits", "cleaned_log"])
def test_gold_goes_on_when_its_last_commit_is_out_of_sight(
    spark: SparkSession, refreshed: Path, later: Path, tmp_path: Path, is_clean: bool
) -> None:
    root = copied(refreshed, tmp_path)
    advance(root, later)
    add_upkeep_commits(root / "gold/sales_obt", 210)
    if is_clean:
        clean_log(spark, root / "gold/sales_obt")
    row = run_job("gold", "sales_obt", D4, root)
    # A log that was cleaned no longer tells what gold was made from, so that it is made anew.
    assert row["outcome"] == ("full" if is_clean else "incremental")
    assert wide(root) == AT_LAST
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "unchanged"


def test_quarantine_goes_on_where_silver_was_removed(two_days: Path, tmp_path: Path) -> None:
    """The turns of a table that is made anew begin anew, and its quarantine has seen higher ones."""
    root = copied(two_days, tmp_path)
    shutil.rmtree(root / "silver/transactions")
    land(root, D4, FIRST)
    assert conserved(silver(root, D4))
    check(root, FIRST)


def test_tables_that_were_half_made_are_made(first_day: FirstDay, root: Path) -> None:
    named = [("Cus001", "Surge", "E-Commerce"), ("Cus002", None, "E-Commerce")]
    BronzeLake(root).land_snapshot("customer", CUSTOMER, D2, named)
    names = ["silver/quality_metrics", "gold/sales_obt"]
    for table in ("transactions", "customer"):
        names += [f"silver/{table}{part}" for part in ("", "_quarantine", "_progress")]
    for name in names:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name / "_delta_log").mkdir(parents=True)
    for table in ("transactions", "customer"):
        run_job("silver", table, D2, root)
    run_job("gold", "sales_obt", D2, root)
    check(root, FIRST)
    assert stored(root, "silver/customer_quarantine", ("business_key",)) == [('["Cus002"]',)]
    assert wide(root) == wide(first_day.root)


def test_what_silver_commits_in_the_midst_of_a_gold_run_is_in_the_next(
    two_days: Path, later: Path, tmp_path: Path
) -> None:
    root = copied(two_days, tmp_path)
    with before_commit(1, lambda: advance(root, later)):
        row = run_job("gold", "sales_obt", D3, root)
    assert [one[1] for one in wide(root)] == ["Prod002", "Prod005"]
    assert all(one["rows_silver"] == one["rows_gold"] for one in row["detail"]["dates"])
    assert run_job("gold", "sales_obt", D4, root)["outcome"] == "incremental"
    assert wide(root) == AT_LAST


def test_a_silver_commit_after_its_version_was_read_hides_none_before(
    refreshed: Path, later: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medallion.gold import one_big_table_refresh
    from medallion.lake import delta_tables

    root = copied(refreshed, tmp_path)
    advance(root, later)
    history: Callable[..., Any] = delta_tables.history
    asked: list[str] = []

    def repeat_the_snapshot(spark: SparkSession, table: str, limit: int) -> Any:
        asked.append(table)
        # Silver's versions have been read; a snapshot that repeats the last one adds a commit that changes no rows.
        if asked.count(table) == 2 and table.endswith("silver/product`"):
            BronzeLake(root).land_snapshot("product", PRODUCT, D4, [*PRODUCTS, LATE])
            run_job("silver", "product", D4, root)
        return history(spark, table, limit)

    with monkeypatch.context() as patch:
        patch.setattr(one_big_table_refresh.delta_tables, "history", repeat_the_snapshot)
        detail = run_job("gold", "sales_obt", D4, root)["detail"]
    assert (detail["dates_rewritten"], detail["keys_rewritten"]) == ([D4], {"product": 1})
    assert wide(root) == AT_LAST
