"""The rows that silver refused, with their reasons: open until their next judgement finds them good or gone.

A row that a waiver lets pass has an entry too, with state waived: it is in silver until the waiver ends.

A fact's entry belongs to its slice. A dimension's belongs to the snapshot that had it: there the open entries are those
of the newest snapshot, and an entry of an older one is closed by the date of the snapshot after it. An entry that its
own snapshot no longer has, because that was landed again, is closed by its own date; it no longer makes a key unknown.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lake_model.bronze_manifest import UNDATED
from lake_model.contracts.silver_contract import SilverContract, TableKind
from medallion.errors import SPARK_ERRORS, ConcurrentWriteError, is_conflict
from medallion.lake import delta_tables
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value, is_one_of
from medallion.lake.small_frames import Fetched, fetch_known, fetch_small, rows_where
from medallion.lake.sql_text import by_date, date_literal
from medallion.lake.turns import Turn
from medallion.quality.cleaning import RAW
from medallion.quality.confidential import confidential_sources, masked_row, masked_text, still_stored_key, stored_key
from medallion.quality.row_judgement import ERRORS, FINDINGS_TYPE, WAIVED, WARNINGS

_HISTORY_TYPE = "array<struct<state:string,since:date,run_id:string,reason:string>>"
COLUMNS = (
    ("business_date", "date"),
    ("row_id", "string"),
    ("business_key", "string"),
    ("raw_row", "string"),
    (ERRORS, FINDINGS_TYPE),
    (WARNINGS, FINDINGS_TYPE),
    ("source_table", "string"),
    ("run_id", "string"),
    ("first_seen_date", "date"),
    ("last_seen_date", "date"),
    ("state", "string"),
    ("corrected_date", "date"),
    ("history", _HISTORY_TYPE),
)
# Least and greatest values stay in Delta's log long after the rows: raw rows and keys are none of its business.
_STATISTICS = ("business_date", "state")
_NAMES = [name for name, _ in COLUMNS]
_TRIES = 5
# A waived row is in silver, so it makes no key unknown.
LIVE = "(state = 'open' OR (state = 'corrected' AND corrected_date > business_date))"


def create(spark: SparkSession, table: str) -> None:
    """Creates the empty quarantine of a table, unless it is there; one of an earlier version gets the newer columns."""
    delta_tables.create_whole(spark, table, COLUMNS, statistics_of=_STATISTICS)


def refused_rows(
    judged: DataFrame, contract: SilverContract, business_date: dt.date, key: Column | None = None
) -> DataFrame:
    """The rows that break a rule with severity error, those that were waived among them.

    ``key`` is their business key, where the columns that it is made of are not among theirs.

    Gives ``business_date``, ``row_id``, ``business_key``, ``raw_row``, ``_errors`` (of a waived row what was waived),
    ``_warnings`` and ``is_waived``. ``row_id`` is a digest of the raw row and of its number among equal ones, so it is
    the same in every run. ``raw_row`` is masked where it is confidential; ``business_key`` is not yet.
    """
    if contract.kind is TableKind.FACT:
        day = F.when(F.col("_slice") != UNDATED, F.col("_slice")).cast("date")
    else:
        day = date_value(business_date)
    if key is None:
        key = business_key(contract.key) if contract.key else F.lit(None).cast("string")
    rows = judged.where(F.col(ERRORS).isNotNull() | F.col(WAIVED).isNotNull()).select(
        day.alias("business_date"),
        key.alias("business_key"),
        F.to_json(masked_row(judged, RAW, contract), {"ignoreNullFields": "false"}).alias("raw_row"),
        F.coalesce(ERRORS, WAIVED).alias(ERRORS),
        WARNINGS,
        F.col(ERRORS).isNull().alias("is_waived"),
    )
    # Rows that differ in what is masked alone are told apart by what is said of them.
    findings = [F.to_json(ERRORS), F.to_json(WARNINGS), "is_waived", "business_key"]
    order = findings if confidential_sources(contract) else ["raw_row"]
    equal_rows = Window.partitionBy("business_date", "raw_row").orderBy(*order)
    occurrence = F.row_number().over(equal_rows).cast("string")
    return rows.withColumn("row_id", F.sha2(F.concat_ws("#", occurrence, "raw_row"), 256))


def entries_of_facts(
    refused: DataFrame, stored: DataFrame, contract: SilverContract, run_date: dt.date, run_id: str
) -> DataFrame:
    """A fact's quarantine, in the slices that were judged, as it is to be; ``stored`` has just those slices.

    Adds ``_changed``, TRUE for an entry that differs from the stored one, and ``_known``, TRUE where one is stored.
    """
    both = _beside_stored(refused, stored)
    day = date_value(run_date)
    seen, known = F.col("new.row_id").isNotNull(), F.col("old.row_id").isNotNull()
    closes = ~seen & (F.col("old.state") != "corrected")
    state = F.when(seen, _state_of_row()).otherwise("corrected")
    corrected = F.when(closes, day).when(~seen, F.col("old.corrected_date"))
    return _entries(
        both, contract, run_id, seen, known,
        first=F.when(seen, F.least("old.first_seen_date", day)).otherwise(F.col("old.first_seen_date")),
        last=F.when(seen, F.greatest("old.last_seen_date", day)).otherwise(F.col("old.last_seen_date")),
        state=state,
        corrected=corrected,
        history=_appended(state, day, run_id),
    )  # fmt: skip


def entries_of_snapshots(
    refused: DataFrame, stored: DataFrame, contract: SilverContract, run_id: str,
    following: Mapping[dt.date, dt.date | None], closing: dt.date | None,
) -> DataFrame:  # fmt: skip
    """A dimension's quarantine as it is to be, of some landed snapshots and of the one before them.

    ``stored`` has just those dates. Adds ``_changed``, TRUE for an entry that differs from the stored one, and
    ``_known``, TRUE where one is stored.

    Args:
        following: by date of the snapshots, the date of the snapshot after it.
        closing: the date that closes entries of other snapshots; None leaves them as they are.
    """
    both = _beside_stored(refused, stored)
    seen, known = F.col("new.row_id").isNotNull(), F.col("old.row_id").isNotNull()
    day = F.coalesce("new.business_date", "old.business_date")
    own = is_one_of("coalesce(new.business_date, old.business_date)", following)
    # A date without a follower is the newest: its entries are open.
    followers = {date: date_literal(after) if after else "CAST(NULL AS DATE)" for date, after in following.items()}
    both = both.withColumn("_day", day).withColumn("_ended", F.expr(by_date("_day", followers)))
    ended = F.col("_ended")
    live = F.col("old.corrected_date").isNull() | (F.col("old.corrected_date") > F.col("old.business_date"))
    # A waived row was never corrected: its entry says waived for good, and ends with its snapshot.
    waived = F.when(own, seen & F.col("new.is_waived")).otherwise(F.col("old.state") == "waived")
    kept_open = (own & seen & ended.isNull()) | (~own & F.lit(closing is None) & (F.col("old.state") == "open"))
    corrected = (
        F.when(own & seen, ended)
        .when(own, day)
        .when(live & F.lit(closing is not None), date_value(closing))
        .otherwise(F.col("old.corrected_date"))
    )
    state = F.when(waived, "waived").when(kept_open, "open").otherwise("corrected")
    return _entries(
        both, contract, run_id, seen, known, first=day, last=day, state=state, corrected=corrected,
        history=_of_snapshot(waived, day, corrected),
    )  # fmt: skip


def _state_of_row() -> Column:
    return F.when(F.col("new.is_waived"), "waived").otherwise("open")


def _appended(state: Column, day: Column, run_id: str) -> Column:
    """A fact's history: the runs that changed the state, in the order in which they ran."""
    before = F.coalesce("old.history", F.array().cast(_HISTORY_TYPE))
    step = _step(state, day, F.lit(run_id), F.col("new.is_waived"))
    return F.when(F.try_element_at(before, F.lit(-1))["state"].eqNullSafe(state), before).otherwise(
        F.concat(before, F.array(step))
    )


def _of_snapshot(waived: Column, day: Column, corrected: Column) -> Column:
    """A dimension's history: a function of the dates alone, so that their order makes no difference."""
    began = _step(F.when(waived, "waived").otherwise("open"), day, F.lit(None).cast("string"), waived)
    ended = _step(F.lit("corrected"), corrected, F.lit(None).cast("string"), F.lit(False))
    return F.when(waived | corrected.isNull(), F.array(began)).otherwise(F.array(began, ended))


def _step(state: Column, since: Column, run_id: Column, waived: Column) -> Column:
    said = F.when(F.col("new.row_id").isNotNull(), F.col(f"new.{ERRORS}")).otherwise(F.col(f"old.{ERRORS}"))
    reason = F.when(waived, F.get(said, 0)["message"])
    step = F.struct(state.alias("state"), since.alias("since"), run_id.alias("run_id"), reason.alias("reason"))
    return step.cast(_HISTORY_TYPE.removeprefix("array<").removesuffix(">"))


def _beside_stored(refused: DataFrame, stored: DataFrame) -> DataFrame:
    on = F.col("new.row_id").eqNullSafe(F.col("old.row_id")) & F.col("new.business_date").eqNullSafe(
        F.col("old.business_date")
    )
    return refused.alias("new").join(stored.alias("old"), on, "full_outer")


def _entries(
    both: DataFrame, contract: SilverContract, run_id: str, seen: Column, known: Column,
    *, first: Column, last: Column, state: Column, corrected: Column, history: Column,
) -> DataFrame:  # fmt: skip
    def newer(name: str) -> Column:
        return F.when(seen, F.col(f"new.{name}")).otherwise(F.col(f"old.{name}")).alias(name)

    old_key = still_stored_key(F.col("old.business_key"), contract)
    key = F.when(seen, stored_key(F.col("new.business_key"), contract)).otherwise(old_key)
    raw_row = F.when(seen, F.col("new.raw_row")).otherwise(masked_text("old.raw_row", contract))

    old = F.to_json(F.struct(*[F.col(f"old.{name}").alias(name) for name in _NAMES]))
    entries = both.select(
        newer("business_date"),
        newer("row_id"),
        key.alias("business_key"),
        raw_row.alias("raw_row"),
        newer(ERRORS),
        newer(WARNINGS),
        F.lit(contract.source_table).alias("source_table"),
        F.when(known, F.col("old.run_id")).otherwise(F.lit(run_id)).alias("run_id"),
        first.alias("first_seen_date"),
        last.alias("last_seen_date"),
        state.alias("state"),
        corrected.alias("corrected_date"),
        history.alias("history"),
        F.when(known, old).alias("_old"),
    )
    new = F.to_json(F.struct(*_NAMES))
    return entries.select(
        *_NAMES, (~F.col("_old").eqNullSafe(new)).alias("_changed"), F.col("_old").isNotNull().alias("_known")
    )


def write_in_turn(
    spark: SparkSession, table: str, entries: DataFrame, scope: str, silver_table: str, turn: Turn,
    most_entries: int = sys.maxsize,
) -> None:  # fmt: skip
    """Writes some dates' entries in one commit if any changed; nothing where those of a later turn are there.

    A later turn knew of this one and wrote what it had to say too.

    Args:
        scope: true for just those dates.
        silver_table: whose turn it is; turns begin anew with a table that is made anew, and the quarantine goes on.
        most_entries: how many there are at most, where that is known.

    Raises:
        ConcurrentWriteError: another run kept writing.
    """
    for _ in range(_TRIES):
        try:
            _write(spark, table, fetch_known(spark, entries, most_entries), scope, silver_table, turn)
            return
        except SPARK_ERRORS as error:
            if not is_conflict(error):
                raise
    raise ConcurrentWriteError(f"{table}: another run kept writing to it; run this one again when the other is done")


def _write(spark: SparkSession, table: str, entries: Fetched, scope: str, silver_table: str, turn: Turn) -> None:
    changed = rows_where(spark, entries, "_changed")
    if changed.rows is None:
        changed = fetch_small(spark, changed.frame)
    if changed.is_empty:
        return
    options = turn.options_of(delta_tables.identity(spark, silver_table))
    if changed.rows is not None and rows_where(spark, changed, "_known").is_empty:
        delta_tables.append(changed.frame.select(*_NAMES).coalesce(1), table, options=options)
    else:
        delta_tables.replace_where(entries.frame.select(*_NAMES).coalesce(1), table, scope, options=options)


def quarantined_keys(refused: DataFrame, *further: Column) -> DataFrame:
    """``_business_key`` of refused rows, and further columns; a waived row is accepted, and its key known."""
    return refused.where(~F.col("is_waived")).select(F.col("business_key").alias(BUSINESS_KEY), *further)


def later_unknown_keys(stored: DataFrame, later: tuple[dt.date, ...]) -> DataFrame:
    """Per key the dates of ``later`` on which it was quarantined: ``_key`` (as ``stored_key`` has it), ``_dates``."""
    return (
        stored.where(LIVE)
        .where(is_one_of("business_date", later) & F.col("business_key").isNotNull())
        .groupBy(F.col("business_key").alias("_key"))
        .agg(F.collect_set("business_date").alias("_dates"))
    )
