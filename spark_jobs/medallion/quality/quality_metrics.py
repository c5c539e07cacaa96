"""``silver.quality_metrics``: per run, table, date and rule how many rows were judged and broke it, for trends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession

from lake_model.contracts.limits import QUARANTINED
from lake_model.contracts.silver_contract import Severity, SilverContract, Waiver
from lake_model.landed_verdicts import Verdict
from medallion.errors import SPARK_ERRORS, ConcurrentWriteError, is_conflict
from medallion.lake import delta_tables
from medallion.lake.small_frames import local_frame
from medallion.lake.sql_text import text_literal
from medallion.quality.quality_counts import Counts, counted_rules
from medallion.run import run_ledger
from medallion.run.cli import JobArguments

COLUMNS = (
    ("source_schema", "string"),
    ("table_name", "string"),
    ("business_date", "date"),
    ("run_id", "string"),
    ("slice", "string"),
    ("rule", "string"),
    ("kind", "string"),
    ("severity", "string"),
    ("rows_judged", "bigint"),
    ("rows_broken", "bigint"),
    ("measured", "double"),
    ("limit", "string"),
    ("outcome", "string"),
)
# Tables are refreshed side by side and share this one; each has a partition, so only the table's making can collide.
_TRIES = 8
Row = dict[str, Any]


def metric_rows(
    contract: SilverContract, counts: Iterable[Counts], verdicts: Iterable[Verdict],
    ended: Iterable[tuple[Waiver, int]] = (),
) -> list[Row]:  # fmt: skip
    """One row per slice and rule, two more for its quarantined and its waived rows, and one per verdict.

    And one for each rule of a waiver that has ended, with the days since.
    """
    rows = []
    for one in counts:
        rows += [
            _row(one.slice, QUARANTINED, "rows", "error", one.rows, one.refused),
            _row(one.slice, "waived", "rows", "warning", one.rows, one.waived),
        ]
        for rule in counted_rules(contract):
            broken = one.by_rule.get(rule.name, 0)
            rows.append(_row(one.slice, rule.name, rule.function, rule.severity.value, one.rows, broken))
    for verdict in verdicts:
        outcome = "met" if verdict.met else "stopped" if verdict.severity is Severity.ERROR else "not met"
        measured = None if verdict.value is None else float(verdict.value)
        limit = {"measured": measured, "limit": str(verdict.limit), "outcome": outcome}
        rows.append(_row(verdict.slice, verdict.rule, "limit", verdict.severity.value, None, None) | limit)
    for waiver, days in ended:
        row = {"measured": float(days), "limit": f"until {waiver.until}", "outcome": "ended"}
        rows += [_row(f"line {waiver.line}", rule, "waiver", "warning", None, None) | row for rule in waiver.rules]
    return rows


def write(spark: SparkSession, table: str, job: JobArguments, rows: Sequence[Row]) -> None:
    """Writes a run's rows in place of those that an earlier try of it wrote of the same slices and rules.

    Raises:
        ConcurrentWriteError: other tables' runs kept getting in between.
    """
    if not rows:
        return
    keys = {"source_schema": job.source_schema, "table_name": job.table, "business_date": job.business_date,
            "run_id": job.run_id}  # fmt: skip
    wanted = {_key(row): keys | row for row in rows}
    # A run that begins has no rows yet, so that none need be read.
    begins_again = run_ledger.begins_again(spark, job, "silver")
    for _ in range(_TRIES):
        try:
            _replace(spark, table, keys if begins_again else None, wanted)
            return
        except SPARK_ERRORS as error:
            if not is_conflict(error):
                raise
    raise ConcurrentWriteError(f"{table}: other runs kept writing to it; run this one again")


def _replace(
    spark: SparkSession, table: str, keys: Mapping[str, Any] | None, wanted: Mapping[tuple[str, ...], Row]
) -> None:
    """Writes rows in place of those of their keys; ``keys``: those that all rows of the run have, if it has any."""
    delta_tables.create(spark, table, COLUMNS, partitioned_by="table_name")
    scope = " AND ".join(f"{name} = {_literal(value)}" for name, value in keys.items()) if keys else "FALSE"
    found = [row.asDict() for row in spark.table(table).where(scope).collect()] if keys else []
    stored = {_key(row): row for row in found}
    merged = stored | dict(wanted)
    if merged == stored:
        return
    frame = local_frame(spark, COLUMNS, [[row[name] for name, _ in COLUMNS] for row in merged.values()])
    if stored:
        delta_tables.replace_where(frame, table, scope)
    else:
        delta_tables.append(frame, table)


def _row(slice_name: str, rule: str, kind: str, severity: str, judged: int | None, broken: int | None) -> Row:
    outcome = "broken" if broken else "met"
    return {
        "slice": slice_name, "rule": rule, "kind": kind, "severity": severity, "rows_judged": judged,
        "rows_broken": broken, "measured": None, "limit": None, "outcome": outcome,
    }  # fmt: skip


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["slice"], row["rule"], row["kind"])


def _literal(value: object) -> str:
    return f"DATE'{value}'" if isinstance(value, dt.date) else text_literal(str(value))
