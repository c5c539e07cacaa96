"""What silver has processed of a table, slice by slice; written after the data, so that a crash between is replayed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import SparkSession

from medallion import delta_tables
from medallion.rules import text_literal

_COLUMNS = (
    ("slice", "string"),
    ("fingerprint", "string"),
    ("contract_hash", "string"),
    ("rows_bronze", "bigint"),
    ("rows_duplicate", "bigint"),
    ("sums_bronze", "map<string,string>"),
    ("sums_duplicate", "map<string,string>"),
    ("tracked_columns", "array<string>"),
    ("business_date", "date"),
    ("run_id", "string"),
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
        tracked_columns: of a type 2 dimension, as that snapshot was processed.
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
    tracked_columns: tuple[str, ...] = ()


def read_progress(spark: SparkSession, table: str) -> dict[str, SliceProgress]:
    """All slices processed so far, by name; empty when there is no such table yet."""
    if not delta_tables.exists(spark, table):
        return {}
    rows = spark.table(table).select(*[name for name, _ in _COLUMNS]).collect()
    return {
        row["slice"]: SliceProgress(**(row.asDict() | {"tracked_columns": tuple(row["tracked_columns"] or ())}))
        for row in rows
    }


def write_progress(spark: SparkSession, table: str, done: Iterable[SliceProgress], gone: Iterable[str] = ()) -> None:
    """Notes slices as processed, and forgets those that are gone, in one commit."""
    rows = [
        tuple(
            list(one.tracked_columns) if name == "tracked_columns" else _plain(getattr(one, name))
            for name, _ in _COLUMNS
        )
        for one in done
    ]
    names = [row[0] for row in rows] + list(gone)
    if not names:
        return
    delta_tables.create(spark, table, _COLUMNS)
    frame = spark.createDataFrame(rows, ", ".join(f"{name} {lake_type}" for name, lake_type in _COLUMNS)).coalesce(1)
    delta_tables.replace_where(frame, table, f"slice IN ({', '.join(text_literal(str(name)) for name in names)})")


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value
