"""What silver has processed of a table, slice by slice; written after the data, so that a crash between is replayed.

The table is a log: a run appends what it did, and of a slice the entry with the highest sequence counts. So two runs
can never undo each other's entries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.sql import SparkSession

from medallion.lake import delta_tables
from medallion.lake.small_frames import local_frame

_COLUMNS = (
    ("slice", "string"),
    ("fingerprint", "string"),
    ("contract_hash", "string"),
    ("rows_bronze", "bigint"),
    ("rows_duplicate", "bigint"),
    ("sums_bronze", "map<string,string>"),
    ("sums_duplicate", "map<string,string>"),
    ("sums_refused", "map<string,string>"),
    ("tracked_columns", "array<string>"),
    ("business_date", "date"),
    ("run_id", "string"),
    ("sequence", "bigint"),
)


@dataclass(frozen=True)
class SliceProgress:
    """One slice as silver last processed it.

    Attributes:
        slice: a fact's slice; for a dimension the business date of the snapshot, ISO.
        fingerprint: the slice's in the manifest.
        contract_hash: of the contract that it was processed by.
        sums_bronze: exact decimal text by measure, of the landed rows.
        sums_duplicate: the same of the rows removed as duplicates.
        sums_refused: the same of refused rows, by measure that is hidden in the quarantine.
        tracked_columns: of a type 2 dimension, as that snapshot was processed.
        sequence: the number of the turn, which orders the entries of a slice.
        business_date: of the run that processed it.
    """

    slice: str
    fingerprint: str
    contract_hash: str
    business_date: dt.date
    run_id: str
    rows_bronze: int
    rows_duplicate: int = 0
    sums_bronze: Mapping[str, str] = field(default_factory=dict)
    sums_duplicate: Mapping[str, str] = field(default_factory=dict)
    sums_refused: Mapping[str, str] = field(default_factory=dict)
    tracked_columns: tuple[str, ...] = ()
    sequence: int = 0


@dataclass(frozen=True)
class Log:
    """What was processed of a table.

    Attributes:
        slices: as they were last processed, by name, without those that are gone.
        turn: the newest turn that was noted.
        has_table: the silver table is there.
    """

    slices: Mapping[str, SliceProgress] = field(default_factory=dict)
    turn: int = 0
    has_table: bool = False


def progress_of(spark: SparkSession, silver_table: str, table: str) -> Mapping[str, SliceProgress]:
    """The slices of ``log_of``."""
    return log_of(spark, silver_table, table).slices


def log_of(spark: SparkSession, silver_table: str, table: str) -> Log:
    """What was processed of a silver table; nothing where that was removed, and then the log is emptied too.

    Entries of a removed table would otherwise outlive it: dates would count as processed that the new one never saw.
    """
    if delta_tables.exists(spark, silver_table):
        return replace(_read_log(spark, table), has_table=True)
    # Asked again, because another run may have made the table in the meantime, and noted what it processed.
    if delta_tables.exists(spark, table) and not delta_tables.exists(spark, silver_table):
        spark.sql(f"DELETE FROM {table}")
    return Log()


def read_progress(spark: SparkSession, table: str) -> Mapping[str, SliceProgress]:
    """All slices processed so far, by name; empty when there is no such table yet."""
    return _read_log(spark, table).slices


def _read_log(spark: SparkSession, table: str) -> Log:
    there = delta_tables.types_if_there(spark, table)
    if there is None:
        return Log()
    newest: dict[str, Any] = {}
    # One of an earlier version lacks the newer columns.
    names = [name for name, _ in _COLUMNS if name in there]
    for row in spark.table(table).select(*names).collect():
        if row["slice"] not in newest or row["sequence"] > newest[row["slice"]]["sequence"]:
            newest[row["slice"]] = row
    slices = {
        name: SliceProgress(**(row.asDict() | _filled(row)))
        for name, row in newest.items()
        if row["fingerprint"] is not None
    }
    return Log(slices, max((row["sequence"] for row in newest.values()), default=0))


def _filled(row: Any) -> dict[str, Any]:
    return {
        "tracked_columns": tuple(row["tracked_columns"] or ()),
        "sums_refused": row.asDict().get("sums_refused") or {},
    }


def write_progress(
    spark: SparkSession,
    table: str,
    before: Mapping[str, SliceProgress],
    done: Iterable[SliceProgress],
    gone: Iterable[str],
    turn: int,
) -> None:
    """Notes slices as processed, and forgets those that are gone, in one commit; ``before`` is what was read.

    ``turn`` is the number of the commit that holds their rows.
    """
    done, gone = list(done), list(gone)
    if done or gone:
        delta_tables.create_whole(spark, table, _COLUMNS)
        rows = [_row(one, turn) for one in done] + [_row(before[name], turn, gone=True) for name in gone]
        delta_tables.append(local_frame(spark, _COLUMNS, rows), table)


def _row(one: SliceProgress, sequence: int, *, gone: bool = False) -> tuple[object, ...]:
    values = {name: getattr(one, name) for name, _ in _COLUMNS} | {
        "sums_bronze": list(one.sums_bronze.items()),
        "sums_duplicate": list(one.sums_duplicate.items()),
        "sums_refused": list(one.sums_refused.items()),
        "tracked_columns": list(one.tracked_columns),
        "fingerprint": None if gone else one.fingerprint,
        "sequence": sequence,
    }
    return tuple(values.values())
