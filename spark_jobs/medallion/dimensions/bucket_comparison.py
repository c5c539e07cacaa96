"""Leaves out of a landing what a snapshot repeats, without a join: a fingerprint per bucket of keys on either side.

The keys are spread over buckets by their hash. Where the snapshot's rows of a bucket and the open versions have the
same count and the same order-free checksum, they are the same rows: every key is there once, says what is stored, and
changes nothing. What is left, few buckets on most days, is looked at row by row. The checksum takes 64 bits of each row
(as the source's fingerprints do, from which it is decided what is copied).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.lake.business_keys import join_value
from medallion.lake.sql_text import identifier
from medallion.quality.row_judgement import HAS_FINDINGS, UNIQUE, WARNINGS

# Fewer rows in a bucket leave more rows out; more make fewer sums.
_ROWS_PER_BUCKET = 24
_BUCKET = "_bucket"
# A bucket of so many equal keys that their sum would overflow differs from any versions; 40 bits leave room for it.
_SUMMED_BITS = 40


@dataclass(frozen=True)
class Buckets:
    """Those of ``number`` buckets in which a snapshot does not say just what is stored."""

    number: int
    differing: Sequence[int]

    @property
    def are_few(self) -> bool:
        """Whether it is worth while to look at their rows alone."""
        return len(self.differing) <= self.number // 2

    def rows_of(self, spark: SparkSession, rows: DataFrame, contract: SilverContract) -> DataFrame:
        """The rows whose keys lie in them; ``rows`` have the columns of the key."""
        listed = spark.createDataFrame(pa.table({"_differing": pa.array(self.differing, pa.int64())}))
        is_listed = _bucket(contract, self.number) == F.col("_differing")
        return rows.join(F.broadcast(listed), is_listed, "left_semi")


def can_be_compared(told: SilverContract) -> bool:
    """Whether rows of one bucket tell all that a snapshot's rules ask.

    What must be unique over other columns than the key may be broken by rows of two buckets.
    """
    unique = [rule for rule in (*told.rules, *told.counted) if rule.function == UNIQUE]
    return all(set(told.key) <= set(rule.columns) for rule in unique)


def by_single_rows(told: SilverContract) -> SilverContract:
    """The contract without the rules that look at several rows."""
    return replace(
        told,
        rules=tuple(rule for rule in told.rules if rule.function != UNIQUE),
        counted=tuple(rule for rule in told.counted if rule.function != UNIQUE),
    )


def compare(judged: DataFrame, open_versions: DataFrame, contract: SilverContract, rows: int) -> Buckets:
    """The buckets in which a snapshot differs from the open versions, or has a row of which there is something to say.

    Args:
        judged: the snapshot's rows, with all columns of the contract, judged ``by_single_rows``.
        open_versions: one of each key.
        rows: how many rows the snapshot has, about.
    """
    number = max(1, rows // _ROWS_PER_BUCKET)
    said = _hashed(judged, contract, number, 1, F.expr(HAS_FINDINGS))
    stored = _hashed(open_versions, contract, number, -1, F.col(WARNINGS).isNotNull())
    sums = said.unionByName(stored).groupBy(_BUCKET).agg(
        F.sum("sign").alias("rows"),
        F.bit_xor("hash").alias("mixed"),
        F.try_sum(F.col("sign") * F.shiftrightunsigned("hash", 64 - _SUMMED_BITS)).alias("summed"),
        F.bool_or("is_told").alias("is_told"),
    )  # fmt: skip
    differs = F.expr("rows <> 0 OR mixed <> 0 OR coalesce(summed, 1) <> 0 OR is_told")
    return Buckets(number, sums.where(differs).select(_BUCKET).toArrow().column(0).to_pylist())


def _hashed(rows: DataFrame, contract: SilverContract, number: int, sign: int, is_told: Column) -> DataFrame:
    values = [F.col(identifier(name)) for name in contract.column_names]
    # A hash passes NULLs over, so that where they are is hashed too.
    nulls = [value.isNull() for value in values]
    return rows.select(
        _bucket(contract, number).alias(_BUCKET),
        F.xxhash64(*values, *nulls).alias("hash"),
        F.lit(sign).cast("bigint").alias("sign"),
        is_told.alias("is_told"),
    )


def _bucket(contract: SilverContract, number: int) -> Column:
    return F.pmod(F.xxhash64(F.lit("key"), *[join_value(contract, name) for name in contract.key]), F.lit(number))
