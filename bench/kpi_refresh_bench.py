"""How long the KPI page's read model of a new version takes: whole from gold, and out of the one before.

Gold is a Delta table of files of many dates, whose commits name the rows that they wrote. Its newest two dates change;
then they change again and a customer is renamed, on all dates; then one date of each month changes. Each time both ways
are taken, and must come out equal.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpi.read_model import ROWS, Limits, literal
from kpi.read_model_files import open_or_make
from lakehouse.lake.delta_table import delta_state

from bench.kpi_bench import _DAYS, _LAST_DATE, _PROJECT, _ROWS_SQL
from lake_model.changed_rows import KEY, ChangedRows, KeyValues
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints a line of JSON last."""
    parser = argparse.ArgumentParser(prog="python -m bench kpi_refresh", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the table (default 2,000,000)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lakehouse-kpi-refresh-") as folder:
        print(json.dumps(_measured(Path(folder), options.rows)))
    return 0


def _measured(folder: Path, rows: int) -> dict[str, Any]:
    contract = read_kpi_contracts(_PROJECT / "contracts")[0]
    _write(folder / "gold", rows, "customer_name")
    renamed = "IF(customer_name = 'Customer 7', 'Customer 7, renamed', customer_name)"
    changes = {
        "two_dates": (_days(2), "customer_name", ()),
        "two_dates_and_a_renamed_customer": (
            _days(2),
            renamed,
            (KeyValues(("customer_code",), frozenset({("Customer 7",)})),),
        ),
        "a_date_of_each_month": ("day(order_date) = 15", renamed, ()),
    }
    found: dict[str, Any] = {"rows": rows, "whole": _made(folder, contract, "models").took}
    for name, (dates, customer, keys) in changes.items():
        _write(folder / "gold", rows, customer, dates, keys)
        whole, refreshed = _made(folder, contract, name), _made(folder, contract, "models")
        if whole.content != refreshed.content or whole.refreshes or not refreshed.refreshes:
            raise SystemExit(f"{name}: both ways give other rows, or both are the same way")
        found[name] = {"whole": whole.took, "refreshed": refreshed.took}
    return found


def _days(newest: int) -> str:
    return f"order_date > DATE '{_LAST_DATE - dt.timedelta(days=newest)}'"


def _write(table: Path, rows: int, customer: str, dates: str = "", keys: tuple[KeyValues, ...] = ()) -> None:
    """All rows, or in place of theirs those of some dates, a condition, and of some keys."""
    import duckdb
    from deltalake import CommitProperties, write_deltalake

    all_rows = _ROWS_SQL.format(last=_LAST_DATE, days=_DAYS, rows=rows)
    codes = ", ".join(f"{name}_name AS {name}_code" for name in ("product", "market", "customer"))
    coded = f"SELECT *, {codes} FROM ({all_rows})"
    made = f"SELECT * REPLACE ({customer} AS customer_name) FROM ({coded})"
    where, note = None, {}
    with duckdb.connect(config={"threads": 2}) as session:
        if dates:
            found = session.execute(f"SELECT DISTINCT order_date FROM ({coded}) WHERE {dates}").fetchall()
            changed = ChangedRows(frozenset(day for (day,) in found), keys)
            where, note = _condition(changed), {"userMetadata": json.dumps({KEY: changed.to_content()})}
        answer = session.sql(f"{made} WHERE {where or 'true'} ORDER BY order_date").to_arrow_reader(1_000_000)
        properties = CommitProperties(custom_metadata=note)
        write_deltalake(table, answer, mode="overwrite", commit_properties=properties, predicate=where)


def _condition(rows: ChangedRows) -> str:
    """For DuckDB and Delta alike."""
    dates = ", ".join(f"'{day}'" for day in sorted(rows.dates))
    parts = [f"{one.columns[0]} IN ({', '.join(literal(value) for (value,) in one.values)})" for one in rows.keys]
    return " OR ".join([f"order_date IN ({dates})", *parts])


@dataclass(frozen=True)
class _Made:
    """A read model that was made: seconds of the wall clock and of all cores together, and what came out."""

    took: dict[str, float]
    content: list[Any]
    refreshes: int


def _made(folder: Path, contract: KpiContract, models: str) -> _Made:
    state = delta_state(folder / "gold")
    assert state
    started, used = time.perf_counter(), time.process_time()
    model = open_or_make(folder / models, contract, state, Limits())
    took = {"s": round(time.perf_counter() - started, 2), "cpu_s": round(time.process_time() - used, 2)}
    content = model.ask(f"SELECT count(*), sum(revenue_inr), sum(hash({ROWS}::VARCHAR)) FROM {ROWS}")
    refreshes = model.about.refreshes
    model.close()
    return _Made(took, content, refreshes)


if __name__ == "__main__":
    sys.exit(main())
