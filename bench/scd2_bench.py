"""Times the ways of ``scd2_ways`` on one large dimension, and holds each to the definition."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bench.scd2_data import FIRST, SECOND, THIRD, Lake, changed_snapshot, digest, expected, snapshot
from bench.scd2_ways import Way, ways

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PEERS = ("mack==0.5.0", "delta-spark==4.4.0")
SMALL = 1000
SHARES = (0, 1, 20)
NOT_COPIED = "0 %, not copied again"


@dataclass(frozen=True)
class Result:
    """One landing: what changed, by which way, in how many seconds, and whether the table is then right."""

    case: str
    way: str
    seconds: float
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
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("scd2 bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def install_peers(folder: Path) -> bool:
    """Brings mack and Delta's Python package into a folder of their own; FALSE, with the reason, where it fails."""
    if not folder.exists():
        command = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PEERS]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"mack is left out: {done.stderr.strip()}", file=sys.stderr)
            return False
    sys.path.append(str(folder))
    return True


def measure(spark: SparkSession, lake: Lake, way: Way, case: str, day: dt.date, right: tuple[int, str]) -> Result:
    """Lands a snapshot on a copy of the way's table, in a lake of its own that shares bronze."""
    copy = Lake(lake.root.with_name("copy-" + re.sub(r"\W+", "-", f"{case}-{way.name}")))
    copy.root.mkdir()
    for shared in ("bronze", "contracts"):
        (copy.root / shared).symlink_to(lake.root / shared)
    folder = way.folder(copy)
    # With a table of ours come those that tell its progress.
    source = lake.silver if folder.parent == copy.silver else way.folder(lake)
    shutil.copytree(source, copy.silver if folder.parent == copy.silver else folder)
    before = _version(spark, folder)
    started = time.perf_counter()
    way.land(spark, copy, day)
    seconds = time.perf_counter() - started
    rows = spark.sql(f"DESCRIBE HISTORY delta.`{folder}`").where(f"version > {before}").collect()
    written = sum(int((row["operationMetrics"] or {}).get("numOutputRows", 0)) for row in rows)
    found = digest(spark.read.format("delta").load(str(folder)))
    shutil.rmtree(copy.root)
    return Result(case, way.name, round(seconds, 2), written, found == right)


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
        yield Result("late day", way.name, round(seconds, 2), 0, found == right)


def large(spark: SparkSession, lake: Lake, all_ways: Sequence[Way], rows: int) -> Iterator[Result]:
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
    for share in SHARES:
        lake.land(changed_snapshot(spark, keys, 2, share), THIRD, f"3: {share} %")
        third = spark.read.parquet(str(lake.folder(THIRD)))
        right = digest(expected(first, second, third))
        for way in all_ways:
            yield measure(spark, lake, way, f"{share} %", THIRD, right)


def summary(rows: int, results: Sequence[Result], ours: str) -> dict[str, object]:
    """The figures of the last line: how many times faster than the fastest peer."""
    seconds = {(one.case, one.way): one.seconds for one in results}
    found: dict[str, object] = {"rows": rows}
    for share in SHARES:
        best = min(value for (case, way), value in seconds.items() if case == f"{share} %" and way != ours)
        own = seconds[f"{share} %", ours]
        if share == 0:
            found["speedup_0pct_landed_again"] = round(best / own, 2)
            own = seconds[NOT_COPIED, ours]
        found[f"speedup_{share}pct"] = round(best / own, 2)
    names = {one.way for one in results}
    found["right"] = sorted(name for name in names if all(one.is_right for one in results if one.way == name))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison; its last line of output is one JSON object."""
    parser = argparse.ArgumentParser(description="Compares ways of keeping a type 2 dimension.")
    parser.add_argument("--rows", type=int, default=6_000_000, help="versions in the dimension, half of them open")
    parser.add_argument("--memory", default="6g", help="memory for Spark")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--home", type=Path, help="folder to work in; it is removed at the end")
    given = parser.parse_args(argv)
    home = given.home or Path(tempfile.mkdtemp(prefix="scd2-bench-"))
    with_mack = install_peers(home / "python")
    spark = start_spark(given.memory, given.cores)
    all_ways = ways(with_mack)
    results = []
    print("| case | way | seconds | rows written | right |\n|---|---|---|---|---|")
    try:
        for one in chain(
            late_day(spark, home / "late", all_ways), large(spark, Lake(home / "large"), all_ways, given.rows)
        ):
            results.append(one)
            told = "yes" if one.is_right else "no"
            print(f"| {one.case} | {one.way} | {one.seconds} | {one.rows_written:,} | {told} |", flush=True)
    finally:
        spark.stop()
        shutil.rmtree(home)
    print(json.dumps(summary(given.rows, results, all_ways[0].name)))
    return 0
