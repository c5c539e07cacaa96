"""Holds the counts of a run's judged rows to what the contract expects; pure, without Spark.

They come from what the rows' own judgement counted, so they cost no further pass. What is expected of the landed table
itself is read from its index: ``lake_model.landed_verdicts``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from lake_model.contracts.limits import PERCENT, QUARANTINED, Limit
from lake_model.contracts.silver_contract import Severity, SilverContract
from lake_model.landed_verdicts import Verdict
from medallion.quality.quality_counts import Counts

# The rows that one run judged, whatever their dates.
THIS_RUN = "run"


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
