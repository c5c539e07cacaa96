"""How long business dates take on the whole platform: Airflow's scheduler, MySQL and Spark, started for this.

Without `--tables`: the demo's first date, the next one with its users' edits, and one on which nothing changed.
With `--tables N`: a schema of N small tables, all of them new, then one of them changed, then none.
`work_s` is the part of a date's seconds in which a copy, silver, gold or the reconciliation was at work by the ledger;
the rest, `airflow_s`, is Airflow's own: scheduling, and starting a process for each task.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from lakehouse.ledger import read_rows, run_slug

from local.demo.addresses import REPOSITORY, Home, Ports
from local.demo.stack import Stack
from local.demo_data import generate
from local.demo_data.next_day import live_next_day
from local.mysql_server import SOURCE_SCHEMA

FIRST_DATE = date(2026, 6, 30)
MANY_SCHEMA = "many_tables"
ROWS_OF_A_TABLE = 100
_RUN_SECONDS = 7200
_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: {schema}-{name}
name: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    physicalName: {name}
    physicalType: table
    logicalType: object
    customProperties:
      - {{property: tableKind, value: dimension}}
      - {{property: scdType, value: 2}}
      - {{property: trackedColumns, value: [label]}}
    properties:
      - {{name: code, physicalType: int, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}}
      - {{name: label, physicalType: varchar(64), logicalType: string, required: true, transformLogic: trim(label)}}
"""


@dataclass(frozen=True)
class Day:
    """What a business date took."""

    seconds: float
    work_seconds: float
    databricks_runs: int
    spark_jobs: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints a line of JSON last."""
    parser = argparse.ArgumentParser(prog="python -m bench day", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=150_000, help="sales of the demo's data (default 150,000)")
    parser.add_argument("--tables", type=int, help="measure a schema of so many small tables instead")
    parser.add_argument("--port", type=int, default=18_080, help="first of four free ports (default 18080)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lakehouse-day-bench-") as folder:
        home = Home(Path(folder) / "home")
        schema, contracts = SOURCE_SCHEMA, REPOSITORY / "contracts"
        if options.tables:
            schema, contracts = MANY_SCHEMA, Path(folder) / "contracts"
            _write_contracts(contracts / schema, options.tables)
        names = ("LAKEHOUSE_CONTRACTS_ROOT", "LAKEHOUSE_SPARK_CONTRACTS_ROOT")
        overrides = dict.fromkeys(names, str(contracts))
        with Stack(home, Ports.from_base(options.port), _say, overrides) as stack:
            stack.mysql.create_schema(schema)
            _fill(stack.mysql.connect(schema), options)
            days = _run(stack, schema)
    print(json.dumps({"rows": None if options.tables else options.rows, "tables": options.tables, **_line(days)}))
    return 0


def _line(days: dict[str, Day]) -> dict[str, Any]:
    return {
        **{f"{name}_s": round(day.seconds, 1) for name, day in days.items()},
        "databricks_runs": {f"{name}_s": day.databricks_runs for name, day in days.items()},
        "spark_jobs": {f"{name}_s": day.spark_jobs for name, day in days.items()},
        "airflow_s": {f"{name}_s": round(day.seconds - day.work_seconds, 1) for name, day in days.items()},
    }


def _run(stack: Stack, schema: str) -> dict[str, Day]:
    dag = f"{schema}_daily"
    while not stack.airflow.has_dag(dag):
        stack.require_alive()
        time.sleep(0.5)
    stack.airflow.unpause(dag)
    found = {}
    for number, name in enumerate(("first", "changed", "quiet")):
        day = FIRST_DATE + timedelta(days=number)
        if name == "changed":
            _edit(stack.mysql.connect(schema), schema, day)
        found[name] = _day(stack, schema, dag, day)
        _say(f"{name} ({day}): {found[name]}")
    return found


def _day(stack: Stack, schema: str, dag: str, day: date) -> Day:
    runs, jobs = _databricks_runs(stack), _spark_jobs(stack)
    started = time.monotonic()
    run_id = stack.airflow.trigger(dag, {"business_date": day.isoformat()})
    state = stack.airflow.wait(dag, run_id, _RUN_SECONDS, None, stack.require_alive)
    seconds = time.monotonic() - started
    if state != "success":
        raise SystemExit(f"error: the run of {day} is {state}; see {stack.home.logs}")
    rows = sorted(read_rows(stack.home.lake, schema, day, run_slug(run_id)), key=lambda row: row.started_at)
    for row in rows:
        if row.stage in {"silver", "gold"}:
            _say(f"  {row.stage} {row.table}: {row.seconds:.1f} s, {row.outcome}")
    work = _covered((datetime.fromisoformat(row.started_at), datetime.fromisoformat(row.ended_at)) for row in rows)
    return Day(seconds, work, _databricks_runs(stack) - runs, _spark_jobs(stack) - jobs)


def _covered(spans: Any) -> float:
    """The seconds that at least one of some spans covers."""
    total, end = 0.0, None
    for begin, finish in sorted(spans):
        if end is None or begin > end:
            total, end = total + (finish - begin).total_seconds(), finish
        elif finish > end:
            total, end = total + (finish - end).total_seconds(), finish
    return total


def _databricks_runs(stack: Stack) -> int:
    """How many runs there have been; their ids are no count, since the tasks of runs have ids among them."""
    count, page = 0, ""
    while True:
        address = f"{stack.databricks_url}/api/2.2/jobs/runs/list?limit=25{page and '&page_token=' + page}"
        request = Request(address, headers={"Authorization": f"Bearer {stack.secrets.databricks_token}"})
        with urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        count += len(found.get("runs", []))
        page = found.get("next_page_token", "")
        if not page:
            return count


def _spark_jobs(stack: Stack) -> int:
    """How many jobs the driver has started, by its own web interface, whose port stands on its command line."""
    scratch = f"spark.local.dir={stack.home.databricks / 'spark-scratch'}"
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_text().split("\0")
        except OSError:
            continue
        port = next((word.partition("=")[2] for word in words if word.startswith("spark.ui.port=")), None)
        if scratch in words and port:
            base = f"http://127.0.0.1:{port}/api/v1/applications"
            with urlopen(base, timeout=30) as answer:
                (application,) = json.load(answer)
            with urlopen(f"{base}/{application['id']}/jobs", timeout=60) as answer:
                return max((int(job["jobId"]) + 1 for job in json.load(answer)), default=0)
    raise SystemExit("error: the Spark driver was not found")


def _fill(source: Any, options: argparse.Namespace) -> None:
    if not options.tables:
        _say(f"filling MySQL with {options.rows:,} sales")
        generate(source, options.rows, last_date=FIRST_DATE)
        return
    _say(f"filling MySQL with {options.tables} tables")
    rows = ", ".join(f"({number}, 'label {number}')" for number in range(ROWS_OF_A_TABLE))
    with source.cursor() as cursor:
        for name in _names(options.tables):
            cursor.execute(f"CREATE TABLE {name} (code INT PRIMARY KEY, label VARCHAR(64) NOT NULL)")
            cursor.execute(f"INSERT INTO {name} VALUES {rows}")
    source.commit()


def _edit(source: Any, schema: str, day: date) -> None:
    if schema == SOURCE_SCHEMA:
        live_next_day(source, day)
        return
    with source.cursor() as cursor:
        cursor.execute(f"UPDATE {_names(1)[0]} SET label = 'another' WHERE code = 7")
    source.commit()


def _names(tables: int) -> list[str]:
    return [f"table_{number:04}" for number in range(tables)]


def _write_contracts(folder: Path, tables: int) -> None:
    folder.mkdir(parents=True)
    for name in _names(tables):
        (folder / f"{name}.odcs.yaml").write_text(_CONTRACT.format(schema=MANY_SCHEMA, name=name))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
