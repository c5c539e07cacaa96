"""Judges a fact's references to dimensions in silver, where a contract makes an unknown key an error.

A row is held against the keys that the dimension knew on the row's own date; a date before the dimension's first landed
snapshot is held against that first one. A key whose row is in the dimension's quarantine is known: it is there at the
source. What was known on a date has a digest, so that a fact's date is judged again where it changes and only there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lake_model.bronze_manifest import UNDATED
from lake_model.contracts.silver_contract import Rule, SilverContract
from lake_model.contracts.table_contracts import read_silver_contract
from medallion.errors import BronzeError, ContractError
from medallion.lake import bronze, delta_tables
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.progress import read_progress
from medallion.lake.repeated_dates import repeated_dates
from medallion.lake.table_names import TableNames
from medallion.quality import quarantine
from medallion.quality.confidential import stored_key
from medallion.quality.known_keys import KnownKeys
from medallion.run.cli import JobArguments
from medallion.run.table_states import table_version

_ALWAYS = dt.date(1, 1, 1)
_END = dt.date(9999, 12, 31)


def known_keys(
    spark: SparkSession, names: TableNames, job: JobArguments, contract: SilverContract
) -> tuple[KnownKeys, ...]:
    """The keys behind each reference of a fact that is an error.

    Raises:
        BronzeError: a dimension is not in silver yet, or not up to its snapshot of the business date.
        ContractError: a reference is not to the whole key of a dimension.
    """
    return tuple(_known(spark, names, job, contract, rule) for rule in contract.rules if rule.reference)


def slice_digests(known: Iterable[KnownKeys], slices: Iterable[str]) -> dict[str, str]:
    """Per slice what its dimensions knew on its date; nothing where no reference is an error."""
    known = tuple(known)
    if not known:
        return {}
    dates = {name: dt.date.fromisoformat(name) for name in slices if name != UNDATED}
    each = [one.digests(dates.values()) for one in known]
    texts = {name: "|".join(digests[date] for digests in each) for name, date in dates.items()}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in texts.items()}


def _known(
    spark: SparkSession, names: TableNames, job: JobArguments, contract: SilverContract, rule: Rule
) -> KnownKeys:
    assert rule.reference is not None
    name, column = rule.reference
    dimension = read_silver_contract(job.contracts, name)
    at = f"{contract.file}: properties.{rule.columns[0]}.relationships.to: '{name}.{column}'"
    ours = {one.name: one.lake_type for one in contract.columns}[rule.columns[0]]
    theirs = {one.name: one.lake_type for one in dimension.columns}.get(column)
    if dimension.key != (column,):
        raise ContractError(f"{at}: an error needs the whole key of a dimension, which is {', '.join(dimension.key)}")
    if ours != theirs:
        raise ContractError(f"{at}: it is {theirs}, and {rule.columns[0]} is {ours}; give both one type")
    _check_up_to_date(spark, names, job, dimension, at)
    # Before its rows: what comes between makes it look older than what is read, and the fact is judged once more.
    read = table_version(spark, names.silver(name))
    rows = spark.table(names.silver(name))
    if dimension.scd_type == 2:
        since, until = F.col("valid_from"), F.coalesce("valid_to", date_value(_END))
    else:
        since, until = date_value(_ALWAYS), date_value(_END)
    key = stored_key(business_key((column,)), dimension)
    periods = rows.select(key.alias(BUSINESS_KEY), since.alias("since"), until.alias("until"))
    first = periods.agg(F.min("since")).collect()[0][0] or _ALWAYS
    refused = (
        spark.table(names.quarantine(name))
        .where(quarantine.LIVE)
        .where("business_key IS NOT NULL")
        .select(
            F.col("business_key").alias(BUSINESS_KEY),
            F.greatest("business_date", date_value(first)).alias("since")
            if dimension.scd_type == 2
            else since.alias("since"),
            F.coalesce("corrected_date", date_value(_END)).alias("until")
            if dimension.scd_type == 2
            else until.alias("until"),
        )
    )
    return KnownKeys(rule, periods.unionByName(refused).distinct(), first, dimension, read)


def _check_up_to_date(
    spark: SparkSession, names: TableNames, job: JobArguments, dimension: SilverContract, at: str
) -> None:
    """Judging against yesterday's keys would refuse a sale of a product that is new today."""
    day = job.business_date
    landed = bronze.read_snapshot_manifest(spark, job.lake_root, dimension.schema, dimension.source_table, day)
    if not delta_tables.exists(spark, names.silver(dimension.name)):
        raise BronzeError(f"{at}: silver has no {dimension.name} yet; run silver for table {dimension.name} first")
    if landed is None:
        return
    done = read_progress(spark, names.progress(dimension.name))
    processed = done.get(day.isoformat())
    # A snapshot may have been copied again since; and no run was sent for one that repeats the one before it.
    if processed is None:
        processed = repeated_dates(spark, job.lake_root, dimension, done).get(day.isoformat())
    if processed is None or processed.fingerprint != landed.fingerprint:
        raise BronzeError(
            f"{at}: the snapshot of {day} is landed, but not in silver yet; run silver for table {dimension.name} "
            "first, then this one again"
        )
