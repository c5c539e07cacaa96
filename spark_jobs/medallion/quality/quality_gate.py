"""Decides before silver is touched whether a run may go on, and reports what it found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import SilverContract
from lake_model.contracts.waivers_in_force import ended_waivers, waivers_ended
from lake_model.landed_verdicts import Verdict, not_met, sentence
from lake_model.landed_verdicts import announced as announced
from medallion.errors import QualityStopError
from medallion.lake.table_names import TableNames
from medallion.quality import quality_metrics
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments

_MOST_SHOWN = 20
_CURE = (
    "silver and its quarantine are as they were. Correct the rows at the source and run again; or let them pass in "
    "waivers.yaml; or, if the data is right, change the limit in the contract"
)


def check(
    spark: SparkSession, names: TableNames, job: JobArguments, contract: SilverContract,
    counts: Iterable[Counts], verdicts: Sequence[Verdict], as_of: dt.date | None = None,
) -> None:  # fmt: skip
    """Stores what was found, and lets the run go on or not.

    ``as_of`` is the date that waivers must reach to hold, by default the run's own.

    The findings are written first, so that a stopped run can be looked into: they are all that it leaves behind.

    Raises:
        QualityStopError: an expectation or limit with severity error is not met; names each with its value and limit.
    """
    ended = ended_waivers(contract, as_of or job.business_date)
    rows = quality_metrics.metric_rows(contract, counts, verdicts, ended)
    quality_metrics.write(spark, names.quality_metrics(), job, rows)
    for line in not_met(contract, verdicts):
        print(f"not met: {line}")
    for line in waivers_ended(contract, as_of or job.business_date):
        print(line)
    broken = [one for one in verdicts if one.stops]
    if not broken:
        return
    lines = [sentence(contract, one) for one in broken]
    shown = lines[:_MOST_SHOWN] + ([f"and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else [])
    raise QualityStopError("; ".join(["stopped before silver was touched", *shown]) + f": {_CURE}", lines)
