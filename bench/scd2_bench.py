"""Times the ways of ``scd2_ways`` on one large dimension, and holds each to the definition.

All ways run in one session, after a smaller dimension has warmed all of them up, and take turns in an order that moves
on by one with every round. The best of the rounds counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import cpu_seconds, load_average
from bench.scd2_data import FIRST, SECOND, THIRD, Lake, changed_snapshot, digest, expected, snapshot
from bench.scd2_ways import Way, ways

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PEERS = ("mack==0.5.0", "delta-spark==4.4.0")
SMALL = 1000
WARM_UP_SHARE = 10
SHARES = (0, 1, 20)
NOT_COPIED = "0 %, not copied again"


@dataclass(frozen=True)
class Result:
    """One landing: what changed, by which way, in how many seconds of wall clock and of CPU, and whether it is right.

    ``rows_written`` are those of new files: rows that came or changed, and rows that were copied beside them.
    """

    case: str
    way: str
    seconds: float
    cpu_seconds: float
    rows_written: int
    is_right: bool


def start_spark(memory: str, cores: int) -> SparkSession:
    """A session for large data, the same for every way; the jobs' own local one is set up for a few rows."""
    from medallion.run.session import find_jars
    from pyspark.sql import SparkSession

    settings = {
        "spark.jars": ",".join(map(str, find_jars())),
        "spark.driver.memory": memory,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("scd2 bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def install_peers() -> bool:
    """Brings mack and Delta's Python package into the cache folder; FALSE, with the reason, where it fails."""
    cache = Path(os.environ.get("LAKEHOUSE_CACHE") or Path.home() / ".cache" / "lakehouse") / "bench"
    folder = cache / "-".join(one.replace("==", "-") for one in PEERS)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
            subprocess.run([*pip, "--target", str(folder / "packages"), *PEERS], check=True)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"mack is left out: it could not be installed: {error}", file=sys.stderr)
            return False
        (folder / "complete").touch()
    sys.path.append(str(folder / "packages"))
    return True


def measure(spark: SparkSession, lake: Lake, way: Way, case: str, day: dt.date, right: tuple[int, str]) -> Result:
    """Lands a snapshot on a copy of the way's table, in a lake of its own that shares bronze."""
    copy = Lake(lake.root.with_name("copy-" + re.sub(r"\W+", "-", f"{case}-{way.name}")))
    copy.root.mkdir()
    for shared in ("bronze", "contracts"):
        (copy.root / shared).symlink_to(lake.root / shared)
    folder = way.folder(copy)
    # With a table of ours come those that tell its progress. Delta changes no file, so that links will do.
    source = lake.silver if folder.parent == copy.silver else way.folder(lake)
    shutil.copytree(source, copy.silver if folder.parent == copy.silver else folder, copy_function=os.link)
    before = _version(spark, folder)
    cpu_before, started = cpu_seconds(os.getpid()), time.perf_counter()
    way.land(spark, copy, day)
    seconds, cpu = time.perf_counter() - started, cpu_seconds(os.getpid()) - cpu_before
    written = _rows_of_new_files(folder, before)
    found = digest(spark.read.format("delta").load(str(folder)))
    shutil.rmtree(copy.root)
    return Result(case, way.name, round(seconds, 2), round(cpu, 1), written, found == right)


def _rows_of_new_files(folder: Path, version: int) -> int:
    """Rows of the files that commits after a version brought; a file that only got a deletion vector is not new."""
    rows = 0
    for log in (folder / "_delta_log").glob("*.json"):
        if int(log.stem) > version:
            actions = [json.loads(line) for line in log.read_text().splitlines()]
            removed = {one["remove"]["path"] for one in actions if "remove" in one}
            added = [one["add"] for one in actions if "add" in one]
            rows += sum(json.loads(one["stats"])["numRecords"] for one in added if one["path"] not in removed)
    return rows


def _version(spark: SparkSession, folder: Path) -> int:
    return int(spark.sql(f"DESCRIBE HISTORY delta.`{folder}` LIMIT 1").collect()[0]["version"])


def late_day(spark: SparkSession, root: Path, all_ways: Sequence[Way]) -> Iterator[Result]:
    """A small dimension whose second day comes after its third."""
    first, second = snapshot(spark, SMALL, 1), snapshot(spark, SMALL, 2)
    third = changed_snapshot(spark, SMALL, 2, 20)
    right = digest(expected(first, second, third))
    for way in all_ways:
        lake = Lake(root / way.name.replace(" ", "_"))
        lake.write_contract()
        lake.land(first, FIRST, "1")
        way.create(spark, lake)
        lake.land(third, THIRD, "3")
        lake.land(second, SECOND, "2")
        started = time.perf_counter()
        for day in (THIRD, SECOND):
            way.land(spark, lake, day)
        seconds = time.perf_counter() - started
        found = digest(spark.read.format("delta").load(str(way.folder(lake))))
        yield Result("late day", way.name, round(seconds, 2), 0.0, 0, found == right)


def large(
    spark: SparkSession, lake: Lake, all_ways: Sequence[Way], rows: int, shares: Sequence[int] = SHARES, rounds: int = 1
) -> Iterator[Result]:
    """The dimension has ``rows`` versions, half of them open, and gets one more day, of which some percent changed."""
    keys = rows // 2
    lake.write_contract()
    lake.land(snapshot(spark, keys, 1), FIRST, "1")
    lake.land(snapshot(spark, keys, 2), SECOND, "2")
    first, second = (spark.read.parquet(str(lake.folder(day))) for day in (FIRST, SECOND))
    for way in all_ways:
        way.create(spark, lake)
    lake.index(THIRD, SECOND, "2", keys)
    yield measure(spark, lake, all_ways[0], NOT_COPIED, THIRD, digest(expected(first, second, second)))
    for share in shares:
        lake.land(changed_snapshot(spark, keys, 2, share), THIRD, f"3: {share} %")
        third = spark.read.parquet(str(lake.folder(THIRD)))
        right = digest(expected(first, second, third))
        for turn in range(rounds):
            first_way = turn % len(all_ways)
            for way in (*all_ways[first_way:], *all_ways[:first_way]):
                yield measure(spark, lake, way, f"{share} %", THIRD, right)


def best(results: Iterable[Result]) -> list[Result]:
    """Of several rounds the quickest, right only if all were."""
    found: dict[tuple[str, str], Result] = {}
    for one in results:
        other = found.get((one.case, one.way), one)
        quicker = one if one.seconds < other.seconds else other
        found[one.case, one.way] = replace(quicker, is_right=one.is_right and other.is_right)
    return list(found.values())


def summary(rows: int, results: Sequence[Result], ours: str) -> dict[str, object]:
    """The figures of the last line: how many times faster than the fastest peer."""
    seconds = {(one.case, one.way): one.seconds for one in results}
    found: dict[str, object] = {"rows": rows}
    for share in SHARES:
        peer = min(value for (case, way), value in seconds.items() if case == f"{share} %" and way != ours)
        found[f"speedup_{share}pct"] = round(peer / seconds[f"{share} %", ours], 2)
        if share == 0:
            found["speedup_0pct_not_copied"] = round(peer / seconds[NOT_COPIED, ours], 2)
    names = {one.way for one in results}
    found["right"] = sorted(name for name in names if all(one.is_right for one in results if one.way == name))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison; its last line of output is one JSON object."""
    parser = argparse.ArgumentParser(
        prog="python -m bench scd2", description="Compares ways of keeping a type 2 dimension."
    )
    parser.add_argument("--rows", type=int, default=6_000_000, help="versions in the dimension, half of them open")
    parser.add_argument("--rounds", type=int, default=1, help="how often each way lands each day; the best counts")
    parser.add_argument("--memory", default="6g", help="memory for Spark")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--home", type=Path, help="folder to work in; it is removed at the end")
    given = parser.parse_args(argv)
    home = given.home or Path(tempfile.mkdtemp(prefix="scd2-bench-"))
    with_mack = install_peers()
    spark = start_spark(given.memory, given.cores)
    all_ways = ways(with_mack)
    results = []
    print("| case | way | seconds | CPU s | rows written | right |\n|---|---|--:|--:|--:|---|", flush=True)
    try:
        for _ in large(spark, Lake(home / "warm"), all_ways, max(SMALL, given.rows // WARM_UP_SHARE), SHARES[1:]):
            pass
        results += [_printed(one) for one in late_day(spark, home / "late", all_ways)]
        lake = Lake(home / "large")
        results += [_printed(one) for one in large(spark, lake, all_ways, given.rows, rounds=given.rounds)]
    finally:
        spark.stop()
        shutil.rmtree(home)
    if given.rounds > 1:
        print("\nBest of the rounds:")
        results = [_printed(one) for one in best(results)]
    print(f"load average {load_average():.1f}")
    print(json.dumps(summary(given.rows, results, all_ways[0].name)))
    return 0


def _printed(one: Result) -> Result:
    told = "yes" if one.is_right else "no"
    print(f"| {one.case} | {one.way} | {one.seconds} | {one.cpu_seconds} | {one.rows_written:,} | {told} |", flush=True)
    return one
