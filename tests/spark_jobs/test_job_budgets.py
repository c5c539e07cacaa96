"""What a landing may cost: Spark jobs and Delta commits, which are most of the time of a small one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CUSTOMER, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.first_day import BOOKS, CUSTOMERS, SALES, TOYS, FirstDay
from tests.spark_jobs.jobs import run_job, sale

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SECOND = "2026-11-20"
# Spark jobs of a classic session; some depend on whether Spark broadcasts what it joins.
UNCHANGED, CHANGED, FACT, GOLD = 12, 20, 25, 46


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
        run_job(stage, table, SECOND, self.bronze.root, run_id="second")
        return Cost(self.jobs_so_far() - jobs, self._commits() - commits)

    def _commits(self) -> int:
        return len(list(self.bronze.root.glob("*/*/_delta_log/*.json")))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, first_day: FirstDay, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    bronze = first_day.copied_to(tmp_path_factory.mktemp("budget"))
    return Lake(bronze, spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs)


def test_a_dimension_that_did_not_change(lake: Lake) -> None:
    lake.bronze.land_snapshot("customer", CUSTOMER, SECOND, CUSTOMERS)

    cost = lake.cost("silver", "customer")

    assert (cost.jobs <= UNCHANGED, cost.commits) == (True, 2), cost


def test_a_dimension_with_a_changed_row(lake: Lake) -> None:
    renamed = (*TOYS[:4], "Other", "Std")
    lake.bronze.land_snapshot("product", PRODUCT, SECOND, [BOOKS, renamed])

    cost = lake.cost("silver", "product")

    assert (cost.jobs <= CHANGED, cost.commits) == (True, 3), cost


def test_a_fact_with_few_changed_dates_and_the_gold_table_after_it(lake: Lake) -> None:
    new = [sale("Prod001", "Cus001", "Mark001", f"2026-10-0{day}", 1, "7.00") for day in (1, 2, 5)]
    lake.bronze.land_fact("transactions", TRANSACTIONS, SECOND, [*SALES, *new], "order_date")

    fact, gold = lake.cost("silver", "transactions"), lake.cost("gold", "sales_obt")

    assert (fact.jobs <= FACT, fact.commits) == (True, 3), fact
    assert (gold.jobs <= GOLD, gold.commits) == (True, 1), gold
