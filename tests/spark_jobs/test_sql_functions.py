"""The functions that a contract may call are Spark's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lake_model.contracts.sql_functions import ALLOWED, PATTERN_WORDS, UNSTABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Of Spark's grammar, and not among its functions.
GRAMMAR = {"timestampadd", "timestampdiff", "try_cast"}


@pytest.mark.spark
def test_every_listed_function_is_a_builtin(spark: SparkSession) -> None:
    builtin = {row[0] for row in spark.sql("SHOW SYSTEM FUNCTIONS").collect()}

    assert (ALLOWED | UNSTABLE | PATTERN_WORDS) - builtin == GRAMMAR
