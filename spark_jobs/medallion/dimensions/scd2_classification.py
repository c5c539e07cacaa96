"""Which keys a snapshot changes: one pass over the snapshot and the versions that it can change. Pure transforms.

A large dimension costs what this pass costs, so each side is shuffled once, by the key's own columns: so a check of
uniqueness over the key has its rows in the same place, and they go no further.
"""

from __future__ import annotations

import datetime as dt
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions.scd2 import Landing, covers, surrogate_key
from medallion.lake.business_keys import BUSINESS_KEY, business_key, join_value
from medallion.lake.date_values import date_value
from medallion.lake.sql_text import identifier
from medallion.quality.confidential import stored_key
from medallion.quality.row_judgement import WARNINGS

_END_OF_TIME = dt.date(9999, 12, 31)


def classified(
    said: DataFrame, versions: DataFrame, later_unknown: DataFrame | None, landing: Landing, *also: str
) -> DataFrame:
    """What a snapshot says of each key, beside what is stored, and whether that changes the key's versions.

    Args:
        said: of each row of the snapshot the contract's columns, ``_warnings`` and ``_told``: 'present', or 'unknown'
            for a refused row, whose values count for nothing but the key. A key has one row that is present, or any
            number that are unknown.
        versions: the dimension as it is.
        later_unknown: ``_key`` and ``_dates``, the dates of P after d on which the key was quarantined; None
            where d is the newest.
        also: further columns of ``said``, to be handed on.

    Returns:
        ``_business_key``, ``_told`` (NULL where absent), ``_row`` (what d says), ``_ends`` (n), ``_newest`` (nothing
        later is known of the key, so that d's untracked values are its latest), ``_stored`` (d's version as it is
        stored, with ``valid_from``), ``_is_changed``, and the further columns. A changed key that is unknown may come
        more than once, where d was landed before or is not the newest.
    """
    contract = landing.contract
    values = [*contract.column_names, WARNINGS]
    # Named by number, because the contract's own names could be any.
    new = said.select(
        "_told",
        *[join_value(contract, name).alias(f"_key_{at}") for at, name in _numbered(contract)],
        *[F.col(identifier(name)).alias(f"_new_{at}") for at, name in enumerate(values)],
        *also,
    )
    known = _known(versions, landing, values)
    same_key = reduce(Column.__and__, [F.col(f"_key_{at}") == F.col(f"_old_key_{at}") for at, _ in _numbered(contract)])
    new_values = {name: F.col(f"_new_{at}") for at, name in enumerate(values)}
    any_version = F.col("_stored" if landing.is_newest else "_any_version")
    row_key = business_key(contract.key, lambda name: F.coalesce(new_values[name], any_version[name]))
    joined = new.join(known, same_key, "full_outer")
    if later_unknown is None:
        joined = joined.withColumn("_ends", date_value(landing.next_date))
    else:
        after = F.array(*map(date_value, landing.later)).cast("array<date>")
        observed = F.array_min(F.array_except(after, "_dates"))
        joined = joined.withColumn("_key", stored_key(row_key, contract)).join(later_unknown, "_key", "left")
        joined = joined.withColumn(
            "_ends", F.when(F.col("_dates").isNull(), date_value(landing.next_date)).otherwise(observed)
        )
    newest = F.lit(True)
    if not landing.is_newest:
        newest = F.col("_ends").isNull() | F.col("_known_until").isNull() | (F.col("_known_until") <= F.col("_ends"))
    present, unknown = F.col("_told") == "present", F.col("_told") == "unknown"
    differs = F.col("_stored").isNull() | _differs(landing, new_values, newest)
    turns = F.lit(False) if landing.is_newest else F.coalesce("_turns", F.lit(False))
    changed = F.when(present, differs).when(unknown, turns).otherwise(F.col("_stored").isNotNull())
    # Where later dates have told of the key, its untracked values are theirs.
    told = {
        name: F.when(newest, value).otherwise(any_version[name]) if name in contract.untracked else value
        for name, value in new_values.items()
    }
    row = F.when(F.col("_is_changed") & present, F.struct(*[told[name].alias(name) for name in values]))
    return joined.withColumn("_is_changed", changed).select(
        row_key.alias(BUSINESS_KEY),
        "_told",
        row.alias("_row"),
        "_ends",
        newest.alias("_newest"),
        F.when(F.col("_is_changed"), F.col("_stored")).alias("_stored"),
        "_is_changed",
        *also,
    )


def stored_versions(changed: DataFrame, contract: SilverContract) -> DataFrame:
    """The open versions of changed keys, as ``classified`` has found them: the dimension's columns."""
    names = [*contract.column_names, "valid_from"]
    stored = changed.where(F.col("_stored").isNotNull())
    columns = [F.col("_stored")[name].alias(name) for name in names]
    no_end = F.lit(None).cast("date").alias("valid_to")
    rows = stored.select(*columns, no_end, F.lit(True).alias("is_current"), F.col("_stored")[WARNINGS].alias(WARNINGS))
    return rows.withColumn(contract.key_column, surrogate_key(contract.key, F.col("valid_from")))


def _known(versions: DataFrame, landing: Landing, values: list[str]) -> DataFrame:
    """By ``_old_key_…`` what is stored: ``_stored``, and for a day among others what that does not tell."""
    contract, day = landing.contract, date_value(landing.business_date)
    keys = [join_value(contract, name).alias(f"_old_key_{at}") for at, name in _numbered(contract)]
    version = F.struct(*map(identifier, values), "valid_from")
    if landing.is_newest:
        # One version of each key is open, and all others have ended before d.
        return versions.where("is_current").select(*keys, version.alias("_stored"))
    return (
        versions.where(F.col("valid_to").isNull() | (F.col("valid_to") >= day))
        .groupBy(*keys)
        .agg(
            F.first(F.when(covers(landing.business_date), version), ignorenulls=True).alias("_stored"),
            F.max((F.col("valid_from") == day) | F.col("valid_to").eqNullSafe(day)).alias("_turns"),
            F.max(F.coalesce("valid_to", date_value(_END_OF_TIME))).alias("_known_until"),
            F.first(version).alias("_any_version"),
        )
    )


def _differs(landing: Landing, new: dict[str, Column], newest: Column) -> Column:
    contract, stored = landing.contract, F.col("_stored")

    def differs(name: str) -> Column:
        return ~new[name].eqNullSafe(stored[name])

    different = ~F.to_json(new[WARNINGS]).eqNullSafe(F.to_json(stored[WARNINGS]))
    for name in contract.tracked:
        since = landing.tracked_since.get(name, landing.business_date)
        if since is not None and since <= landing.business_date:
            different |= differs(name)
        else:
            different |= newest & differs(name)
    for name in contract.untracked:
        different |= newest & differs(name)
    return different


def _numbered(contract: SilverContract) -> list[tuple[int, str]]:
    return list(enumerate(contract.key))
