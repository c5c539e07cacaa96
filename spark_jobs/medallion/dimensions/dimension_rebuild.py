"""Makes a dimension anew from its landed snapshots alone, in one commit that readers see at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions import scd1, scd2
from medallion.dimensions.delete_guard import check_deletes
from medallion.dimensions.dimension_tables import DimensionTables, Gate, Written, partition_of
from medallion.dimensions.landed_snapshots import Judged, Snapshot, accepted_rows, in_episodes, judge_snapshot
from medallion.dimensions.scd2_history import DAY, versions_of_all
from medallion.errors import BronzeError
from medallion.lake import delta_tables
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.progress import SliceProgress
from medallion.lake.sql_text import by_date, date_literal
from medallion.lake.turns import Turn, commit
from medallion.quality import quarantine
from medallion.quality.row_judgement import ERRORS
from medallion.run.cli import JobArguments


def check_complete(
    table: str, snapshots: Sequence[Snapshot], done: Mapping[str, SliceProgress], contract: SilverContract
) -> None:
    """Makes sure that bronze still has what the dimension was made from.

    Raises:
        BronzeError: a snapshot that was processed is gone, and its history would go with it.
    """
    landed = {one.business_date.isoformat() for one in snapshots}
    gone = sorted(name for name in done if name not in landed)
    if contract.scd_type == 2 and gone:
        raise BronzeError(
            f"{table}: it cannot be made anew: bronze no longer has the snapshots of {len(gone)} dates that it was "
            f"made from ({gone[0]} to {gone[-1]}), whose history would be lost. Restore their folders in bronze of "
            f"{contract.schema}.{contract.source_table}; or, to begin the history anew, drop the table"
        )


def rebuild(
    spark: SparkSession, job: JobArguments, tables: DimensionTables, contract: SilverContract,
    snapshots: Sequence[Snapshot], done: Mapping[str, SliceProgress], turn: Turn, gate: Gate,
) -> Written | None:  # fmt: skip
    """Replaces silver and its quarantine; None, with nothing written, where another run took the turn.

    The gate judges the snapshot of the run's date alone, and the guard against lost keys those that were never
    processed: the others have passed on their own days.

    What bronze cannot tell of the quarantine is kept from the stored entries: the run that first saw a row, and rows of
    snapshots that were landed again since.

    Raises:
        QualityStopError: the gate stops the snapshot of the run's date.
        DeletesError: a snapshot that was never processed lost more keys than the contract allows.
        ConcurrentWriteError: another run kept writing to the quarantine.
    """
    dates = [one.business_date for one in snapshots]
    episodes = in_episodes(snapshots)
    judged = [judge_snapshot(spark, one[0]) for one in episodes]
    judged_by: dict[dt.date, str] = {}
    for episode, one_judged in zip(episodes, judged, strict=True):
        judged_by |= {one.business_date: one.basis.of(one_judged.counts) for one in episode}
        if job.business_date in {one.business_date for one in episode}:
            gate(one_judged.counts)
    if not job.accept_deletes:
        _guard(contract, episodes, judged, done)
    accepted, refused = _all_rows(contract, episodes, judged)
    if contract.scd_type == 2:
        by_date = {one.business_date: one.told.tracked for one in snapshots}
        # Within an episode nothing changes, so its first day stands for all of it.
        starts = [one[0].business_date for one in episodes]
        unknown = quarantine.quarantined_keys(refused, F.col("business_date").alias(DAY))
        since = scd2.tracked_since(contract.tracked, by_date)
        rows = versions_of_all(accepted, unknown, starts, contract, since)
    else:
        newest = accepted.where(F.col(DAY) == date_value(episodes[-1][0].business_date))
        rows = scd1.dimension_rows(newest, contract)
    partition = partition_of(contract)
    found = commit(
        spark, tables.silver, turn,
        lambda options: delta_tables.overwrite(rows, tables.silver, partitioned_by=partition, options=options),
        dates, rebuilt=True,
    )  # fmt: skip
    if found is None:
        return None
    following = dict(zip(dates, [*dates[1:], None], strict=True))
    entries = quarantine.entries_of_snapshots(
        _on_each_day(refused, episodes), spark.table(tables.quarantine), contract, job.run_id, following, closing=None
    )
    quarantine.write_in_turn(spark, tables.quarantine, entries, "TRUE", tables.silver, turn)
    return Written(found.rows_written, found, judged_by)


def _guard(
    contract: SilverContract, episodes: Sequence[Sequence[Snapshot]], judged: Sequence[Judged],
    done: Mapping[str, SliceProgress],
) -> None:  # fmt: skip
    """Holds what was never processed against the content before it."""
    if contract.max_delete_share >= 1:
        return
    key = business_key(contract.key).alias(BUSINESS_KEY)
    for earlier, episode, found in zip(judged, episodes[1:], judged[1:], strict=False):
        day = episode[0].business_date
        if day.isoformat() in done:
            continue
        current = earlier.rows.where(F.col(ERRORS).isNull()).select(key)
        lost = current.join(found.rows.select(key), BUSINESS_KEY, "left_anti").count()
        check_deletes(contract, day, lost, current.count() if lost else 0, accepted=False)


def _all_rows(
    contract: SilverContract, episodes: Sequence[Sequence[Snapshot]], judged: Sequence[Judged]
) -> tuple[DataFrame, DataFrame]:
    """The good rows (with ``_day``) and the refused ones of the first snapshot of each episode."""
    accepted, refused = [], []
    for (snapshot, *_), found in zip(episodes, judged, strict=True):
        good = accepted_rows(found.rows, contract, snapshot.told)
        accepted.append(good.withColumn(DAY, date_value(snapshot.business_date)))
        refused.append(quarantine.refused_rows(found.rows, contract, snapshot.business_date))
    return reduce(DataFrame.unionByName, accepted), reduce(DataFrame.unionByName, refused)


def _on_each_day(refused: DataFrame, episodes: Sequence[Sequence[Snapshot]]) -> DataFrame:
    """Refused rows once for each day of their episode."""
    days = {one[0].business_date: f"array({', '.join(date_literal(e.business_date) for e in one)})" for one in episodes}
    return refused.withColumn("business_date", F.explode(F.expr(by_date("business_date", days))))
