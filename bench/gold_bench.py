"""Times the refresh of a One Big Table beside its rebuild: a normal day, and a day on which dimension rows changed.

Silver is made by Spark as the jobs would leave it; gold is brought up to it by the job itself. After each case gold is
held, row for row, against the rows that building it anew would give.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import cpu_seconds, load_average
from bench.scd2_bench import start_spark
from lake_model.ledger_row import LedgerRow

if TYPE_CHECKING:
    from medallion.lake.dated_layout import DatedLayout
    from pyspark.sql import DataFrame, SparkSession

    from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts" / "atliqsale"
FIRST = dt.date(2024, 1, 1)
DATES = 1_000
MEMBERS = {"product": 1_000, "customer": 10_000, "market": 50, "date": DATES}
LATE = (10, 500, 900)
RENAMED_SHARE = 0.01
WARM_UP_SHARE = 20


@dataclass(frozen=True)
class Result:
    """One refresh: what happened before it, what gold did, in how many seconds, and whether it came out right."""

    case: str
    mode: str
    dates_rewritten: int
    seconds: float
    cpu_seconds: float
    is_right: bool


class Gold:
    """A lake whose silver a bench makes and changes, and the One Big Table over it."""

    def __init__(self, spark: SparkSession, root: Path, layout: str) -> None:
        from medallion.lake.table_names import TableNames

        from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract

        folder = Path(shutil.copytree(CONTRACTS, root / "contracts" / CONTRACTS.name))
        path = folder / "sales_obt.odcs.yaml"
        path.write_text(path.read_text().replace("layout, value: cluster", f"layout, value: {layout}"))
        self.spark, self.root, self.folder = spark, root, folder
        self.wide: OneBigTableContract = read_one_big_table_contract(folder, "sales_obt")
        tables = (self.wide.fact, *(join.dimension for join in self.wide.joins))
        self.silver: Mapping[str, SilverContract] = {name: read_silver_contract(folder, name) for name in tables}
        self.names = TableNames(f"{root}/lake", None)

    def make_silver(self, rows: int) -> None:
        """A fact of that many rows over `DATES` dates, and dimensions that know all of its keys."""
        for name, members in MEMBERS.items():
            self._make_dimension(name, members)
        self._layout.create(self.spark, self.names.silver(self.wide.fact), self._fact_types, change_feed=True)
        self.write_facts(range(DATES), rows // DATES)

    def write_facts(self, dates: Sequence[int], a_date: int) -> None:
        """Puts so many rows of each date, by its number, in the place of those that there are."""
        from medallion.lake import delta_tables

        values = {
            "product_code": _code("product", "id * 7 + day"),
            "customer_code": _code("customer", "id * 13 + day"),
            "market_code": _code("market", "id * 3 + day"),
            "order_date": f"date_add(DATE'{FIRST}', day)",
            "sales_qty": "1 + id % 9",
            "sales_amount": "1 + id % 1000",
            "currency": "'INR'",
            "revenue_inr": "1 + id % 1000",
        }
        days = f"explode(array({', '.join(map(str, dates))})) AS day"
        rows = self.spark.range(a_date).selectExpr("id", days).selectExpr(*_columns(self._fact_types, values))
        scope = delta_tables.dates_predicate("order_date", [FIRST + dt.timedelta(days=day) for day in dates])
        spread = self._layout.spread(rows, a_date * len(dates))
        delta_tables.replace_where(spread, self.names.silver(self.wide.fact), scope)

    def rename_customers(self, share: float) -> None:
        """Gives a share of the customers a newer version of another name."""
        count = int(MEMBERS["customer"] * share)
        self._add_members("customer", self.spark.range(count), "2026-11-20", "concat('Renamed ', id)")

    def refresh(self) -> tuple[str, int]:
        """Runs the job; gives its mode and how many dates it rewrote."""
        import gold

        job = ["--tables", self.wide.name, "--business-date", "2026-11-20", "--run-id", "bench"]
        failed = gold.main(["--contracts", str(self.folder), "--lake-root", f"{self.root}/lake", *job])
        if failed is not None:
            raise RuntimeError(failed)
        ledger = (self.root / "lake" / "ledger").rglob(f"{self.wide.name}.gold.*.json")
        row = LedgerRow.from_json(max(ledger, key=lambda path: path.stat().st_mtime_ns).read_bytes())
        return row.outcome, len(row.detail["dates_rewritten"])

    def is_right(self) -> bool:
        """Whether gold holds just the rows that building it from silver as it is now gives."""
        from medallion.gold import one_big_table

        fact = self.spark.table(self.names.silver(self.wide.fact))
        dimensions = {
            join.dimension: one_big_table.latest_rows(
                self.spark.table(self.names.silver(join.dimension)), self.silver[join.dimension]
            )
            for join in self.wide.joins
        }
        wanted = one_big_table.build(fact, dimensions, self.wide)
        return _digest(wanted) == _digest(self.spark.table(self.names.gold(self.wide.name)).select(wanted.columns))

    def forget_gold(self) -> None:
        """Removes gold, as before its first run."""
        shutil.rmtree(self.root / "lake" / "gold", ignore_errors=True)

    @property
    def _layout(self) -> DatedLayout:
        from medallion.lake.dated_layout import DatedLayout

        return DatedLayout(self.silver[self.wide.fact].date_column, self.silver[self.wide.fact].clustered)

    @property
    def _fact_types(self) -> tuple[tuple[str, str], ...]:
        from medallion.facts.fact_slices import fact_columns

        return fact_columns(self.silver[self.wide.fact])

    def _make_dimension(self, name: str, members: int) -> None:
        from medallion.dimensions.dimension_tables import partition_of, silver_columns
        from medallion.lake import delta_tables

        contract = self.silver[name]
        delta_tables.create(
            self.spark, self.names.silver(name), silver_columns(contract), partitioned_by=partition_of(contract),
            deletion_vectors=contract.scd_type == 2,
        )  # fmt: skip
        self._add_members(name, self.spark.range(members), "2024-01-01", "concat('Name ', id)")

    def _add_members(self, name: str, numbers: DataFrame, since: str, text: str) -> None:
        from medallion.dimensions.dimension_tables import silver_columns
        from medallion.lake import delta_tables

        contract, day = self.silver[name], f"date_add(DATE'{FIRST}', CAST(id AS int))"
        types = silver_columns(contract)
        keys = {key: day if name == "date" else _code(name, "id") for key in contract.key}
        dates = {column: day for column, kind in types if kind == "date"}
        known = {"valid_from": f"DATE'{since}'", "valid_to": "NULL", "is_current": "TRUE"}
        texts = {column: text for column, kind in types if kind == "string"}
        whole = {column: "2026" for column, kind in types if kind in {"int", "bigint", "smallint"}}
        rows = numbers.selectExpr(*_columns(types, texts | whole | dates | known | keys))
        delta_tables.append(rows.coalesce(1), self.names.silver(name))


def _code(name: str, number: str) -> str:
    return f"concat('{name}', ({number}) % {MEMBERS[name]})"


def _columns(types: Sequence[tuple[str, str]], values: Mapping[str, str]) -> list[str]:
    return [f"CAST({values.get(name, 'NULL')} AS {kind}) AS `{name}`" for name, kind in types]


def _digest(frame: DataFrame) -> tuple[object, ...]:
    names = ", ".join(f"`{name}`" for name in frame.columns)
    return tuple(frame.selectExpr("count(*)", f"sum(CAST(xxhash64({names}) AS decimal(20,0)))").collect()[0])


def cases(gold: Gold, rows: int) -> list[Result]:
    """A rebuild, a normal day after it, a day of renamed customers, and a day without changes."""
    gold.make_silver(rows)
    a_date = rows // DATES
    changes: list[tuple[str, Callable[[], None]]] = [
        ("rebuild", gold.forget_gold),
        ("one new date, three late ones", lambda: gold.write_facts((DATES, *LATE), a_date + 1)),
        ("1% of customers renamed", lambda: gold.rename_customers(RENAMED_SHARE)),
        ("nothing", lambda: None),
    ]
    return [_measured(gold, case, change) for case, change in changes]


def _measured(gold: Gold, case: str, change: Callable[[], None]) -> Result:
    change()
    cpu, started = cpu_seconds(os.getpid()), time.perf_counter()
    mode, dates = gold.refresh()
    seconds, cpu = time.perf_counter() - started, cpu_seconds(os.getpid()) - cpu
    return Result(case, mode, dates, round(seconds, 2), round(cpu, 1), gold.is_right())


def summary(rows: int, results: Sequence[Result]) -> dict[str, object]:
    """The figures of the last line: shares of a rebuild's seconds."""
    rebuild, normal, renamed, nothing = (one.seconds for one in results)
    return {
        "rows": rows,
        "rebuild_s": rebuild,
        "normal_day_share": round(normal / rebuild, 3),
        "renamed_share": round(renamed / rebuild, 3),
        "unchanged_share": round(nothing / rebuild, 3),
        "right": all(one.is_right for one in results),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases; its last line of output is one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench gold", description="Times the refresh of a One Big Table.")
    parser.add_argument("--rows", type=int, default=10_000_000, help=f"of the fact, over {DATES} dates")
    parser.add_argument("--layout", choices=("cluster", "partition"), default="cluster", help="of gold")
    parser.add_argument("--memory", default="6g", help="memory for Spark")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args(argv)
    if given.rows < DATES:
        print(f"error: --rows {given.rows}: give {DATES} or more, one for each date", file=sys.stderr)
        return 2
    home = Path(tempfile.mkdtemp(prefix="gold-bench-"))
    spark = start_spark(given.memory, given.cores)
    try:
        cases(Gold(spark, home / "warm", given.layout), max(DATES, given.rows // WARM_UP_SHARE))
        print("| before the run | gold | dates | seconds | CPU s | right |\n|---|---|--:|--:|--:|---|", flush=True)
        results = cases(Gold(spark, home / "large", given.layout), given.rows)
    finally:
        spark.stop()
        shutil.rmtree(home)
    for one in results:
        right = "yes" if one.is_right else "no"
        print(f"| {one.case} | {one.mode} | {one.dates_rewritten} | {one.seconds} | {one.cpu_seconds} | {right} |")
    print(f"layout {given.layout}, load average {load_average():.1f}")
    print(json.dumps(summary(given.rows, results)))
    return 0 if all(one.is_right for one in results) else 1
