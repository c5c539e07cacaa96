"""Runs the Spark jobs as the workspace does, and reads back what they stored without Spark."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.spark_jobs.bronze_lake import CONTRACTS, BronzeLake

RUN = "manual__1"


def run_job(
    stage: str, table: str, day: str, lake: Path, contracts: Path = CONTRACTS, run_id: str = RUN,
    flags: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Runs a job that must succeed; gives its ledger row."""
    failure = run_failure(stage, table, day, lake, contracts, run_id, flags)
    assert failure is None, failure
    row = ledger_row(stage, table, day, lake, contracts.name, run_id)
    assert row["status"] == "success"
    return row


def run_failure(
    stage: str, table: str, day: str, lake: Path, contracts: Path = CONTRACTS, run_id: str = RUN,
    flags: Sequence[str] = (),
) -> str | None:  # fmt: skip
    """Runs a job; gives its message when it fails."""
    arguments = ["--contracts", str(contracts), "--tables", table, "--business-date", day]
    failure: str | None = importlib.import_module(stage).main(
        [*arguments, "--run-id", run_id, "--lake-root", str(lake), *flags]
    )
    return failure


def land_and_clean(
    lake: BronzeLake, day: str, tables: Mapping[str, tuple[Any, Sequence[Sequence[Any]]]], contracts: Path = CONTRACTS
) -> None:
    """Lands rows of tables, the fact among them by its dates, and runs silver for each."""
    for table, (columns, rows) in tables.items():
        if table == "transactions":
            lake.land_fact(table, columns, day, rows, "order_date")
        else:
            lake.land_snapshot(table, columns, day, rows)
        run_job("silver", table, day, lake.root, contracts)


def ledger_row(
    stage: str, table: str, day: str, lake: Path, schema: str = "atliqsale", run_id: str = RUN
) -> dict[str, Any]:
    """The row of a job's newest attempt."""
    folder = lake / f"ledger/schema={schema}/business_date={day}/run_id={run_id}"
    rows: list[dict[str, Any]] = [
        json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"{table}.{stage}.*.json")
    ]
    return max(rows, key=lambda row: str(row["started_at"]))


def stored(lake: Path, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a Delta table such as ``silver/customer``, sorted, read with the ``deltalake`` package."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    # Not by `to_pyarrow_table`, which knows no deletion vectors.
    query = QueryBuilder().register("stored", DeltaTable(str(lake / table)))
    names = ", ".join(f'"{name}"' for name in columns)
    rows = pa.table(query.execute(f"SELECT {names} FROM stored").read_all()).to_pylist()
    return sorted((tuple(row[name] for name in columns) for row in rows), key=repr)


def version(lake: Path, table: str) -> int:
    """The number of commits of a Delta table, from 0."""
    from deltalake import DeltaTable

    return DeltaTable(str(lake / table)).version()


def data_bytes(lake: Path, table: str, version: int) -> int:
    """The size of the data files that a commit of a Delta table added."""
    lines = (lake / table / "_delta_log" / f"{version:020}.json").read_text().splitlines()
    added = [action["add"] for action in map(json.loads, lines) if "add" in action]
    return sum(int(one["size"]) for one in added)


def date(text: str) -> dt.date:
    """An ISO date."""
    return dt.date.fromisoformat(text)


def sale(
    product: str, customer: str, market: str, day: str | None, qty: int | None, amount: str, currency: str = "INR\r"
) -> tuple[Any, ...]:
    """A row of transactions."""
    return (product, customer, market, None if day is None else date(day), qty, Decimal(amount), currency)


def assert_same_tables(found: Path, expected: Path, tables: Sequence[str]) -> None:
    """Both have the same columns, rows and number of commits: nothing made a table anew in the place of the old one."""
    for table in tables:
        columns = _columns(expected, table)
        assert _columns(found, table) == columns
        rows = stored(expected, table, columns)
        assert rows
        assert stored(found, table, columns) == rows
        assert version(found, table) == version(expected, table)


def _columns(lake: Path, table: str) -> list[str]:
    from deltalake import DeltaTable

    return [field.name for field in DeltaTable(str(lake / table)).schema().fields]
