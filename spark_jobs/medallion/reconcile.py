"""Measures what lies in stored tables, so that the ledger can show that no row and no amount was lost."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import Column, DataFrame, Row, SparkSession
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
# What a day did to a dimension's row.
_OF_DAY, _OPENED, _CLOSED = "d", "o", "c"


@dataclass(frozen=True)
class Figures:
    """Rows of one slice, the exact sums of its measures as decimal text, and how many rows each rule names."""

    rows: int = 0
    sums: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TableFigures:
    """A table's figures by slice."""

    slices: dict[str, Figures] = field(default_factory=dict)

    def with_dates(self, dates: Collection[str], measured: TableFigures) -> TableFigures:
        """The same with what was measured of some dates in the place of what these figures say of them."""
        others = {name: one for name, one in self.slices.items() if name not in dates}
        return TableFigures(others | {name: one for name, one in measured.slices.items() if name in dates})

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(one.rows for one in self.slices.values())

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many of all rows each rule names."""
        found: Counter[str] = Counter()
        for one in self.slices.values():
            found.update(one.reasons)
        return found


def measure_types(contract: SilverContract) -> dict[str, str]:
    """The measures and their lake types."""
    return {column.name: column.lake_type for column in contract.columns if column.name in contract.measures}


@dataclass(frozen=True)
class Side:
    """Rows to be measured.

    Attributes:
        slice_name: a row's slice.
        measures: names and lake types of what is summed.
        findings: the column with a row's findings; None where it has none.
        as_landed: measures may have more decimals than the lake gives them.
    """

    rows: DataFrame
    slice_name: Column
    measures: Mapping[str, str] = field(default_factory=dict)
    findings: str | None = None
    as_landed: bool = False

    def grouped(self, number: int) -> DataFrame:
        """Rows and sums by slice and reasons, with the side's number."""
        sums = [
            exact_sum(F.col(identifier(name)), landed_type(lake_type) if self.as_landed else lake_type)
            for name, lake_type in self.measures.items()
        ]
        named = F.col(f"{self.findings}.name") if self.findings else F.lit(None).cast("array<string>")
        return (
            self.rows.groupBy(self.slice_name.alias("slice"), named.alias("reasons"))
            .agg(F.count(F.lit(1)).alias("rows"), F.array(*sums).cast("array<string>").alias("sums"))
            .select(F.lit(number).alias("side"), "slice", "reasons", "rows", "sums")
        )


def measure(*sides: Side) -> list[TableFigures]:
    """Rows, sums and findings of each side by slice, all in one pass."""
    found = reduce(DataFrame.unionByName, [side.grouped(number) for number, side in enumerate(sides)]).collect()
    return [_figures(side, [row for row in found if row["side"] == number]) for number, side in enumerate(sides)]


def _figures(side: Side, found: Iterable[Row]) -> TableFigures:
    slices: dict[str, Figures] = {}
    for row in found:
        before = slices.get(row["slice"], Figures())
        reasons = Counter(before.reasons)
        for name in row["reasons"] or []:
            reasons[name] += row["rows"]
        slices[row["slice"]] = Figures(
            before.rows + row["rows"],
            {
                name: added(before.sums.get(name, "0"), sum_of(text, lake_type))
                for (name, lake_type), text in zip(side.measures.items(), row["sums"], strict=True)
            },
            reasons,
        )
    return TableFigures(slices)


def stored_fact(fact: DataFrame, contract: SilverContract) -> Side:
    """A stored fact by date, with its warnings."""
    day = F.col(identifier(contract.date_column)).cast("string")
    return Side(fact, day, measure_types(contract), WARNINGS)


def open_quarantine(spark: SparkSession, table: str, contract: SilverContract) -> Side:
    """A fact's open quarantine by slice, with its reasons; measures are summed as they were landed, unless hidden."""
    hidden = hidden_measures(contract)
    types = {name: kind for name, kind in measure_types(contract).items() if name not in hidden}
    # Not by get_json_object, which reads a number as a double and so keeps some sixteen digits of it.
    schema = ", ".join(f"{identifier(name)} {landed_type(lake_type)}" for name, lake_type in types.items())
    raw = F.from_json("raw_row", schema) if types else F.struct()
    slice_name = F.coalesce(F.col("business_date").cast("string"), F.lit(UNDATED)).alias("_slice")
    opened = spark.table(table).where("state = 'open'").select(slice_name, ERRORS, raw.alias("_raw"))
    rows = opened.select("_slice", ERRORS, *[F.col("_raw")[name].alias(name) for name in types])
    return Side(rows, F.col("_slice"), types, ERRORS, as_landed=True)


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
                "rows_warned": dict(stored.reasons),
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
    spark: SparkSession, table: str, quarantine_table: str, contract: SilverContract, progress: SliceProgress,
    *, has_refused: bool,
) -> dict[str, object]:  # fmt: skip
    """The ledger's detail of a dimension: what its tables hold of the snapshot of a business date.

    ``has_refused``: the snapshot is known to have refused rows. Where it has some that were not known, silver is
    measured a second time.
    """
    day = dt.date.fromisoformat(progress.slice)
    entries = spark.table(quarantine_table).where(quarantine.LIVE).where(F.col("business_date") == date_value(day))
    refused, stored = measure(
        Side(entries, F.lit("all"), findings=ERRORS),
        _stored_dimension(spark.table(table), contract, day, entries if has_refused else None),
    )
    if refused.rows and not has_refused:
        (stored,) = measure(_stored_dimension(spark.table(table), contract, day, entries))

    def rows(flag: str) -> int:
        return sum(one.rows for flags, one in stored.slices.items() if flag in flags)

    return {
        "dates": [
            {
                "slice": "all",
                "rows_bronze": progress.rows_bronze,
                "rows_silver": rows(_OF_DAY),
                "rows_quarantined": refused.rows,
                "rows_duplicate": 0,
                "sums": {},
            }
        ],
        "quarantined_by_reason": dict(refused.reasons),
        "warned_by_reason": dict(stored.reasons),
        "versions_opened": rows(_OPENED),
        "versions_closed": rows(_CLOSED),
        "versions_total": stored.rows,
    }


def _stored_dimension(rows: DataFrame, contract: SilverContract, day: dt.date, refused: DataFrame | None) -> Side:
    """A stored dimension by what a day did to its rows, in letters, with the warnings of the day's own.

    A quarantined key's version reaches over the day, but the snapshot's row of it is not in silver.
    """
    is_day, opened, closed = F.lit(True), F.lit(False), F.lit(False)
    if contract.scd_type == 2:
        is_day = (F.col("valid_from") <= date_value(day)) & (
            F.col("valid_to").isNull() | (F.col("valid_to") > date_value(day))
        )
        opened, closed = F.col("valid_from") == date_value(day), F.col("valid_to").eqNullSafe(date_value(day))
        if refused is not None:
            unknown = refused.where("business_key IS NOT NULL").select(F.col("business_key").alias(BUSINESS_KEY))
            unknown = unknown.distinct().withColumn("_is_unknown", F.lit(True))
            rows = rows.withColumn(BUSINESS_KEY, stored_key(business_key(contract.key), contract))
            rows = rows.join(unknown, BUSINESS_KEY, "left")
            is_day &= F.col("_is_unknown").isNull()
    flags = F.concat_ws("", F.when(is_day, _OF_DAY), F.when(opened, _OPENED), F.when(closed, _CLOSED))
    flagged = rows.select(flags.alias("_flags"), F.when(is_day, F.col(WARNINGS)).alias(WARNINGS))
    return Side(flagged, F.col("_flags"), findings=WARNINGS)
