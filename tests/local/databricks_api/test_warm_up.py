"""What the driver rehearses before it is ready."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.databricks_api.__main__ import parse_settings
from local.databricks_api.warm_up import rehearse
from tests.spark_jobs.conftest import spark as spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_it_is_rehearsed_only_where_that_is_asked_for() -> None:
    arguments = ["--home", "home", "--port", "1", "--token", "t"]
    assert (parse_settings(arguments, {}).rehearse, parse_settings([*arguments, "--rehearse"], {}).rehearse) == (
        False,
        True,
    )


@pytest.mark.spark
def test_a_driver_that_starts_again_rehearses_in_the_same_folder(spark: SparkSession, tmp_path: Path) -> None:
    for _ in range(2):
        rehearse(spark, str(tmp_path))
        stored = spark.read.format("delta").load(str(tmp_path / "versions"))
        assert sorted(
            tuple(row)[:3] for row in stored.selectExpr("code", "label", "CAST(since AS STRING)").collect()
        ) == [
            ("1", "a", "2026-01-02"),
            ("1", "a", "2026-01-02"),
            ("2", "b", "2026-01-02"),
            ("2", "b", "2026-01-02"),
            ("3", None, "2026-01-02"),
            ("3", None, "2026-01-02"),
        ]
