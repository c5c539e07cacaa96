"""Type 2 history as a whole, from all snapshots at once: the oracle's definition in Spark. Pure transforms, no I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions.scd2 import as_versions
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.sql_text import by_date, date_literal, identifier

DAY = "_day"


def versions_of_all(
    accepted: DataFrame,
    refused: DataFrame,
    dates: Sequence[dt.date],
    contract: SilverContract,
    tracked_since: Mapping[str, dt.date | None],
) -> DataFrame:
    """The dimension's versions.

    Args:
        accepted: ``_day`` and the contract's columns of the good rows of all snapshots, one row per key and day.
        refused: ``_day`` and ``_business_key`` of the others.
        dates: the days that have a snapshot, in order.
        tracked_since: as ``scd2.Landing`` has it.

    Returns:
        The columns of the dimension, without ``_business_key``.
    """
    values = list(contract.column_names)
    row = F.struct(*[F.col(identifier(name)) for name in values]).alias("row")
    told = accepted.select(business_key(contract.key).alias(BUSINESS_KEY), DAY, row)
    unknown = refused.where(F.col(BUSINESS_KEY).isNotNull()).select(BUSINESS_KEY, DAY).distinct()
    unknown = unknown.withColumn("row", F.lit(None).cast(told.schema["row"].dataType))
    number = F.expr(by_date(DAY, {date: str(position) for position, date in enumerate(dates)}))
    said = told.unionByName(unknown).withColumn("number", number)
    by_key = Window.partitionBy(BUSINESS_KEY).orderBy("number")
    before = by_key.rowsBetween(Window.unboundedPreceding, -1)
    gap = F.coalesce(F.col("number") > F.lag("number").over(by_key) + 1, F.lit(True))
    said = said.withColumn("block", F.sum(F.when(gap, 1).otherwise(0)).over(by_key))
    # What an unknown day leaves standing is the last word before it that no absence has ended.
    known = F.last(F.when(F.col("row").isNotNull(), F.struct("block", "row")), ignorenulls=True).over(before)
    said = said.withColumn("known", known)
    goes_on = F.coalesce(F.col("known.block") == F.col("block"), F.lit(False))
    starts = F.col("row").isNotNull() & (~goes_on | _differs(contract, tracked_since))
    starts |= F.col("row").isNull() & ~goes_on
    runs = said.withColumn("run", F.sum(F.when(starts, 1).otherwise(0)).over(by_key))
    grouped = runs.groupBy(BUSINESS_KEY, "run").agg(
        F.min(DAY).alias("valid_from"),
        F.max("number").alias("last"),
        F.max_by("row", F.when(F.col("row").isNotNull(), F.col("number"))).alias("row"),
    )
    following = F.expr(f"get(array({', '.join(map(date_literal, dates))}), last + 1)")
    versions = grouped.where(F.col("row").isNotNull())
    # Untracked values are the latest ones in every version of the key.
    latest = F.last("row").over(
        Window.partitionBy(BUSINESS_KEY).orderBy("valid_from").rowsBetween(
            Window.unboundedPreceding, Window.unboundedFollowing
        )
    )  # fmt: skip
    versions = versions.withColumn("latest", latest)
    pieces = versions.select(
        BUSINESS_KEY,
        "valid_from",
        following.alias("valid_to"),
        *[F.col("latest" if name in contract.untracked else "row")[name].alias(name) for name in values],
    )
    return as_versions(pieces, contract).drop(BUSINESS_KEY)


def _differs(contract: SilverContract, tracked_since: Mapping[str, dt.date | None]) -> Column:
    different = F.lit(False)
    for name in contract.tracked:
        since = tracked_since[name]
        if since is None:
            continue
        unequal = ~F.col("row")[name].eqNullSafe(F.col("known.row")[name])
        # The first of all days has no literal, because Python's year 1 is not one of Java's.
        different |= unequal if since == dt.date.min else unequal & (F.col(DAY) > date_value(since))
    return different
