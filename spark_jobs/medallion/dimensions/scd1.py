"""Type 1: a dimension that shows the newest snapshot's rows and nothing older."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions.scd2 import surrogate_key
from medallion.lake.sql_text import identifier
from medallion.quality.row_judgement import FINDINGS_TYPE, WARNINGS


def row_columns(contract: SilverContract) -> tuple[tuple[str, str], ...]:
    """The columns of a type 1 dimension, with their types."""
    return (
        (contract.key_column, "string"),
        *((column.name, column.lake_type) for column in contract.columns),
        (WARNINGS, FINDINGS_TYPE),
    )


def dimension_rows(accepted: DataFrame, contract: SilverContract) -> DataFrame:
    """The dimension's rows of a snapshot's good rows."""
    return accepted.select(
        surrogate_key(contract.key).alias(contract.key_column),
        *map(identifier, contract.column_names),
        WARNINGS,
    )


def count_differences(new: DataFrame, stored: DataFrame, key: str) -> int:
    """Keys that only one side has, or whose rows differ."""
    columns = F.to_json(F.struct(*map(identifier, new.columns)))
    left = new.select(F.col(identifier(key)).alias("new_key"), columns.alias("new_row"))
    right = stored.select(F.col(identifier(key)).alias("old_key"), columns.alias("old_row"))
    both = left.join(right, F.col("new_key") == F.col("old_key"), "full_outer")
    return both.where(~F.col("new_row").eqNullSafe(F.col("old_row"))).count()
