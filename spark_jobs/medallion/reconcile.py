"""Measures what lies in stored tables, so that the ledger can show that no row and no amount was lost."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from medallion import quarantine
from medallion.bronze import UNDATED
from medallion.contracts import SilverContract
from medallion.progress import SliceProgress
from medallion.quality import ERRORS, WARNINGS, has_finding
from medallion.rules import identifier
from medallion.scd2 import BUSINESS_KEY, business_key

_FLOAT_SCALE = 10
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


def decimal_type(lake_type: str) -> str:
    """The decimal that a measure is summed in: exact for every type, and the same in any order of rows."""
    match = re.fullmatch(r"decimal\(\d+,(\d+)\)", lake_type)
    if match:
        return f"decimal(38,{match.group(1)})"
    return f"decimal(38,{_FLOAT_SCALE})" if lake_type in {"double", "float"} else "decimal(38,0)"


def exact_sum(value: Column, lake_type: str) -> Column:
    """The sum of a measure as decimal text; '0' for no values."""
    return F.coalesce(F.sum(value.cast(decimal_type(lake_type))).cast("string"), F.lit("0"))


def measure_types(contract: SilverContract) -> dict[str, str]:
    """The measures and their lake types."""
    return {column.name: column.lake_type for column in contract.columns if column.name in contract.measures}


def measure_slices(
    frame: DataFrame, slice_name: Column, measures: Mapping[str, str], rules: tuple[str, ...], findings_column: str
) -> TableFigures:
    """Rows, sums and findings by slice, in one pass."""
    # A name of a rule or column may hold a dot, so the aggregates are named by number.
    aggregates = [
        exact_sum(F.col(identifier(name)), lake_type).alias(f"sum_{number}")
        for number, (name, lake_type) in enumerate(measures.items())
    ]
    aggregates += [
        F.count_if(has_finding(findings_column, rule)).alias(f"rule_{number}") for number, rule in enumerate(rules)
    ]
    rows = frame.groupBy(slice_name.alias("slice")).agg(F.count(F.lit(1)).alias("rows"), *aggregates).collect()
    slices = {
        row["slice"]: Figures(row["rows"], {name: row[f"sum_{number}"] for number, name in enumerate(measures)})
        for row in rows
    }
    reasons = {rule: sum(row[f"rule_{number}"] for row in rows) for number, rule in enumerate(rules)}
    return TableFigures(slices, {rule: count for rule, count in reasons.items() if count})


def measure_fact(spark: SparkSession, table: str, contract: SilverContract) -> TableFigures:
    """A stored fact's figures by date, with its warnings."""
    rules = tuple(rule.name for rule in contract.rules if rule.severity == "warning")
    day = F.col(identifier(contract.date_column)).cast("string")
    return measure_slices(spark.table(table), day, measure_types(contract), rules, WARNINGS)


def measure_open_quarantine(spark: SparkSession, table: str, contract: SilverContract) -> TableFigures:
    """A fact's open quarantine by slice, with its reasons; measures are summed as they were landed."""
    types = measure_types(contract)
    raw = [
        F.get_json_object("raw_row", f"$['{name}']").try_cast(decimal_type(lake_type)).alias(name)
        for name, lake_type in types.items()
    ]
    rows = spark.table(table).where("state = 'open'").select("business_date", ERRORS, *raw)
    slice_name = F.coalesce(F.col("business_date").cast("string"), F.lit(UNDATED))
    rules = tuple(rule.name for rule in contract.rules if rule.severity == "error")
    return measure_slices(rows, slice_name, types, rules, ERRORS)


def fact_detail(
    contract: SilverContract, progress: Mapping[str, SliceProgress], silver: TableFigures, refused: TableFigures
) -> dict[str, object]:
    """The ledger's detail of a fact: every slice of the table, from bronze to silver."""
    names = sorted({*progress, *silver.slices, *refused.slices})
    dates = []
    for name in names:
        bronze = progress.get(name)
        stored, open_rows = silver.slices.get(name, Figures()), refused.slices.get(name, Figures())
        sums = {
            measure: {
                "bronze": bronze.sums_bronze.get(measure, "0") if bronze else "0",
                "silver": stored.sums.get(measure, "0"),
                "quarantined": open_rows.sums.get(measure, "0"),
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
    entries = spark.table(quarantine_table).where(quarantine.LIVE).where(F.col("business_date") == F.lit(day))
    refused = measure_slices(
        entries, F.lit("all"), {}, tuple(rule.name for rule in contract.rules if rule.severity == "error"), ERRORS
    )
    warnings = tuple(rule.name for rule in contract.rules if rule.severity == "warning")
    rows = spark.table(table)
    is_day = F.col("is_day")
    if contract.scd_type == 2:
        unknown = (
            entries.select(F.col("business_key").alias(BUSINESS_KEY)).where(F.col(BUSINESS_KEY).isNotNull()).distinct()
        )
        covers = (F.col("valid_from") <= F.lit(day)) & (F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(day)))
        rows = rows.withColumn(BUSINESS_KEY, business_key(contract.key)).join(
            unknown.withColumn("is_unknown", F.lit(True)), BUSINESS_KEY, "left"
        )
        rows = rows.withColumn("is_day", covers & F.col("is_unknown").isNull())
        turns = [F.count_if(F.col("valid_from") == F.lit(day)), F.count_if(F.col("valid_to") == F.lit(day))]
    else:
        rows = rows.withColumn("is_day", F.lit(True))
        turns = [F.lit(0), F.lit(0)]
    found = [F.count_if(is_day & F.coalesce(has_finding(WARNINGS, rule), F.lit(False))) for rule in warnings]
    counted = rows.agg(F.count_if(is_day), F.count(F.lit(1)), *turns, *found).collect()[0]
    in_snapshot, total, opened, closed = counted[0], counted[1], counted[2], counted[3]
    return {
        "dates": [
            {
                "slice": "all",
                "rows_bronze": progress.rows_bronze,
                "rows_silver": in_snapshot,
                "rows_quarantined": refused.rows,
                "rows_duplicate": 0,
                "sums": {},
            }
        ],
        "quarantined_by_reason": dict(refused.reasons),
        "warned_by_reason": {rule: counted[4 + number] for number, rule in enumerate(warnings) if counted[4 + number]},
        "versions_opened": opened,
        "versions_closed": closed,
        "versions_total": total,
    }
