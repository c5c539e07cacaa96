"""The keys that a dimension knew, date by date, and the condition that a row of a fact breaks by naming another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import Rule, SilverContract
from lake_model.table_state import TableVersion
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.date_values import date_value
from medallion.lake.sql_text import identifier
from medallion.quality.confidential import stored_key

# Judging adds one such column per reference; it is TRUE where the key is known.
_KNOWN = "_known_{}"


@dataclass(frozen=True)
class KnownKeys:
    """What a dimension knows.

    Attributes:
        rule: the rule of the fact that refers to it.
        periods: ``_business_key`` (as the quarantine has it), ``since`` and ``until`` (exclusive); several periods of a
            key may overlap.
        first: the date from which the dimension knows anything.
        dimension: its contract.
        read: its table, which may have gone on since.
    """

    rule: Rule
    periods: DataFrame
    first: dt.date
    dimension: SilverContract
    read: TableVersion

    def digests(self, dates: Iterable[dt.date]) -> dict[dt.date, str]:
        """What was known on each date, as a text that differs where the keys do."""
        value = F.xxhash64(BUSINESS_KEY).cast("decimal(38,0)")
        begins = self.periods.select(F.col("since").alias("day"), value.alias("change"))
        ends = self.periods.select(F.col("until").alias("day"), (-value).alias("change"))
        changes = {row["day"]: row["total"] for row in
                   begins.unionByName(ends).groupBy("day").agg(F.sum("change").alias("total")).collect()}  # fmt: skip
        found, known, days = dict[dt.date, str](), 0, sorted(changes)
        for date in sorted({max(date, self.first) for date in dates}):
            while days and days[0] <= date:
                known += int(changes[days.pop(0)])
            found[date] = str(known)
        return {date: found[max(date, self.first)] for date in dates}


def with_known(rows: DataFrame, date_column: str, known: Iterable[KnownKeys]) -> tuple[DataFrame, dict[str, str]]:
    """Adds what the references need, and gives by rule the condition that a row breaks it by."""
    conditions: dict[str, str] = {}
    for number, one in enumerate(known):
        column, flag = one.rule.columns[0], _KNOWN.format(number)
        key = stored_key(business_key((column,)), one.dimension)
        day = F.greatest(F.col(identifier(date_column)), date_value(one.first))
        periods = one.periods.alias("p")
        here = (F.col("p." + BUSINESS_KEY) == F.col("_key")) & (F.col("_day") >= F.col("p.since"))
        here &= F.col("_day") < F.col("p.until")
        # Distinct keys and dates of the fact, so that overlapping periods multiply nothing.
        asked = rows.select(key.alias("_key"), day.alias("_day")).where("_key IS NOT NULL").distinct()
        found = asked.join(periods, here, "left_semi").withColumn(flag, F.lit(True))
        rows = rows.withColumn("_key", key).withColumn("_day", day).join(found, ["_key", "_day"], "left")
        rows = rows.drop("_key", "_day")
        undated = f"{identifier(date_column)} IS NULL"
        conditions[one.rule.name] = f"{identifier(column)} IS NOT NULL AND {flag} IS NULL AND NOT ({undated})"
    return rows, conditions
