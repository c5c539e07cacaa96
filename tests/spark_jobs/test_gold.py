"""gold.py: every fact beside the latest dimension rows, and a refresh that equals a rebuild."""

from __future__ import annotations

import random
import shutil
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.first_day import BOOKS, DAY, OCTOBER, SALES, TOYS, FirstDay
from tests.spark_jobs.jobs import data_bytes, date, land_and_clean, run_job, sale, stored, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3, D4, D5 = "2026-11-18", DAY, "2026-11-20", "2026-11-21", "2026-11-22"
GAMES = (*TOYS[:3], "Games", *TOYS[4:])
WIDE = (
    "order_date", "year", "month", "month_name", "product_code", "division", "segment", "category", "product_name",
    "variant", "customer_code", "customer_name", "customer_type", "market_code", "market_name", "zone", "sales_qty",
    "sales_amount", "currency", "revenue_inr",
)  # fmt: skip


@pytest.fixture
def lake(first_day: FirstDay, tmp_path: Path) -> BronzeLake:
    """The lake of the first day, free to be changed."""
    return first_day.copied_to(tmp_path / "lake")


def test_refreshes_equal_a_rebuild_and_rewrite_only_what_changed(first_day: FirstDay, lake: BronzeLake) -> None:
    first = first_day.gold
    assert first["detail"]["mode"] == "full"
    assert first["detail"]["silver"]["version"] == version(lake.root, "silver/transactions")
    assert first["bytes_written"] == data_bytes(lake.root, "gold/sales_obt", version(lake.root, "gold/sales_obt"))
    unknown = {"product": 1, "customer": 0, "market": 0, "date": len(OCTOBER) + 2}
    assert first["detail"]["rows_unknown"] == unknown
    known = (2026, date("2026-11-01"))
    assert stored(lake.root, "gold/sales_obt", WIDE)[-1] == (
        date(D2), *known, "Unknown", "Prod009", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown", "Cus001",
        "Surge", "E-Commerce", "Mark001", "Delhi", None, 3, Decimal("30.00"), "USD", Decimal("2250.00"),
    )  # fmt: skip
    before = version(lake.root, "gold/sales_obt")
    assert run_job("gold", "sales_obt", D2, lake.root)["detail"]["mode"] == "unchanged"
    assert version(lake.root, "gold/sales_obt") == before

    # A product changes: only the rows that show it are rewritten.
    land_and_clean(lake, D3, {"product": (PRODUCT, [BOOKS, GAMES])})
    second = run_job("gold", "sales_obt", D3, lake.root)
    assert (second["detail"]["mode"], second["detail"]["dates_rewritten"]) == ("incremental", [])
    assert (second["detail"]["keys_rewritten"], second["rows_written"]) == ({"product": 1}, 1)
    assert [row[7] for row in stored(lake.root, "gold/sales_obt", WIDE)[-3:]] == ["Books", "Games", "Unknown"]

    # A product deleted at the source keeps its last values; a date's facts vanish; a new date comes.
    sales = [one for one in SALES if one[3] != date(D1)] + [sale("Prod001", "Cus001", "Mark001", D4, 5, "50.00")]
    land_and_clean(lake, D4, {"product": (PRODUCT, [GAMES]), "transactions": (TRANSACTIONS, sales)})
    third = run_job("gold", "sales_obt", D4, lake.root)
    assert (third["detail"]["mode"], third["detail"]["dates_rewritten"]) == ("incremental", [D1, D4])
    incremental = stored(lake.root, "gold/sales_obt", WIDE)
    assert [row[7] for row in incremental] == ["Books"] * len(OCTOBER) + ["Games", "Unknown", "Books"]
    shutil.rmtree(lake.root / "gold")
    assert run_job("gold", "sales_obt", D4, lake.root)["detail"]["mode"] == "full"
    assert stored(lake.root, "gold/sales_obt", WIDE) == incremental


def test_random_changes_refresh_to_what_a_rebuild_gives_in_either_layout(lake: BronzeLake, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    root, chance = lake.root, random.Random(7)
    contracts = tmp_path / CONTRACTS.name

    def change(day: str) -> dict[str, Any]:
        products = [(*BOOKS[:3], chance.choice("AB"), *BOOKS[4:]) for _ in range(9)]
        products = [(f"Prod00{number}", *one[1:]) for number, one in enumerate(products) if chance.random() < 0.8]
        sales = [
            sale(f"Prod00{chance.randrange(9)}", f"Cus00{number % 3}", "Mark001", day_of_sale, 1 + number, "1.00")
            for number, day_of_sale in enumerate(chance.choice((D1, D2, D3, D4)) for _ in range(30))
        ]
        land_and_clean(lake, day, {"product": (PRODUCT, products), "transactions": (TRANSACTIONS, sales)}, contracts)
        return gold(day)

    def gold(day: str) -> dict[str, Any]:
        detail: dict[str, Any] = run_job("gold", "sales_obt", day, root, contracts)["detail"]
        return detail

    def rows() -> list[tuple[Any, ...]]:
        return stored(root, "gold/sales_obt", WIDE)

    def folders() -> list[list[str]]:
        tables = ("silver/transactions", "gold/sales_obt")
        return [DeltaTable(str(root / table)).metadata().partition_columns for table in tables]

    _use_layout(contracts, "cluster")
    shutil.rmtree(root / "gold")
    assert change(D3)["mode"] == "full"
    detail = change(D4)
    assert (detail["mode"], list(detail["keys_rewritten"])) == ("incremental", ["product"])
    assert folders() == [[], []]
    refreshed = rows()

    _use_layout(contracts, "partition")
    run_job("silver", "transactions", D4, root, contracts)
    assert gold(D4)["mode"] == "full"
    assert rows() == refreshed
    assert folders() == [["order_date"]] * 2

    detail = change(D5)
    assert (detail["mode"], detail["keys_rewritten"]) == ("incremental", {})
    refreshed = rows()
    shutil.rmtree(root / "gold")
    anew = gold(D5)
    assert anew["mode"] == "full"
    assert rows() == refreshed
    # Of dates that were not written again the figures are those of the run before.
    assert (detail["dates"], detail["rows_unknown"]) == (anew["dates"], anew["rows_unknown"])


def _use_layout(contracts: Path, layout: str) -> None:
    """The shipped contracts with one layout for the fact and the One Big Table."""
    shutil.copytree(CONTRACTS, contracts, dirs_exist_ok=True)
    for name in ("sales_obt", "transactions"):
        path = contracts / f"{name}.odcs.yaml"
        assert "layout, value: cluster" in path.read_text()
        path.write_text(path.read_text().replace("layout, value: cluster", f"layout, value: {layout}"))


def test_changes_that_can_no_longer_be_read_cost_a_rebuild(spark: SparkSession, lake: BronzeLake) -> None:
    root = lake.root
    product = f"delta.`{root}/silver/product`"
    # So that rows are written again, and a file that held one is needed for what was changed alone.
    spark.sql(f"ALTER TABLE {product} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')")
    old_files = set(spark.table(product).inputFiles())
    spark.sql(f"UPDATE {product} SET category = 'Dolls' WHERE category = 'Toys'")
    # As VACUUM leaves it once a version is older than its retention.
    replaced = old_files - set(spark.table(product).inputFiles())
    assert replaced
    for file in replaced:
        Path(urlparse(file).path).unlink()
    detail = run_job("gold", "sales_obt", D2, root)["detail"]
    assert (detail["mode"], detail["reason"].partition(":")[0]) == ("full", "the changes cannot be read")
    assert stored(root, "gold/sales_obt", ("category",)) == sorted([("Books",)] * 7 + [("Dolls",), ("Unknown",)])
