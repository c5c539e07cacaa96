"""Type 2 history: what landing one snapshot does to a dimension's versions. Pure transforms, no I/O.

The state is the versions, the dates whose snapshot was processed (P), and which keys were quarantined on which of them.
A key's history is the run-length encoding of what the dates of P say of it, in order, where a quarantined key says
nothing (unknown is not absent) and an absent key is a gap. Landing the snapshot of d sets [d, n) to what d says, n
being the key's next date in P on which it was not quarantined; then equal neighbours join. So any order of dates, with
repeats and snapshots landed again, gives the same versions: what lies outside [d, n) other dates have told.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.lake.business_keys import BUSINESS_KEY as BUSINESS_KEY
from medallion.lake.business_keys import business_key as business_key
from medallion.lake.date_values import date_value
from medallion.lake.sql_text import identifier, text_literal
from medallion.quality.confidential import has_confidential_key
from medallion.quality.row_judgement import FINDINGS_TYPE, WARNINGS, judge_warnings

_LISTED_KEYS = 1000


@dataclass(frozen=True)
class Landing:
    """One snapshot to be landed.

    Attributes:
        business_date: d.
        later: the dates of P after d, in order.
        tracked_since: per tracked column, the date from which every date of P has tracked it; a column that was not
            tracked when a date was processed cannot tell that date's version from its neighbour. None: not tracked yet.
        is_repeated: a snapshot of d was landed before, maybe with other rows.
    """

    contract: SilverContract
    business_date: dt.date
    later: tuple[dt.date, ...] = ()
    tracked_since: Mapping[str, dt.date | None] = field(default_factory=dict)
    is_repeated: bool = False

    @property
    def is_newest(self) -> bool:
        """Nothing but what came before d is known, so that no version that has ended can change."""
        return not self.later and not self.is_repeated

    @property
    def needs_open_versions_only(self) -> bool:
        """A key's open version tells all that its new versions follow from."""
        return self.is_newest and not self.contract.untracked

    @property
    def next_date(self) -> dt.date | None:
        """The date after d in P."""
        return self.later[0] if self.later else None


def surrogate_key(columns: tuple[str, ...], valid_from: Column | None = None) -> Column:
    """The key of a row of a dimension: a digest of its business key and of the version's first day."""
    parts = [F.col(identifier(name)).cast("string") for name in columns]
    if valid_from is not None:
        parts.append(valid_from.cast("string"))
    return F.sha2(F.to_json(F.array(*parts)), 256)


def covers(day: dt.date) -> Column:
    """Whether a version is the one of a day."""
    return (F.col("valid_from") <= date_value(day)) & (
        F.col("valid_to").isNull() | (F.col("valid_to") > date_value(day))
    )


def version_columns(contract: SilverContract) -> tuple[tuple[str, str], ...]:
    """The columns of a type 2 dimension, with their types."""
    return (
        (contract.key_column, "string"),
        *((column.name, column.lake_type) for column in contract.columns),
        ("valid_from", "date"),
        ("valid_to", "date"),
        ("is_current", "boolean"),
        (WARNINGS, FINDINGS_TYPE),
    )


def new_versions(changed: DataFrame, versions: DataFrame, landing: Landing) -> DataFrame:
    """All versions of the changed keys as they are after the landing: the dimension's columns and ``_business_key``."""
    contract, day = landing.contract, date_value(landing.business_date)
    values = list(contract.column_names)
    keyed = versions.withColumn(BUSINESS_KEY, business_key(contract.key))
    old = keyed.join(changed, BUSINESS_KEY)
    # The latest word on untracked values goes into every version of the key.
    told = (F.col("_told") == "present") & F.col("_newest")
    latest = {name: F.when(told, F.col("_row")[name]).otherwise(F.col(identifier(name))) for name in contract.untracked}
    old = old.select(
        BUSINESS_KEY,
        "_told",
        "_ends",
        "valid_from",
        "valid_to",
        *[latest.get(name, F.col(identifier(name))).alias(name) for name in values],
    )
    valid_to = F.col("valid_to")
    columns = [BUSINESS_KEY, "valid_from", "valid_to", *values]
    before = old.where(F.col("valid_from") < day).withColumn("valid_to", F.least("valid_to", day)).select(columns)
    goes_on = F.col("_ends").isNotNull() & (valid_to.isNull() | (valid_to > F.col("_ends")))
    after = old.where(goes_on).withColumn("valid_from", F.greatest("valid_from", "_ends")).select(columns)
    reaches = (F.col("valid_from") < day) & (valid_to.isNull() | (valid_to >= day))
    carried = old.where((F.col("_told") == "unknown") & reaches)
    carried = carried.withColumn("valid_from", day).withColumn("valid_to", F.col("_ends")).select(columns)
    told_rows = changed.where(F.col("_told") == "present").select(
        BUSINESS_KEY, day.alias("valid_from"), F.col("_ends").alias("valid_to"),
        *[F.col("_row")[name].alias(name) for name in values],
    )  # fmt: skip
    pieces = before.unionByName(after).unionByName(carried).unionByName(told_rows)
    return as_versions(_join_equal_neighbours(pieces, landing), contract)


def _join_equal_neighbours(pieces: DataFrame, landing: Landing) -> DataFrame:
    contract = landing.contract
    by_key = Window.partitionBy(BUSINESS_KEY).orderBy("valid_from")
    same = F.lag("valid_to").over(by_key).eqNullSafe(F.col("valid_from"))
    for name in contract.tracked:
        equal = F.lag(identifier(name)).over(by_key).eqNullSafe(F.col(identifier(name)))
        since = landing.tracked_since.get(name, dt.date.min)
        if since is None:
            equal = F.lit(True)
        elif since > dt.date.min:
            equal |= F.col("valid_from") <= date_value(since)
        same &= equal
    runs = pieces.withColumn("_starts", F.when(same, 0).otherwise(1))
    runs = runs.withColumn("_run", F.sum("_starts").over(by_key.rowsBetween(Window.unboundedPreceding, 0)))
    names = [name for name in pieces.columns if name not in {BUSINESS_KEY, "valid_from"}]
    last = F.max_by(F.struct(*[identifier(name) for name in names]), "valid_from").alias("_last")
    joined = runs.groupBy(BUSINESS_KEY, "_run").agg(F.min("valid_from").alias("valid_from"), last)
    return joined.select(BUSINESS_KEY, "valid_from", *[F.col("_last")[name].alias(name) for name in names])


def as_versions(pieces: DataFrame, contract: SilverContract) -> DataFrame:
    """The dimension's rows of ``_business_key``, the contract's columns, ``valid_from`` and ``valid_to``."""
    versions = pieces.select(
        BUSINESS_KEY,
        surrogate_key(contract.key, F.col("valid_from")).alias(contract.key_column),
        *[identifier(name) for name in contract.column_names],
        "valid_from",
        "valid_to",
        F.col("valid_to").isNull().alias("is_current"),
    )
    # Judged on the version itself, so that the words beside it do not depend on the order of the dates.
    return judge_warnings(versions, contract, "valid_from")


def tracked_since(tracked: tuple[str, ...], by_date: Mapping[dt.date, tuple[str, ...]]) -> dict[str, dt.date | None]:
    """Per tracked column the date from which every processed date has tracked it (``Landing.tracked_since``).

    ``by_date`` gives the columns that each date of P was processed with.
    """
    found: dict[str, dt.date | None] = {}
    for name in tracked:
        found[name] = None
        for date in sorted(by_date, reverse=True):
            if name not in by_date[date]:
                break
            found[name] = date
        else:
            found[name] = dt.date.min
    return found


def moves_tracking(
    tracked: tuple[str, ...], by_date: Mapping[dt.date, tuple[str, ...]], day: dt.date, told: tuple[str, ...]
) -> bool:
    """Whether a snapshot that tells the columns ``told`` changes which columns tell other dates' versions apart.

    Then landing it is not enough, because keys that it says nothing new of may get other versions. Nor is it where some
    dates do not tell a column: a version over several dates shows what the last of them told, so that it cannot be cut.
    """
    if not by_date:
        return False
    cuts = day in by_date or day < max(by_date)
    if cuts and any(set(tracked) - set(columns) for columns in (*by_date.values(), told)):
        return True
    first = min(by_date)
    before, after = tracked_since(tracked, by_date), tracked_since(tracked, {**by_date, day: told})
    for name in tracked:
        then, now = before[name], after[name]
        # No version can begin before the first date, so that all dates up to it mean the same.
        if (then and max(then, first)) != (now and max(now, first)):
            return True
    return False


def in_reach(landing: Landing) -> str:
    """A predicate over versions: those that the landing can change.

    Versions that ended before d stay as they are, unless there are untracked columns, whose latest value is in all.
    """
    if landing.contract.untracked:
        return "TRUE"
    return f"valid_to IS NULL OR valid_to >= DATE'{landing.business_date}'"


def of_keys(contract: SilverContract, keys: Iterable[str]) -> str:
    """A predicate over versions: those of some ``_business_key``s; of confidential ones it has digests.

    Delta keeps it in the table's history.
    """
    parts = ", ".join(f"CAST({identifier(name)} AS STRING)" for name in contract.key)
    if has_confidential_key(contract):
        digests = sorted(hashlib.sha256(key.encode()).hexdigest() for key in keys)
        return _among(f"sha2(to_json(array({parts})), 256)", digests)
    if len(contract.key) > 1:
        return _among(f"to_json(array({parts}))", sorted(keys, key=str.encode))
    (name,) = contract.key
    kind = {column.name: column.lake_type for column in contract.columns}[name]
    # A plain column, so that Delta can leave files out by their least and greatest values.
    value = identifier(name) if kind == "string" else f"CAST({identifier(name)} AS STRING)"
    return _among(value, sorted((json.loads(key)[0] for key in keys), key=str.encode))


def _among(value: str, sorted_texts: Sequence[str]) -> str:
    """A predicate that a text is one of these, as a tree of halves.

    Delta holds every row that it writes against the predicate, and walks a plain list from its beginning: thirty
    thousand keys took two minutes so. Shorter lists than these make more code than Java takes in one method.
    """
    if len(sorted_texts) <= _LISTED_KEYS:
        return f"{value} IN ({', '.join(map(text_literal, sorted_texts))})"
    middle = len(sorted_texts) // 2
    pivot = text_literal(sorted_texts[middle])
    lower, upper = _among(value, sorted_texts[:middle]), _among(value, sorted_texts[middle:])
    return f"(({value} < {pivot} AND {lower}) OR ({value} >= {pivot} AND {upper}))"


def row_changes(changed: DataFrame, versions: DataFrame, landing: Landing) -> DataFrame:
    """The versions of the changed keys beside the stored ones.

    Gives the dimension's columns, ``_business_key`` and ``_action``: 'insert', 'update', 'same', or 'delete' for a
    stored version that is no more (of which only the keys are given).
    """
    contract = landing.contract
    key, columns = contract.key_column, [name for name, _ in version_columns(contract)]
    new = new_versions(changed, versions, landing)
    keyed = versions.withColumn(BUSINESS_KEY, business_key(contract.key))
    old = keyed.join(changed.select(BUSINESS_KEY), BUSINESS_KEY, "left_semi")
    old_side = old.select(
        F.col(key).alias("_old_key"), F.col(BUSINESS_KEY).alias("_old_business_key"), _signature(columns).alias("_old")
    )
    new_side = new.withColumn("_new", _signature(columns))
    both = new_side.join(old_side, F.col(key) == F.col("_old_key"), "full_outer")
    action = (
        F.when(F.col("_old_key").isNull(), "insert")
        .when(F.col(key).isNull(), "delete")
        .when(F.col("_old") == F.col("_new"), "same")
        .otherwise("update")
    )
    return (
        both.withColumn("_action", action)
        .withColumn(key, F.coalesce(key, "_old_key"))
        .withColumn(BUSINESS_KEY, F.coalesce(BUSINESS_KEY, "_old_business_key"))
        .select(*columns, BUSINESS_KEY, "_action")
    )


def _signature(columns: list[str]) -> Column:
    return F.to_json(F.struct(*[identifier(name) for name in columns]))
