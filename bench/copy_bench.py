"""The benchmark of the copy: `python -m bench copy --help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import content, source_table
from bench.copy_parts import Bench, changed_days, judge_exactness, many_tables, one_table
from bench.measure import load_average
from bench.report import markdown
from bench.results import Results, as_json
from bench.tools import cache_folder
from bench.ways import NOT_TO_BE_HAD, OURS, WAYS, WIRE, WaySpec, chosen_ways, find_tools
from local.errors import LocalError
from local.mysql_lts_server import SERVERS
from local.processes import free_port

PARTS = ("copy", "exactness", "small", "days")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Gives the exit status: 0, or 1 with one message on stderr."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.server != "mariadb" and "exactness" in (options.parts or ()):
        parser.error("the part exactness has columns of types that MariaDB alone has: leave it out")
    options.parts = options.parts or [part for part in PARTS if part != "exactness" or options.server == "mariadb"]
    home = Path(options.home or tempfile.mkdtemp(prefix="lakehouse-bench-")).resolve()
    try:
        print(_run(options, home))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)
    return 0


def _run(options: argparse.Namespace, home: Path) -> str:
    toolbox = find_tools(options.peers, cache_folder())
    server = SERVERS[options.server](home / options.server, free_port())
    server.start()
    try:
        connection = server.connect()
        cursor = connection.cursor()
        bench = Bench(server, cursor, home, toolbox, options.peers, options.limit)
        results = Results(options.rows, {})
        load = load_average()
        versions: dict[str, str] = {}
        table = source_table.LargeTable(bench.schema, options.rows)
        if {"copy", "days"} & set(options.parts):
            bench.say(f"making a table of {options.rows:,} rows")
            if not server.has_schema(bench.schema):
                server.create_schema(bench.schema)
            source_table.make_large_table(cursor, table)
        if "copy" in options.parts:
            expected = content.figures_of_source(cursor, table)
            results.ways = one_table(bench, table, options.repeats, expected, versions)
        if "exactness" in options.parts:
            judge_exactness(bench, results.ways)
        if "small" in options.parts:
            results.small_tables, results.small_rows = options.small_tables, source_table.SMALL_ROWS
            results.many = many_tables(bench, options.small_tables)
        if "days" in options.parts and any(way.name == OURS for way in options.peers):
            results.days = changed_days(bench, table)
        results.header = _header(server.NAME, cursor, versions, load)
        connection.close()
    finally:
        server.stop()
    return markdown(results, WIRE, NOT_TO_BE_HAD) + json.dumps(as_json(results, WIRE, OURS))


def _header(name: str, cursor: Any, versions: dict[str, str], load_before: float) -> dict[str, str]:
    cursor.execute("SELECT VERSION()")
    version = cursor.fetchone()[0]
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "load average of a minute": f"{load_before:.1f} before, {load_average():.1f} at the end",
        "server": f"{name} {version} on loopback",
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "method": "each copy in a process of its own, round robin, the best run counts; Parquet with zstd 1 and row "
        "groups of 262,144 rows; memory is resident memory of the process tree, sampled",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench copy",
        description="Compare ways of copying MySQL tables to Parquet: time, CPU, memory, exactness. "
        "The last line of output is one JSON object.",
    )
    parser.add_argument("--rows", type=_positive, default=5_000_000, help="of the large table; default: %(default)s")
    parser.add_argument("--repeats", type=_positive, default=3, help="rounds; the best counts; default: %(default)s")
    parser.add_argument(
        "--peers", type=_ways, default=list(WAYS), help=f"by comma, from: {', '.join(way.name for way in WAYS)}"
    )
    parser.add_argument("--parts", type=_parts, help=f"by comma, from: {', '.join(PARTS)}")
    parser.add_argument("--server", choices=list(SERVERS), default="mariadb", help="default: %(default)s")
    parser.add_argument(
        "--small-tables", type=_positive, default=source_table.SMALL_TABLES, help="default: %(default)s"
    )
    parser.add_argument(
        "--limit", type=_positive, default=300, help="seconds that a copy may take; default: %(default)s"
    )
    parser.add_argument("--home", help="folder that keeps the server and its tables for the next run; default: none")
    return parser


def _positive(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _ways(text: str) -> list[WaySpec]:
    try:
        return chosen_ways(text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parts(text: str) -> list[str]:
    unknown = sorted(set(text.split(",")) - set(PARTS))
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    return text.split(",")
