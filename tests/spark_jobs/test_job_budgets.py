"""What a landing may cost: Spark jobs and Delta commits, which are most of the time of a small one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import date, run_job, sale

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
D1, D2 = "2026-11-18", "2026-11-19"
PRODUCTS = [(f"Prod{n:03}", "Div", "Seg", "Cat", f"Name {n}", "Std") for n in range(20)]
CUSTOMERS = [(f"Cus{n:03}", f"Name {n}", "E-Commerce") for n in range(20)]
# Spark jobs of a classic session; some depend on whether Spark broadcasts what it joins.
UNCHANGED, CHANGED, FACT, GOLD = 12, 27, 16, 48
SALES = [
    sale(f"Prod{n % 20:03}", f"Cus{n % 20:03}", "Mark001", f"2026-10-{1 + n % 28:02}", 1 + n % 4, f"{n + 1}.00")
    for n in range(300)
]


@dataclass(frozen=True)
class Cost:
    jobs: int
    commits: int


@dataclass(frozen=True)
class Lake:
    """A lake whose first business date is done, and the counting of what a run on it costs."""

    bronze: BronzeLake
    jobs_so_far: Callable[[], int]

    def cost(self, stage: str, table: str) -> Cost:
        jobs, commits = self.jobs_so_far(), self._commits()
        run_job(stage, table, D2, self.bronze.root, run_id="second")
        return Cost(self.jobs_so_far() - jobs, self._commits() - commits)

    def _commits(self) -> int:
        return len(list(self.bronze.root.glob("*/*/_delta_log/*.json")))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    bronze = BronzeLake(tmp_path_factory.mktemp("budget"))
    bronze.land_snapshot("product", PRODUCT, D1, PRODUCTS)
    bronze.land_snapshot("customer", CUSTOMER, D1, CUSTOMERS)
    bronze.land_snapshot("market", MARKET, D1, [("Mark001", "Delhi", "North")])
    bronze.land_snapshot("date", DATE, D1, [(date(D1), date("2026-11-01"), 2026, "November", "26-Nov")])
    bronze.land_fact("transactions", TRANSACTIONS, D1, SALES, "order_date")
    for table in ("product", "customer", "market", "date", "transactions"):
        run_job("silver", table, D1, bronze.root)
    run_job("gold", "sales_obt", D1, bronze.root)
    return Lake(bronze, spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs)


def test_a_dimension_that_did_not_change(lake: Lake) -> None:
    lake.bronze.land_snapshot("customer", CUSTOMER, D2, CUSTOMERS)

    cost = lake.cost("silver", "customer")

    assert (cost.jobs <= UNCHANGED, cost.commits) == (True, 2), cost


def test_a_dimension_with_a_changed_row(lake: Lake) -> None:
    renamed = (*PRODUCTS[3][:4], "Other", "Std")
    lake.bronze.land_snapshot("product", PRODUCT, D2, [*PRODUCTS[:3], renamed, *PRODUCTS[4:]])

    cost = lake.cost("silver", "product")

    assert (cost.jobs <= CHANGED, cost.commits) == (True, 3), cost


def test_a_fact_with_few_changed_dates_and_the_gold_table_after_it(lake: Lake) -> None:
    new = [sale("Prod001", "Cus001", "Mark001", f"2026-10-0{day}", 1, "7.00") for day in (1, 2, 5)]
    lake.bronze.land_fact("transactions", TRANSACTIONS, D2, [*SALES, *new], "order_date")

    fact, gold = lake.cost("silver", "transactions"), lake.cost("gold", "sales_obt")

    assert (fact.jobs <= FACT, fact.commits) == (True, 3), fact
    assert (gold.jobs <= GOLD, gold.commits) == (True, 1), gold
