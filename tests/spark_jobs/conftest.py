"""One local Spark with Delta for all tests of the Spark jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A classic session, stopped at the end: on two cores, or on one where another process of the run has the other."""
    from medallion.run.session import local_session

    session = local_session("local[1]" if "PYTEST_XDIST_WORKER" in os.environ else "local[2]")
    yield session
    session.stop()
