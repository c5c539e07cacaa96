"""gold.py: every fact beside the latest dimension rows, and a refresh that equals a rebuild."""

from __future__ import annotations

import random
import shutil
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS, CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import data_bytes, date, land_and_clean, run_job, sale, stored, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2, D3, D4 = "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"
WIDE = (
    "order_date", "year", "month", "month_name", "product_code", "division", "segment", "category", "product_name",
    "variant", "customer_code", "customer_name", "customer_type", "market_code", "market_name", "zone", "sales_qty",
    "sales_amount", "currency", "revenue_inr",
)  # fmt: skip


def product(number: int, category: str) -> tuple[str, ...]:
    return (f"Prod00{number}", "Div", "Seg", category, f"Name {number}", "Std")


SALES: list[tuple[object, ...]] = [
    sale("Prod001", "Cus001", "Mark001", D1, 1, "10.00"),
    sale("Prod002", "Cus001", "Mark001", D2, 2, "20.00"),
    sale("Prod009", "Cus001", "Mark001", D2, 3, "30.00", "USD"),
]


@pytest.fixture(scope="module")
def first_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A lake with gold, and the ledger row of its first run."""
    lake = BronzeLake(tmp_path_factory.mktemp("first_day"))
    land_and_clean(
        lake, D2,
        {
            "customer": (CUSTOMER, [("Cus001", "Surge", "E-Commerce")]),
            "product": (PRODUCT, [product(1, "Books"), product(2, "Toys")]),
            "market": (MARKET, [("Mark001", "Delhi", "nan")]),
            "date": (DATE, [(date(D1), date("2026-11-01"), 2026, "November", "26-Nov")]),
            "transactions": (TRANSACTIONS, SALES),
        },
    )  # fmt: skip
    return lake.root, run_job("gold", "sales_obt", D2, lake.root)


@pytest.fixture
def lake(first_day: tuple[Path, dict[str, Any]], tmp_path: Path) -> BronzeLake:
    """The lake of the first day, free to be changed."""
    return BronzeLake(Path(shutil.copytree(first_day[0], tmp_path / "lake")))


def test_refreshes_equal_a_rebuild_and_rewrite_only_what_changed(
    first_day: tuple[Path, dict[str, Any]], lake: BronzeLake
) -> None:
    sales, first = SALES, first_day[1]
    assert first["detail"]["mode"] == "full"
    assert first["detail"]["silver"]["version"] == version(lake.root, "silver/transactions")
    assert first["bytes_written"] == data_bytes(lake.root, "gold/sales_obt", version(lake.root, "gold/sales_obt"))
    assert first["detail"]["rows_unknown"] == {"product": 1, "customer": 0, "market": 0, "date": 2}
    known = (2026, date("2026-11-01"))
    assert stored(lake.root, "gold/sales_obt", WIDE)[2] == (
        date(D2), *known, "Unknown", "Prod009", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown", "Cus001",
        "Surge", "E-Commerce", "Mark001", "Delhi", None, 3, Decimal("30.00"), "USD", Decimal("2250.00"),
    )  # fmt: skip
    before = version(lake.root, "gold/sales_obt")
    assert run_job("gold", "sales_obt", D2, lake.root)["detail"]["mode"] == "unchanged"
    assert version(lake.root, "gold/sales_obt") == before

    # A product changes: only the rows that show it are rewritten.
    land_and_clean(lake, D3, {"product": (PRODUCT, [product(1, "Books"), product(2, "Games")])})
    second = run_job("gold", "sales_obt", D3, lake.root)
    assert (second["detail"]["mode"], second["detail"]["dates_rewritten"]) == ("incremental", [])
    assert (second["detail"]["keys_rewritten"], second["rows_written"]) == ({"product": 1}, 1)
    assert [row[7] for row in stored(lake.root, "gold/sales_obt", WIDE)] == ["Books", "Games", "Unknown"]

    # A product deleted at the source keeps its last values; a date's facts vanish; a new date comes.
    sales = [*sales[1:], sale("Prod001", "Cus001", "Mark001", D4, 5, "50.00")]
    land_and_clean(lake, D4, {"product": (PRODUCT, [product(2, "Games")]), "transactions": (TRANSACTIONS, sales)})
    third = run_job("gold", "sales_obt", D4, lake.root)
    assert (third["detail"]["mode"], third["detail"]["dates_rewritten"]) == ("incremental", [D1, D4])
    incremental = stored(lake.root, "gold/sales_obt", WIDE)
    assert [row[7] for row in incremental] == ["Games", "Unknown", "Books"]
    shutil.rmtree(lake.root / "gold")
    assert run_job("gold", "sales_obt", D4, lake.root)["detail"]["mode"] == "full"
    assert stored(lake.root, "gold/sales_obt", WIDE) == incremental


@pytest.mark.parametrize("layout", ["cluster", "partition"])
def test_random_changes_refresh_to_what_a_rebuild_gives(spark: SparkSession, tmp_path: Path, layout: str) -> None:
    contracts = Path(shutil.copytree(CONTRACTS, tmp_path / CONTRACTS.name))
    for name, there in (("sales_obt", "layout, value: cluster"), ("transactions", "duplicates, value: keep_one")):
        path = contracts / f"{name}.odcs.yaml"
        given = f"layout, value: {layout}"
        given = given if "layout" in there else f"{there}}}\n      - {{property: {given}"
        assert there in path.read_text()
        path.write_text(path.read_text().replace(there, given))
    chance = random.Random(7)
    lake = BronzeLake(tmp_path / "lake")
    days = [D1, D2, D3, D4]
    customers = [(f"Cus00{number}", "X", "E-Commerce") for number in range(3)]
    market = [("Mark001", "Delhi", "North")]
    dimensions = {"customer": (CUSTOMER, customers), "market": (MARKET, market), "date": (DATE, [])}
    land_and_clean(lake, D1, dimensions, contracts)
    for day in days[:2]:
        products = [product(number, chance.choice("AB")) for number in range(9) if chance.random() < 0.8]
        sales = [
            sale(
                f"Prod00{chance.randrange(9)}", f"Cus00{number % 3}", "Mark001", chance.choice(days), 1 + number, "1.00"
            )
            for number in range(30)
        ]
        land_and_clean(lake, day, {"product": (PRODUCT, products), "transactions": (TRANSACTIONS, sales)}, contracts)
        detail = run_job("gold", "sales_obt", day, lake.root, contracts)["detail"]
        assert detail["mode"] == ("full" if day == D1 else "incremental")
    assert set(detail["keys_rewritten"]) == ({"product"} if layout == "cluster" else set())
    refreshed = stored(lake.root, "gold/sales_obt", WIDE)
    assert len(list(lake.root.glob("*/*/order_date=*"))) == (0 if layout == "cluster" else 8)
    shutil.rmtree(lake.root / "gold")
    run_job("gold", "sales_obt", D4, lake.root, contracts)
    assert stored(lake.root, "gold/sales_obt", WIDE) == refreshed


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
    assert stored(root, "gold/sales_obt", ("category",)) == [("Books",), ("Dolls",), ("Unknown",)]
