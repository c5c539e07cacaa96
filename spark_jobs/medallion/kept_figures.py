"""Figures by date that the run before measured, for the dates that this one leaves as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from lake_model.table_state import TableState, TableVersion
from medallion.reconcile import Figures, TableFigures
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import read_row

MEASURED = "all_measured_on"
"""In a ledger row's detail: the business date of the last run that measured all dates."""
# A file that was lost in the meantime is found by then.
_MOST_DAYS = 7


@dataclass(frozen=True)
class KeptFigures:
    """The last run's entries of ``dates``, in its ledger row, and when all dates were measured."""

    dates: Sequence[Mapping[str, Any]]
    measured_on: dt.date

    def of(self, side: str, reasons: str | None = None) -> TableFigures:
        """What was measured of one side, such as silver; ``reasons`` is the key of what was counted beside it."""
        return TableFigures(
            {
                one["slice"]: Figures(
                    one[f"rows_{side}"],
                    {measure: sums[side] for measure, sums in one["sums"].items()},
                    one[reasons] if reasons else {},
                )
                for one in self.dates
                if one[f"rows_{side}"]
            }
        )


def kept_figures(
    spark: SparkSession, job: JobArguments, before: TableState | None, table: TableVersion | None,
    measures: Collection[str],
) -> KeptFigures | None:  # fmt: skip
    """What the last run measured; None where that need not be true of the table any more, and all is to be measured.

    It is where the table is at the very commit that the run measured: after any other, upkeep's too, it need not be.
    And once in a week of business dates all is measured, whatever is known.

    Args:
        before: what the last run left of the table.
        table: the table as this run finds it.
        measures: whose sums are wanted.
    """
    if before is None or before.table != table:
        return None
    row = read_row(spark, job, before)
    # Rows of earlier versions of the jobs have not the figures of each date that are needed here, nor this.
    if row is None or MEASURED not in row.detail:
        return None
    last = dt.date.fromisoformat(row.detail[MEASURED])
    if job.business_date - last >= dt.timedelta(days=_MOST_DAYS):
        return None
    dates = row.detail["dates"]
    return KeptFigures(dates, last) if all(set(one["sums"]) == set(measures) for one in dates) else None


def measured_on(job: JobArguments, kept: KeptFigures | None) -> dict[str, str]:
    """What the ledger row's detail says of it."""
    return {MEASURED: (kept.measured_on if kept else job.business_date).isoformat()}
