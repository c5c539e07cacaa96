"""The demo's command: see `bin/demo --help`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlencode

from local.databricks_api.page_addresses import PageAddresses
from local.demo import shell
from local.demo.addresses import AIRFLOW_USER, HOST, Home, Ports
from local.demo.changes import changes_of
from local.demo.day import DAG_ID, DayRun, end_unfinished_runs, run_day, wait_for_dag
from local.demo.home_claim import claimed
from local.demo.independent_check import compare
from local.demo.report import Report, day_report, failures_of, open_quarantine, render, write_json
from local.demo.stack import Stack
from local.demo_data import is_filled
from local.demo_data.build import DEFAULT_SEED, build
from local.demo_data.loading import load
from local.demo_data.next_day import has_sales, live_next_day
from local.errors import LocalError
from local.mysql_lts_server import SERVERS
from local.mysql_server import READER, SOURCE_SCHEMA

# Fixed, so that the same seed gives the same data whenever the demo runs.
LAST_DATE = date(2026, 6, 30)
# A task that ran when its demo was killed tries for a minute to tell an Airflow that is gone.
_CUT_OFF_SECONDS = 120


class DemoInterruptedError(LocalError):
    """Somebody asked the demo to end."""


class RunFailedError(LocalError):
    """A business date's run did not succeed."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; 0 only if everything held."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["shell"]:
        return _shell(words[1:])
    options = _parser().parse_args(words)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f}  {line}", flush=True)

    home = Home(options.home.resolve())
    files_while_up = (home.root / "addresses.json", home.root / shell.FILE)
    report: Report | None = None
    ports = Ports.from_base(options.port)
    try:
        with claimed(home.root) as was_cut_off:
            if was_cut_off:
                say("waiting for what the demo before this one left running")
                ports.wait_until_free(_CUT_OFF_SECONDS)
            _keep_kind(home, options.server)
            try:
                with Stack(home, ports, say, server=options.server) as stack:
                    for file, content in zip(files_while_up, (addresses_of(stack), environment_of(stack)), strict=True):
                        write_json(file, content)
                    if not options.empty:
                        report = live_two_days(stack, options.rows, options.seed, say)
                        print(render(report), flush=True)
                    print_addresses(stack)
                    if not options.once:
                        wait_for_the_end(stack)
            finally:
                for file in files_while_up:
                    file.unlink(missing_ok=True)
    except DemoInterruptedError:
        print("\nstopped", flush=True)
        if report is None and not options.empty:
            return 128 + signal.SIGINT
    except LocalError as error:
        print(f"\nbin/demo: {error}", file=sys.stderr, flush=True)
        return 1
    return 0 if report is None or report.held else 1


def _shell(words: list[str]) -> int:
    try:
        shell.run(words, os.environ)
    except LocalError as error:
        print(f"bin/demo: {error}", file=sys.stderr)
    return 1


def _keep_kind(home: Home, wanted: str) -> None:
    # Neither server can read what the other leaves in a folder. A home of before there was a choice has a MariaDB.
    memory = Memory(home.root / "state.json")
    kept = memory.recall("server") or ("mariadb" if home.mysql.exists() else wanted)
    if kept != wanted:
        raise LocalError(f"{home.root} has a source of the kind {kept}: add --server {kept}, or another --home")
    memory.remember("server", wanted)


def live_two_days(stack: Stack, rows: int, seed: int, say: Callable[[str], None]) -> Report:
    """Fills the source, runs its last day, lives the next one, runs that; steps done in an earlier start are kept."""
    lake = stack.home.lake
    memory = Memory(stack.home.root / "state.json")
    if not stack.mysql.has_schema(SOURCE_SCHEMA):
        stack.mysql.create_schema(SOURCE_SCHEMA)
    source = stack.mysql.connect(SOURCE_SCHEMA)
    if not is_filled(source):
        say(f"filling MySQL with {rows:,} transactions of three years")
        data = build(rows, seed, last_date=LAST_DATE)
        # What was done is noted before it is: a kill in between then leaves nothing done that nobody knows of.
        memory.remember("planted", data.defects.as_dict())
        load(source, data)
    wait_for_dag(stack)
    end_unfinished_runs(stack, say)
    next_date = LAST_DATE + timedelta(days=1)
    first = _day(stack, LAST_DATE, memory, say)
    if not has_sales(source, next_date):
        say(f"living {next_date} as the users of the source would")
        live_next_day(source, next_date, before_commit=lambda edits: memory.remember("edits", asdict(edits)))
    second = _day(stack, next_date, memory, say)
    say("calculating the same in plain SQL over MySQL")
    comparison = compare(source, lake, next_date)
    days = [day_report(lake, first), day_report(lake, second)]
    edits = memory.recall("edits")
    total = comparison.total
    report = Report(
        planted=memory.recall("planted") or {},
        days=days,
        obt_rows=total.rows,
        obt_quantity=total.quantity,
        obt_revenue_inr=f"{total.revenue:,.2f}",
        open_quarantine=open_quarantine(lake),
        independent_check={"groups": len(comparison.source), "differing": len(comparison.differences)},
        changes=changes_of(lake, edits) if edits else [],
        failures=failures_of(days, comparison),
    )
    write_json(stack.home.root / "report.json", report.as_dict())
    return report


class Memory:
    """What the demo has done so far, so that a second start takes up where the first stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, key: str) -> Any:
        """What was remembered under the key, or None."""
        return json.loads(self._path.read_text()).get(key) if self._path.exists() else None

    def remember(self, key: str, value: Any) -> None:
        """Keeps a value, at once or not at all."""
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        write_json(self._path, {**known, key: value})


def _day(stack: Stack, business_date: date, memory: Memory, say: Callable[[str], None]) -> DayRun:
    key = f"run of {business_date}"
    done = memory.recall(key)
    if done and done["state"] == "success":
        say(f"business date {business_date} was run before")
        return DayRun(**done)
    say(f"running {business_date} through Airflow")
    run = run_day(stack, business_date, say)
    memory.remember(key, asdict(run))
    say(f"business date {business_date}: {run.state} in {run.seconds:.0f} s")
    if run.state != "success":
        raise RunFailedError(
            f"the run of {business_date} ended {run.state}: the tasks above marked FAILED have their logs under "
            f"{stack.home.airflow / 'logs'}; start the demo again with the same --home to take up there"
        )
    return run


def addresses_of(stack: Stack) -> dict[str, Any]:
    """Where everything is while the demo is up."""
    credentials, key = stack.mysql.credentials, stack.mysql.public_key
    query = "" if key is None else "?" + urlencode({"server_public_key": str(key)})
    return {
        "mysql_url": f"mysql://{READER}:{credentials.lakehouse}@{HOST}:{stack.ports.mysql}/{SOURCE_SCHEMA}{query}",
        "mysql_owner_url": f"mysql://owner:{credentials.owner}@{HOST}:{stack.ports.mysql}/{SOURCE_SCHEMA}",
        "lake_root": str(stack.home.lake),
        "airflow_url": stack.airflow.url,
        "airflow_user": AIRFLOW_USER,
        "airflow_password": stack.secrets.airflow_password,
        "databricks_url": stack.databricks_url,
        "databricks_page_url": PageAddresses(stack.databricks_url, stack.secrets.databricks_token).overview(),
        "databricks_token": stack.secrets.databricks_token,
    }


def environment_of(stack: Stack) -> dict[str, str]:
    """What `bin/demo shell` runs in, while the demo is up."""
    return shell.shell_environment(stack.environment, stack.ports.mysql, stack.mysql.credentials.owner)


def print_addresses(stack: Stack) -> None:
    """Tells a person what to open."""
    databricks = addresses_of(stack)["databricks_page_url"]
    print(f"""
open   KPI page     {stack.airflow.url}/plugin/kpi
       Airflow      {stack.airflow.url}/dags/{DAG_ID}
                    user {AIRFLOW_USER}, password {stack.secrets.airflow_password}
       Databricks   {databricks}
                    (Spark, the last runs and their logs)
       the lake     {stack.home.lake}
       a shell      bin/demo shell --home {stack.home.root}
                    (in it: bin/lakehouse show, bin/lakehouse query "SELECT …")
       all logins   {stack.home.root / "addresses.json"} while the demo is up""", flush=True)  # fmt: skip


def wait_for_the_end(stack: Stack) -> None:
    """Returns never: ends by Ctrl-C, a kill, or a part that died."""
    print("\nCtrl-C stops everything", flush=True)
    while True:
        stack.require_alive()
        time.sleep(1)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not cut short what the first one began: stopping every part.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise DemoInterruptedError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Fill a MySQL, run two business dates through Airflow, and show what came out.",
        epilog="bin/demo shell [COMMAND …] opens a shell, or runs a command, in the environment of a demo that is up.",
    )
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="folder of all state (default .demo)")
    parser.add_argument(
        "--server", choices=list(SERVERS), default="mariadb", help="the kind of source (default %(default)s)"
    )
    parser.add_argument("--rows", type=int, default=150_000, help="transactions to generate (default 150,000)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same seed gives the same data")
    parser.add_argument("--port", type=int, default=8080, help="first of four ports in a row (default 8080, Airflow's)")
    parser.add_argument("--empty", action="store_true", help="fill nothing and run no date: for a schema of your own")
    parser.add_argument("--once", action="store_true", help="exit when the report is shown; status 0 only if all held")
    return parser


if __name__ == "__main__":
    sys.exit(main())
