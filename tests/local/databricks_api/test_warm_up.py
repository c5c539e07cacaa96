"""What the driver rehearses once it is ready."""

from __future__ import annotations

from datetime import date
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
    for count in (1, 2):
        rehearse(spark, str(tmp_path))

        rehearsed = list(tmp_path.glob("*/versions"))
        assert len(rehearsed) == count
        for table in rehearsed:
            stored = spark.read.format("delta").load(str(table)).groupBy("code", "label", "since").count()
            assert sorted(tuple(row) for row in stored.collect()) == [
                ("1", "a", date(2026, 1, 2), 3),
                ("2", "b", date(2026, 1, 2), 3),
                ("3", None, date(2026, 1, 2), 3),
            ]
