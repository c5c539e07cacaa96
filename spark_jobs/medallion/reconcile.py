"""Measures what lies in stored tables, so that the ledger can show that no row and no amount was lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.bronze_manifest import UNDATED
from lake_model.contracts.silver_contract import SilverContract
from medallion.exact_sums import added, exact_sum, landed_type, sum_of
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.progress import SliceProgress
from medallion.lake.sql_text import identifier
from medallion.quality import quarantine
from medallion.quality.confidential import hidden_measures, stored_key
from medallion.quality.row_judgement import ERRORS, WARNINGS

NOTHING: Mapping[str, object] = {
    "dates": [],
    "quarantined_by_reason": {},
    "warned_by_reason": {},
    "versions_opened": 0,
    "versions_closed": 0,
    "versions_total": 0,
}


@dataclass(frozen=True)
class Figures:
    """Rows of one slice, and the exact sums of its measures as decimal text."""

    rows: int = 0
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableFigures:
    """A table's figures by slice, and how many of its rows each rule names."""

    slices: Mapping[str, Figures]
    reasons: Mapping[str, int]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(one.rows for one in self.slices.values())


def measure_types(contract: SilverContract) -> dict[str, str]:
    """The measures and their lake types."""
    return {column.name: column.lake_type for column in contract.columns if column.name in contract.measures}


def measure_slices(
    frame: DataFrame, slice_name: Column, measures: Mapping[str, str], findings_column: str | None,
    *, as_landed: bool = False,
) -> TableFigures:  # fmt: skip
    """Rows, sums and findings by slice, in one pass; ``measures`` by name, with their lake types.

    As they were landed, they may have more decimals than the lake gives them.
    """
    # A name of a column may hold a dot, so the aggregates are named by number.
    sums = [
        exact_sum(F.col(identifier(name)), landed_type(lake_type) if as_landed else lake_type).alias(f"sum_{number}")
        for number, (name, lake_type) in enumerate(measures.items())
    ]
    named = F.col(f"{findings_column}.name") if findings_column else F.lit(None).cast("array<string>")
    grouped = frame.groupBy(slice_name.alias("slice"), named.alias("reasons"))
    slices: dict[str, Figures] = {}
    reasons: dict[str, int] = {}
    for row in grouped.agg(F.count(F.lit(1)).alias("rows"), *sums).collect():
        before = slices.get(row["slice"], Figures())
        slices[row["slice"]] = Figures(
            before.rows + row["rows"],
            {
                name: added(before.sums.get(name, "0"), sum_of(row[f"sum_{number}"], lake_type))
                for number, (name, lake_type) in enumerate(measures.items())
            },
        )
        for reason in row["reasons"] or []:
            reasons[reason] = reasons.get(reason, 0) + row["rows"]
    return TableFigures(slices, reasons)


def measure_fact(fact: DataFrame, contract: SilverContract) -> TableFigures:
    """A stored fact's figures by date, with its warnings."""
    day = F.col(identifier(contract.date_column)).cast("string")
    return measure_slices(fact, day, measure_types(contract), WARNINGS)


def measure_open_quarantine(spark: SparkSession, table: str, contract: SilverContract) -> TableFigures:
    """A fact's open quarantine by slice, with its reasons; measures are summed as they were landed, unless hidden."""
    hidden = hidden_measures(contract)
    types = {name: kind for name, kind in measure_types(contract).items() if name not in hidden}
    # Not by get_json_object, which reads a number as a double and so keeps some sixteen digits of it.
    schema = ", ".join(f"{identifier(name)} {landed_type(lake_type)}" for name, lake_type in types.items())
    raw = F.from_json("raw_row", schema) if types else F.struct()
    slice_name = F.coalesce(F.col("business_date").cast("string"), F.lit(UNDATED)).alias("_slice")
    opened = spark.table(table).where("state = 'open'").select(slice_name, ERRORS, raw.alias("_raw"))
    rows = opened.select("_slice", ERRORS, *[F.col("_raw")[name].alias(name) for name in types])
    return measure_slices(rows, F.col("_slice"), types, ERRORS, as_landed=True)


def fact_detail(
    contract: SilverContract, progress: Mapping[str, SliceProgress], silver: TableFigures, refused: TableFigures
) -> dict[str, object]:
    """The ledger's detail of a fact: every slice of the table, from bronze to silver."""
    names, hidden = sorted({*progress, *silver.slices, *refused.slices}), hidden_measures(contract)
    dates = []
    for name in names:
        bronze = progress.get(name)
        stored, open_rows = silver.slices.get(name, Figures()), refused.slices.get(name, Figures())
        sums = {
            measure: {
                "bronze": bronze.sums_bronze.get(measure, "0") if bronze else "0",
                "silver": stored.sums.get(measure, "0"),
                "quarantined": (bronze.sums_refused if bronze and measure in hidden else open_rows.sums).get(
                    measure, "0"
                ),
                "duplicate": bronze.sums_duplicate.get(measure, "0") if bronze else "0",
            }
            for measure in contract.measures
        }
        dates.append(
            {
                "slice": name,
                "rows_bronze": bronze.rows_bronze if bronze else 0,
                "rows_silver": stored.rows,
                "rows_quarantined": open_rows.rows,
                "rows_duplicate": bronze.rows_duplicate if bronze else 0,
                "sums": sums,
            }
        )
    return {
        "dates": dates,
        "quarantined_by_reason": dict(refused.reasons),
        "warned_by_reason": dict(silver.reasons),
        "versions_opened": 0,
        "versions_closed": 0,
        "versions_total": silver.rows,
    }


def measure_dimension(
    spark: SparkSession, table: str, quarantine_table: str, contract: SilverContract, progress: SliceProgress
) -> dict[str, object]:
    """The ledger's detail of a dimension: what its tables hold of the snapshot of a business date."""
    day = dt.date.fromisoformat(progress.slice)
    entries = spark.table(quarantine_table).where(quarantine.LIVE).where(F.col("business_date") == date_value(day))
    refused = measure_slices(entries, F.lit("all"), {}, ERRORS)
    rows = spark.table(table)
    is_day, opened, closed = F.lit(True), F.lit(False), F.lit(False)
    if contract.scd_type == 2:
        is_day = (F.col("valid_from") <= date_value(day)) & (
            F.col("valid_to").isNull() | (F.col("valid_to") > date_value(day))
        )
        opened, closed = F.col("valid_from") == date_value(day), F.col("valid_to").eqNullSafe(date_value(day))
        if refused.rows:
            # A quarantined key's version reaches over the day, but the snapshot's row of it is not in silver.
            unknown = (
                entries.where("business_key IS NOT NULL").select(F.col("business_key").alias(BUSINESS_KEY)).distinct()
            )
            rows = rows.withColumn(BUSINESS_KEY, stored_key(business_key(contract.key), contract))
            rows = rows.join(unknown.withColumn("_is_unknown", F.lit(True)), BUSINESS_KEY, "left")
            is_day &= F.col("_is_unknown").isNull()
    reasons = F.when(is_day, F.col(f"{WARNINGS}.name")).alias("reasons")
    flags = rows.select(is_day.alias("is_day"), opened.alias("opened"), closed.alias("closed"), reasons)
    counted = flags.groupBy("is_day", "opened", "closed", "reasons").count().collect()
    warned: dict[str, int] = {}
    for row in counted:
        for reason in row["reasons"] or []:
            warned[reason] = warned.get(reason, 0) + row["count"]
    return {
        "dates": [
            {
                "slice": "all",
                "rows_bronze": progress.rows_bronze,
                "rows_silver": sum(row["count"] for row in counted if row["is_day"]),
                "rows_quarantined": refused.rows,
                "rows_duplicate": 0,
                "sums": {},
            }
        ],
        "quarantined_by_reason": dict(refused.reasons),
        "warned_by_reason": warned,
        "versions_opened": sum(row["count"] for row in counted if row["opened"]),
        "versions_closed": sum(row["count"] for row in counted if row["closed"]),
        "versions_total": sum(row["count"] for row in counted),
    }
