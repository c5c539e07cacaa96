"""The jobs use only what serverless compute has: no cache, no RDD, no way into the JVM, no session settings."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SPARK_JOBS = Path(__file__).parents[2] / "spark_jobs"
FORBIDDEN = {
    "cache", "persist", "unpersist", "checkpoint", "localCheckpoint", "rdd", "sparkContext", "cacheTable", "toPandas",
    "foreach", "foreachPartition", "_jvm", "_jsc", "_jdf", "_jsparkSession",
}  # fmt: skip
# Sets what a local session needs; on Databricks only two settings that serverless compute takes.
MAY_SET = {"session.py"}


def unsupported(source: str, name: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute):
            continue
        sets = node.attr == "set" and isinstance(node.value, ast.Attribute) and node.value.attr == "conf"
        if node.attr in FORBIDDEN or (sets and name not in MAY_SET):
            found.append(f"{name} line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", sorted(SPARK_JOBS.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_that_serverless_compute_refuses(path: Path) -> None:
    assert unsupported(path.read_text(encoding="utf-8"), path.name) == []


def test_the_search_finds_what_it_looks_for() -> None:
    source = "df.select('a').cache()\nspark.conf.set('a', 'b')\nx = df.rdd.map(f)\nmatch.set(1)\nset('a')"
    assert unsupported(source, "jobs.py") == [
        "jobs.py line 1: df.select('a').cache",
        "jobs.py line 2: spark.conf.set",
        "jobs.py line 3: df.rdd",
    ]
