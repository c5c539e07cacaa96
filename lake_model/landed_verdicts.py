"""Holds a landed table to what its contract expects of it as a whole or by date; pure, so that both sides can ask.

It reads the bronze index alone, so the same landed data gives the same verdicts in whatever order dates are run.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lake_model.bronze_manifest import UNDATED, Slice
from lake_model.contracts.limits import Limit
from lake_model.contracts.silver_contract import Expectation, Metric, Severity, SilverContract
from lake_model.contracts.waivers_in_force import waivers_ended

WHOLE_TABLE = "all"


@dataclass(frozen=True)
class Verdict:
    """One measured value beside what it must be.

    Attributes:
        rule: name of the expectation, or of the rule that has a limit.
        where: the part of the contract that asks for it, as ``SilverContract.lines`` names it.
        slice: a date, ``all`` for the landed table, ``run`` for the rows that the run judged.
        value: the measured value; None where there is nothing to measure, which is not met.
        shown: the value as a person reads it.
        met: whether the value is as it must be.
    """

    rule: str
    message: str
    where: str
    slice: str
    severity: Severity
    limit: Limit
    value: Decimal | None
    shown: str
    met: bool

    @property
    def stops(self) -> bool:
        """Whether the run must not go on to silver."""
        return not self.met and self.severity is Severity.ERROR


def landed_verdicts(
    contract: SilverContract, slices: Mapping[str, Slice], changed: Collection[str], business_date: dt.date,
    *, has_history: bool,
) -> list[Verdict]:  # fmt: skip
    """Verdicts on the table as it is landed.

    Args:
        slices: all that are landed.
        changed: dates whose landed rows are new or other than those that silver has; of these (and of the business
            date, if it has no rows) each is measured for itself.
        business_date: the run's, which ages are counted to.
        has_history: silver has processed the table before. A first load is history, and is not compared with itself.
    """
    verdicts: list[Verdict] = []
    dates = sorted({name for name in changed if name != UNDATED} | ({business_date.isoformat()} - slices.keys()))
    for one in contract.expectations:
        if one.metric is Metric.FRESHNESS:
            verdicts.append(_freshness(one, slices, business_date))
        elif one.trailing_days:
            verdicts += _beside_days_before(one, slices, dates) if has_history else ()
        elif one.by_date:
            verdicts += [_verdict(one, date, _value(one, slices.get(date))) for date in dates]
        else:
            total = sum((_value(one, landed) for landed in slices.values()), Decimal(0))
            verdicts.append(_verdict(one, WHOLE_TABLE, total))
    return verdicts


def sentence(contract: SilverContract, verdict: Verdict) -> str:
    """A verdict for people: where it is asked for, the rule, the value and the limit."""
    line = contract.lines.get(verdict.where)
    place = f"{contract.file} line {line}" if line else contract.file
    date = "" if verdict.slice in {"all", "run"} else f" on {verdict.slice}"
    return f"{place}: {verdict.rule} ({verdict.message}){date}: {verdict.shown}, {verdict.limit}"


def not_met(contract: SilverContract, verdicts: Iterable[Verdict]) -> list[str]:
    """What a run that went on has to report: a sentence for each expectation that is not met."""
    return [sentence(contract, one) for one in verdicts if not one.met]


def announced(contract: SilverContract, verdicts: Iterable[Verdict], as_of: dt.date) -> dict[str, list[str]]:
    """What people should know of a run that went on, for its ledger row."""
    return {"expectations_not_met": not_met(contract, verdicts), "waivers_ended": waivers_ended(contract, as_of)}


def _freshness(one: Expectation, slices: Mapping[str, Slice], business_date: dt.date) -> Verdict:
    dates = [dt.date.fromisoformat(name) for name, landed in slices.items() if name != UNDATED and landed.rows]
    where = "slaProperties.latency"
    if not dates:
        shown = "no date is landed"
        return Verdict(one.name, one.message, where, WHOLE_TABLE, one.severity, one.limit, None, shown, met=False)
    age = Decimal(max(0, (business_date - max(dates)).days))
    shown = f"newest {max(dates)}, {age} days before {business_date}"
    met = one.limit.allows(age)
    return Verdict(one.name, one.message, where, WHOLE_TABLE, one.severity, one.limit, age, shown, met)


def _beside_days_before(one: Expectation, slices: Mapping[str, Slice], dates: Iterable[str]) -> Iterator[Verdict]:
    """Each date in percent of the median of the days before; nothing where fewer than half of those have rows."""
    for date in dates:
        end = dt.date.fromisoformat(date).toordinal()
        # The calendar begins with day 1.
        days = range(max(1, end - one.trailing_days), end)
        before = [dt.date.fromordinal(day).isoformat() for day in days]
        values = [_value(one, slices[day]) for day in before if day in slices]
        usual = statistics.median(values) if len(values) * 2 >= one.trailing_days else Decimal(0)
        if usual > 0:
            value = _value(one, slices.get(date))
            percent = value * 100 / usual
            shown = f"{value} is {percent:.1f} % of {usual}, the median of the {one.trailing_days} days before"
            met = one.limit.allows(percent)
            yield Verdict(
                one.name, one.message, f"quality.{one.name}", date, one.severity, one.limit, percent, shown, met
            )


def _value(one: Expectation, landed: Slice | None) -> Decimal:
    if landed is None:
        return Decimal(0)
    return Decimal(landed.rows) if one.metric is Metric.ROW_COUNT else Decimal(landed.sums.get(one.column, "0"))


def _verdict(one: Expectation, slice_name: str, value: Decimal) -> Verdict:
    shown = f"{value} rows" if one.metric is Metric.ROW_COUNT else f"{one.column} sums to {value}"
    met = one.limit.allows(value)
    return Verdict(one.name, one.message, f"quality.{one.name}", slice_name, one.severity, one.limit, value, shown, met)
