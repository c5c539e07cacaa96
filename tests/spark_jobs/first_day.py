"""The lake of a first business date, with gold: what most tests of a later date begin with. It is made once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.spark_jobs.bronze_lake import CUSTOMER, DATE, MARKET, PRODUCT, TRANSACTIONS, BronzeLake
from tests.spark_jobs.jobs import date, land_and_clean, ledger_row, run_job, sale

DAY_BEFORE, DAY = "2026-11-18", "2026-11-19"
CUSTOMERS = [("Cus001", "Surge", "E-Commerce")]
BOOKS = ("Prod001", "Div", "Seg", "Books", "Name 1", "Std")
TOYS = ("Prod003", "Div", "Seg", "Toys", "Name 3", "Std")
PRODUCTS = [BOOKS, TOYS]
# The first has no zone. The second is refused, for it has no name.
MARKETS = [("Mark001", "Delhi", "nan"), ("Mark002", "", "North")]
DATES = [(date(DAY_BEFORE), date("2026-11-01"), 2026, "November", "26-Nov")]
OCTOBER = [sale("Prod001", "Cus001", "Mark001", f"2026-10-0{number}", 1, f"{number}.00") for number in range(1, 7)]
# One is refused, and the product of one is unknown.
SALES = [
    *OCTOBER,
    sale("Prod001", "Cus001", "Mark001", DAY_BEFORE, 1, "1.00"),
    sale("Prod002", "Cus001", "Mark002", DAY_BEFORE, 1, "-2.00"),
    sale("Prod003", "Cus001", "Mark001", DAY, 1, "3.00"),
    sale("Prod009", "Cus001", "Mark001", DAY, 3, "30.00", "USD"),
]
# Of a next day: one customer is renamed and one has no name; a sale is corrected, one is late, and one is of nothing.
NEXT_CUSTOMERS = [("Cus001", "Surge Stores", "E-Commerce"), ("Cus002", None, "Brick & Mortar")]
NEXT_SALES = [
    *(one for one in SALES if str(one[3]) != DAY_BEFORE),
    sale("Prod001", "Cus001", "Mark001", DAY_BEFORE, 1, "11.00"),
    sale("Prod001", "Cus001", "Mark001", DAY_BEFORE, 5, "50.00", "USD"),
    sale("Prod001", "Cus001", "Mark001", DAY_BEFORE, 1, "0.00"),
]
SNAPSHOTS: dict[str, tuple[Any, list[tuple[Any, ...]]]] = {
    "customer": (CUSTOMER, CUSTOMERS), "product": (PRODUCT, PRODUCTS), "market": (MARKET, MARKETS),
    "date": (DATE, DATES),
}  # fmt: skip


@dataclass(frozen=True)
class FirstDay:
    """The lake, which is only ever copied."""

    root: Path

    @staticmethod
    def made_in(root: Path) -> FirstDay:
        """Lands, cleans and widens all tables; a Spark session is there."""
        land_and_clean(BronzeLake(root), DAY, {**SNAPSHOTS, "transactions": (TRANSACTIONS, SALES)})
        run_job("gold", "sales_obt", DAY, root)
        return FirstDay(root)

    @property
    def gold(self) -> dict[str, Any]:
        """The ledger's row of its gold run."""
        return ledger_row("gold", "sales_obt", DAY, self.root)

    def copied_to(self, root: Path) -> BronzeLake:
        """The same lake in another folder, free to be changed."""
        return BronzeLake(Path(shutil.copytree(self.root, root, dirs_exist_ok=True)))
