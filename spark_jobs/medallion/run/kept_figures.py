"""Figures by date that the run before measured, for the dates that this one leaves as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from lake_model.table_state import TableState, TableVersion
from medallion.reconcile import Figures, TableFigures
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import read_row


@dataclass(frozen=True)
class KeptFigures:
    """The last run's entries of ``dates``, in its ledger row."""

    dates: Sequence[Mapping[str, Any]]

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
    spark: SparkSession, job: JobArguments, before: TableState | None, table: TableVersion | None, *, having: str
) -> KeptFigures | None:
    """What the last run measured; None where that need not be true of the table any more.

    It is where the table is at the very commit that the run measured: after any other, upkeep's too, all is measured.

    Args:
        before: what the last run left of the table.
        table: the table as this run finds it.
        having: a key of each entry, which rows of earlier versions of the jobs lack.
    """
    if before is None or before.table != table:
        return None
    row = read_row(spark, job, before)
    dates = row.detail.get("dates") if row else None
    return KeptFigures(dates) if dates is not None and all(having in one for one in dates) else None
