"""The parts of the benchmark: one large table, exactness, many small tables, a day with few changes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import content, source_table
from bench.exactness import judge
from bench.extremes import EXTREMES, make_extremes, what_the_server_says
from bench.measure import Usage
from bench.peers.ours import BUSINESS_DATE
from bench.peers.way import Source
from bench.results import DayResult, ManyResult, WayResult
from bench.source_table import LargeTable
from bench.ways import OURS, Toolbox, WaySpec, request, start
from bench.worker_process import WayFailedError, WorkerLostError, WorkerProcess
from local.mysql_server import READER, MySqlServer

# A way that takes longer than this is not run again: its place in the table will not change.
_SLOW_SECONDS = 30.0
_SECONDS_OF_AN_EXTREME = 60.0


@dataclass(frozen=True)
class Bench:
    """What all parts share: the server and a cursor on it, where files go, and the ways with their tools."""

    server: MySqlServer
    cursor: Any
    home: Path
    toolbox: Toolbox
    ways: Sequence[WaySpec]
    limit_seconds: float
    schema: str = "bench"

    def source(self, way: WaySpec, schema: str) -> Source:
        """The source as the pipeline's account sees it."""
        tools = {name: str(self.toolbox.paths[name]) for name in way.needs}
        server = self.server
        key = None if server.public_key is None else str(server.public_key)
        return Source(server.host, server.port, READER, server.credentials.lakehouse, schema, tools, key)

    def start(self, way: WaySpec, schema: str) -> WorkerProcess:
        """A new process of a way, yet to be entered."""
        assert self.server.pid is not None
        scratch = self.home / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        return start(way, self.source(way, schema), self.toolbox, self.server.pid, scratch)

    def fresh_folder(self) -> Path:
        """A folder for copies, empty."""
        folder = self.home / "copies"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def say(self, text: str) -> None:
        """Tell the user how far it is."""
        print(f"bench: {text}", file=sys.stderr, flush=True)


def one_table(
    bench: Bench, table: LargeTable, repeats: int, expected: Mapping[str, str], versions: dict[str, str]
) -> list[WayResult]:
    """Copy the large table in every way, round robin; `versions` takes those of the packages used."""
    results = {way.name: WayResult(way.name, way.label, failure=_unavailable(bench, way)) for way in bench.ways}
    for number in range(repeats):
        for way in bench.ways:
            result = results[way.name]
            slow = result.best is not None and result.best.seconds > _SLOW_SECONDS
            if result.failure is None and not slow:
                _copy_once(bench, way, table, result, expected, versions)
                bench.say(f"round {number + 1}: {way.name}: {_outcome(result)}")
    return list(results.values())


def judge_exactness(bench: Bench, results: Sequence[WayResult]) -> None:
    """Copy the extremes in every way that wrote Parquet, and judge what came out."""
    schema = f"{bench.schema}_extremes"
    bench.server.create_schema(schema)
    make_extremes(bench.cursor, schema)
    said = what_the_server_says(bench.cursor, schema)
    names = {result.name: result for result in results}
    for way in bench.ways:
        result = names.get(way.name)
        if way.writes and result is not None and result.best is not None:
            folder = bench.fresh_folder()
            failures = _copy_extremes(bench, way, schema, folder)
            copied = {item.name: folder / item.name for item in EXTREMES if item.name not in failures}
            result.exactness = judge(copied, failures, said)
            bench.say(f"exactness: {way.name}: {result.exactness.faults} of {len(EXTREMES)} columns are not exact")


def many_tables(bench: Bench, count: int) -> list[ManyResult]:
    """Copy many small tables in one process, in the ways that are timed with them."""
    schema = f"{bench.schema}_small"
    bench.server.create_schema(schema)
    tables = source_table.make_small_tables(bench.cursor, schema, count)
    results = []
    for way in (way for way in bench.ways if way.many):
        usage, connections, failure = None, 0, _unavailable(bench, way)
        if failure is None:
            try:
                with bench.start(way, schema) as worker:
                    before = _connections(bench.cursor)
                    usage = worker.ask(request(way, tables, bench.fresh_folder() / "out"), bench.limit_seconds)
                    connections = _connections(bench.cursor) - before
            except WayFailedError as error:
                failure = str(error)
        results.append(ManyResult(way.name, way.label, usage, connections, failure))
        bench.say(f"{count} tables: {way.name}: {usage.seconds:.2f} s" if usage else f"{way.name}: {failure}")
    return results


def changed_days(bench: Bench, table: LargeTable) -> list[DayResult]:
    """Our copy on days after the first load: nothing changed, one date in a thousand, one in ten.

    The day after the load stands apart: what the load left to be compared later is made up for on that day.
    """
    folder = bench.fresh_folder() / OURS
    _ours_on(bench, table, folder, day=0)
    results = [
        DayResult(label, 0, 0, _ours_on(bench, table, folder, day))
        for day, label in ((1, "nothing changed, first day after the load"), (2, "nothing changed"))
    ]
    # From here on the table is another than the one that is made.
    source_table.forget_large_table(bench.cursor, table)
    for day, (label, share) in enumerate((("0.1% of the dates", 1_000), ("10% of the dates", 10)), start=3):
        dates = source_table.spread_dates(round(source_table.DATES / share))
        source_table.change_dates(bench.cursor, table, dates)
        rows = source_table.rows_of_dates(bench.cursor, table, dates)
        results.append(DayResult(label, len(dates), rows, _ours_on(bench, table, folder, day)))
    for result in results:
        bench.say(f"a day: {result.label}: {result.usage.seconds:.2f} s")
    return results


def _ours_on(bench: Bench, table: LargeTable, folder: Path, day: int) -> Usage:
    ours = next(way for way in bench.ways if way.name == OURS)
    date = (BUSINESS_DATE + timedelta(days=day)).isoformat()
    with bench.start(ours, table.schema) as worker:
        return worker.ask(request(ours, [table.name], folder, business_date=date), bench.limit_seconds)


def _copy_once(
    bench: Bench,
    way: WaySpec,
    table: LargeTable,
    result: WayResult,
    expected: Mapping[str, str],
    versions: dict[str, str],
) -> None:
    folder = bench.fresh_folder() / "out"
    try:
        with bench.start(way, table.schema) as worker:
            usage = worker.ask(request(way, [table.name], folder), bench.limit_seconds)
            versions |= worker.versions
    except WayFailedError as error:
        result.failure = str(error)
        return
    result.runs.append(usage)
    if way.writes and len(result.runs) == 1:
        result.differences = content.differences(expected, content.figures_of_copy(folder))


def _copy_extremes(bench: Bench, way: WaySpec, schema: str, folder: Path) -> dict[str, str]:
    """Copy each extreme; gives why those failed that did. A way that dies of one is started again for the next."""
    failures: dict[str, str] = {}
    waiting = list(EXTREMES)
    while waiting:
        try:
            with bench.start(way, schema) as worker:
                while waiting:
                    item = waiting.pop(0)
                    try:
                        worker.ask(request(way, [item.table], folder / item.name), _SECONDS_OF_AN_EXTREME)
                    except WorkerLostError:
                        raise
                    except WayFailedError as error:
                        failures[item.name] = str(error)
        except WorkerLostError as error:
            failures[item.name] = str(error)
    return failures


def _unavailable(bench: Bench, way: WaySpec) -> str | None:
    why = bench.toolbox.why_unavailable(way)
    return None if why is None else f"not available here: {why}"


def _connections(cursor: Any) -> int:
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Connections'")
    return int(cursor.fetchone()[1])


def _outcome(result: WayResult) -> str:
    return result.failure or (f"{result.runs[-1].seconds:.2f} s, {result.runs[-1].peak_mb:,.0f} MB")
