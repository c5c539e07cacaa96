"""One local Spark with Delta for all tests of the Spark jobs, and the lake that most of them begin with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.first_day import FirstDay

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A classic session, stopped at the end: on two cores, or on one where another process of the run has the other."""
    from medallion.run.session import local_session

    session = local_session("local[1]" if "PYTEST_XDIST_WORKER" in os.environ else "local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="module", autouse=True)
def forget_tables() -> Iterator[None]:
    """After each file: Delta would keep what it knows of tables that no test will read again."""
    yield
    # Most files of this folder import no Spark.
    pyspark = sys.modules.get("pyspark")
    if pyspark is not None and pyspark.SparkContext._gateway is not None:
        pyspark.SparkContext._gateway.jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.fixture(scope="session")
def first_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> FirstDay:
    """A lake with gold, to be copied; where another process of the run has made it, that one."""
    own = tmp_path_factory.mktemp("first_day")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return FirstDay.made_in(own)
    shared = tmp_path_factory.getbasetemp().parent / "first_day"
    if not shared.exists():
        FirstDay.made_in(own)
        # In one step, for the others see it as soon as it is there; of two that made one, one has its own.
        try:
            own.rename(shared)
        except OSError:
            return FirstDay(own)
    return FirstDay(shared)
