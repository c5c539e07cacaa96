"""The tables of one dimension, and what a run did to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import SilverContract
from medallion.dimensions import scd1, scd2
from medallion.dimensions.landed_snapshots import Snapshot
from medallion.lake import delta_tables
from medallion.lake.delta_tables import Commit
from medallion.lake.progress import SliceProgress, write_progress
from medallion.lake.small_frames import MAX_ROWS
from medallion.lake.table_names import TableNames
from medallion.lake.turns import Turn, commit
from medallion.quality import quarantine
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments

# Lets a snapshot pass or raises, before anything is written; None where its rows were not read.
Gate = Callable[[Counts | None], None]


@dataclass(frozen=True)
class DimensionTables:
    """Names of a dimension's tables."""

    silver: str
    quarantine: str
    progress: str

    @staticmethod
    def of(names: TableNames, contract: SilverContract) -> DimensionTables:
        """The tables of a contract."""
        return DimensionTables(
            names.silver(contract.name), names.quarantine(contract.name), names.progress(contract.name)
        )

    def create(self, spark: SparkSession, contract: SilverContract, rows: int) -> None:
        """Creates silver and quarantine, unless they are there; ``rows`` are those of the snapshot to be landed.

        Of a large type 2 dimension versions that end are marked beside their files. A small one's few files are sooner
        written again: Delta lists all files of a table that may have marks once more in every query.
        """
        marked = contract.scd_type == 2 and rows > MAX_ROWS
        delta_tables.create(
            spark, self.silver, silver_columns(contract), partitioned_by=partition_of(contract), deletion_vectors=marked
        )
        if marked:
            # It was made when it was smaller.
            delta_tables.use_deletion_vectors(spark, self.silver)
        quarantine.create(spark, self.quarantine)


@dataclass(frozen=True)
class Written:
    """What a turn did.

    Attributes:
        rows: of silver, that came, went or changed.
        commit: of silver.
        judged_by: for each snapshot that it landed, what that was judged by.
        has_refused: the snapshot has refused rows.
        was_read: the snapshot's rows were read; FALSE where its fingerprint said that they are those of the one before.
    """

    rows: int
    commit: Commit
    judged_by: Mapping[dt.date, str] = field(default_factory=dict)
    has_refused: bool = False
    was_read: bool = True


def silver_columns(contract: SilverContract) -> tuple[tuple[str, str], ...]:
    """The columns of a dimension, with their types."""
    return scd2.version_columns(contract) if contract.scd_type == 2 else scd1.row_columns(contract)


def partition_of(contract: SilverContract) -> str | None:
    """Versions closed for good lie in a partition of their own, which most landings need not read or rewrite."""
    return "is_current" if contract.scd_type == 2 else None


def commit_nothing(spark: SparkSession, table: str, turn: Turn, *dates: dt.date) -> Written | None:
    """Takes the turn with a commit that has no rows: that dates are processed bears on those that are not yet."""
    none = spark.table(table).limit(0)
    found = commit(spark, table, turn, lambda options: delta_tables.append(none, table, options=options), dates)
    return None if found is None else Written(0, found)


def note(
    spark: SparkSession, table: str, before: Mapping[str, SliceProgress], snapshots: Iterable[Snapshot],
    written: Written, job: JobArguments, turn: Turn, gone: Iterable[str] = (),
) -> dict[str, SliceProgress]:  # fmt: skip
    """Notes snapshots as processed by a turn, and dates as gone; gives what is processed now."""
    done = [
        SliceProgress(
            slice=one.business_date.isoformat(),
            fingerprint=one.fingerprint,
            contract_hash=written.judged_by[one.business_date],
            business_date=job.business_date,
            run_id=job.run_id,
            rows_bronze=one.rows,
            tracked_columns=one.told.tracked,
            sequence=turn.number,
        )
        for one in snapshots
    ]
    gone = list(gone)
    write_progress(spark, table, before, done, gone, turn.number)
    return {name: one for name, one in before.items() if name not in gone} | {one.slice: one for one in done}
