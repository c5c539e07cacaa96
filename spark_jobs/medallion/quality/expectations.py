"""Holds a landed table and the counts of its judged rows to what its contract expects; pure, without Spark.

All of it is read from the bronze index and from what the rows' own judgement counted, so it costs no further pass, and
the same landed data gives the same verdicts in whatever order dates are run.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lake_model.bronze_manifest import UNDATED, Slice
from lake_model.contracts.limits import PERCENT, QUARANTINED, Limit
from lake_model.contracts.silver_contract import Expectation, Metric, Severity, SilverContract
from medallion.quality.quality_counts import Counts

WHOLE_TABLE = "all"
# The rows that one run judged, whatever their dates.
THIS_RUN = "run"


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


def counted_verdicts(contract: SilverContract, counts: Iterable[Counts]) -> list[Verdict]:
    """Verdicts on how many of the rows that a run judged break the rules that have a limit."""
    every = Counts.total(counts)
    rules = {rule.name: rule for rule in (*contract.rules, *contract.counted)}
    verdicts = [
        _share(rule.name, rule.message, f"quality.{rule.name}", rule.severity, rule.limit, every)
        for rule in contract.counted
        if rule.limit
    ]
    for name, limit in contract.stop_above.items():
        message = "rows go to quarantine" if name == QUARANTINED else rules[name].message
        verdicts.append(_share(name, message, "customProperties.stopAbove", Severity.ERROR, limit, every))
    return verdicts


def _share(name: str, message: str, where: str, severity: Severity, limit: Limit, counts: Counts) -> Verdict:
    broken = counts.refused if name == QUARANTINED else counts.by_rule.get(name, 0)
    share = Decimal(broken * 100) / counts.rows if counts.rows else Decimal(0)
    value = share if limit.unit == PERCENT else Decimal(broken)
    shown = f"{broken} of {counts.rows} rows ({share:.2f} %)"
    return Verdict(name, message, where, THIS_RUN, severity, limit, value, shown, limit.allows(value))


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
