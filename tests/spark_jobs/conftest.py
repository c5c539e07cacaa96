"""One local Spark with Delta for all tests of the Spark jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A classic session on two cores, stopped at the end."""
    from medallion.run.session import local_session

    session = local_session("local[2]")
    yield session
    session.stop()
