"""Decides before silver is touched whether a run may go on, and tells what it found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from pyspark.sql import SparkSession

from lake_model.contracts.silver_contract import SilverContract, Waiver
from lake_model.contracts.waivers import WAIVERS_FILE as WAIVERS_FILE
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
    counts: Iterable[Counts], verdicts: Sequence[Verdict], as_of: dt.date | None = None,
) -> None:  # fmt: skip
    """Stores what was found, and lets the run go on or not.

    ``as_of`` is the date that waivers must reach to hold, by default the run's own.

    The findings are written first, so that a stopped run can be looked into: they are all that it leaves behind.

    Raises:
        QualityStopError: an expectation or limit with severity error is not met; names each with its value and limit.
    """
    ended = _ended(contract, as_of or job.business_date)
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


def announced(contract: SilverContract, verdicts: Sequence[Verdict], as_of: dt.date) -> dict[str, list[str]]:
    """What a run that went on has to tell people, for its ledger row."""
    return {"expectations_not_met": not_met(contract, verdicts), "waivers_ended": waivers_ended(contract, as_of)}


def not_met(contract: SilverContract, verdicts: Sequence[Verdict]) -> list[str]:
    """What a run that went on has to report: a sentence for each expectation that is not met."""
    return [sentence(contract, one) for one in verdicts if not one.met]


def waivers_ended(contract: SilverContract, as_of: dt.date) -> list[str]:
    """A sentence for each waiver that is in the file still and holds no more."""
    return [
        f"{WAIVERS_FILE} line {one.line}: it ended on {one.until}: the rows that it let pass ({one.reason}) are "
        "refused again; take it out of the file, or give it a later end"
        for one, _ in _ended(contract, as_of)
    ]


def _ended(contract: SilverContract, as_of: dt.date) -> list[tuple[Waiver, int]]:
    """The waivers that have ended, and for how many days."""
    return [(one, (as_of - one.until).days) for one in contract.waivers if one.until < as_of]


def sentence(contract: SilverContract, verdict: Verdict) -> str:
    """A verdict for people: where it is asked for, the rule, the value and the limit."""
    line = contract.lines.get(verdict.where)
    place = f"{contract.file} line {line}" if line else contract.file
    date = "" if verdict.slice in {"all", "run"} else f" on {verdict.slice}"
    return f"{place}: {verdict.rule} ({verdict.message}){date}: {verdict.shown}, {verdict.limit}"
