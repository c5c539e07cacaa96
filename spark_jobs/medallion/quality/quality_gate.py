"""Decides before silver is touched whether a run may go on, and tells what it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import SparkSession

from medallion.contracts.silver_contract import SilverContract
from medallion.errors import QualityStopError
from medallion.lake.table_names import TableNames
from medallion.quality import quality_metrics
from medallion.quality.expectations import Verdict
from medallion.quality.quality_counts import Counts
from medallion.run.cli import JobArguments

_MOST_SHOWN = 20
_CURE = (
    "silver and its quarantine are as they were. Correct the rows at the source and run again; or let them pass in "
    "waivers.yaml; or, if the data is right, change the limit in the contract"
)


def check(
    spark: SparkSession, names: TableNames, job: JobArguments, contract: SilverContract,
    counts: Iterable[Counts], verdicts: Sequence[Verdict],
) -> None:  # fmt: skip
    """Stores what was found, and lets the run go on or not.

    The findings are written first, so that a stopped run can be looked into: they are all that it leaves behind.

    Raises:
        QualityStopError: an expectation or limit with severity error is not met; names each with its value and limit.
    """
    rows = quality_metrics.metric_rows(contract, counts, verdicts)
    quality_metrics.write(spark, names.quality_metrics(), job, rows)
    for line in not_met(contract, verdicts):
        print(f"not met: {line}")
    broken = [one for one in verdicts if one.stops]
    if not broken:
        return
    lines = [sentence(contract, one) for one in broken]
    shown = lines[:_MOST_SHOWN] + ([f"and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else [])
    raise QualityStopError("; ".join(["stopped before silver was touched", *shown]) + f": {_CURE}", lines)


def not_met(contract: SilverContract, verdicts: Sequence[Verdict]) -> list[str]:
    """What a run that went on has to report: a sentence for each expectation that is not met."""
    return [sentence(contract, one) for one in verdicts if not one.met]


def sentence(contract: SilverContract, verdict: Verdict) -> str:
    """A verdict for people: where it is asked for, the rule, the value and the limit."""
    line = contract.lines.get(verdict.where)
    place = f"{contract.file} line {line}" if line else contract.file
    date = "" if verdict.slice in {"all", "run"} else f" on {verdict.slice}"
    return f"{place}: {verdict.rule} ({verdict.message}){date}: {verdict.shown}, {verdict.limit}"
