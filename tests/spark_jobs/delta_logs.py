"""What upkeep and time do to a Delta table's log: commits of no runs of ours, and the loss of old ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OPTIMIZE = {"commitInfo": {"timestamp": 1795000000000, "operation": "OPTIMIZE", "operationParameters": {}}}


def add_upkeep_commits(table: Path, number: int) -> None:
    """So many commits that change nothing, as OPTIMIZE and VACUUM make them."""
    log = table / "_delta_log"
    newest = max(int(path.stem) for path in log.glob("*.json"))
    for version in range(newest + 1, newest + 1 + number):
        (log / f"{version:020}.json").write_text(json.dumps(OPTIMIZE) + "\n")


def clean_log(spark: SparkSession, table: Path) -> None:
    """Leaves the newest commit and a checkpoint of all before, as Delta does when commits pass their retention."""
    java = spark._jvm.org.apache.spark.sql.delta.DeltaLog  # type: ignore[union-attr]
    # So that the log is read as it now is.
    java.clearCache()
    java.forTable(spark._jsparkSession, str(table)).checkpoint()
    add_upkeep_commits(table, 1)
    newest = max((table / "_delta_log").glob("*.json"))
    for path in [*(table / "_delta_log").glob("*.json"), *(table / "_delta_log").glob(".*.crc")]:
        if path != newest and "checkpoint" not in path.name:
            path.unlink()
    java.clearCache()
