"""Finds the dates that no run was sent for, because their snapshot says what the one before it said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import SilverContract
from medallion.lake import bronze
from medallion.lake.progress import SliceProgress


def repeated_dates(
    spark: SparkSession, lake_root: str, contract: SilverContract, done: Mapping[str, SliceProgress],
    besides: dt.date | None = None,
) -> dict[str, SliceProgress]:  # fmt: skip
    """Landed dates that are not processed and repeat the processed one before them, as they are to be noted.

    Args:
        done: what is processed.
        besides: a date that has a run of its own.

    Raises:
        BronzeError: bronze cannot be read.
    """
    found: dict[str, SliceProgress] = {}
    for date in bronze.landed_dates(spark, lake_root, contract.schema, contract.source_table) if done else ():
        name = date.isoformat()
        before = before_date(name, {**done, **found})
        if name in done or date == besides or before is None:
            continue
        landed = bronze.read_snapshot_manifest(spark, lake_root, contract.schema, contract.source_table, date)
        if landed is not None and landed.fingerprint == before.fingerprint:
            found[name] = replace(before, slice=name)
    return found


def before_date(name: str, done: Mapping[str, SliceProgress]) -> SliceProgress | None:
    """The processed date before one, by their names."""
    return done[max(earlier)] if (earlier := [one for one in done if one < name]) else None
