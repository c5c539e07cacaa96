"""The part of a contract that says what good data is: ODCS ``quality`` entries, deadlines of a date, and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from open_data_contract_standard.model import DataQuality, ServiceLevelAgreementProperty

from medallion.contracts.contract_faults import Faults
from medallion.contracts.limits import DAYS, OPERATORS, PERCENT, ROWS, Limit, at_most, is_number, read_limit
from medallion.contracts.patterns import pattern_fault
from medallion.contracts.silver_contract import Column, Expectation, Metric, Rule, Severity
from medallion.contracts.unstable_sql import unstable_call
from medallion.quality import rules

# Counts every refused row, whatever the rule.
QUARANTINED = "quarantined"
LAKEHOUSE = "lakehouse"
_BROKEN_ROWS = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
_SUM_FIELDS = {"metric", "column", "trailingDays", "per"}
_HOW = (
    f"use type custom with engine sparkSql (a condition on each row) or {LAKEHOUSE} (a sum), "
    f"or metric {', '.join(_BROKEN_ROWS)} or rowCount"
)


@dataclass
class Expected:
    """What the quality entries of a table ask, sorted by how it is judged."""

    rules: list[Rule] = field(default_factory=list)
    counted: list[Rule] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """All names, with repeats."""
        return [rule.name for rule in (*self.rules, *self.counted)] + [one.name for one in self.expectations]


def read_quality(
    quality: DataQuality, column: Column | None, columns: Mapping[str, Column], at: str, faults: Faults, into: Expected
) -> None:
    """Adds what one ``quality`` entry asks, of one column or (None) of the whole table."""
    if quality.type == "text":
        return
    if not quality.name:
        faults.add(f"{at}.name", None, "give the rule a name; it is shown as the reason in quarantine")
    at = f"{at}.{quality.name}"
    severity = read_severity(quality.severity, f"{at}.severity", faults)
    if quality.metric in _BROKEN_ROWS:
        _read_broken_rows(quality, column, columns, severity, at, faults, into)
    elif quality.metric == "rowCount" and column is None:
        _read_row_count(quality, severity, at, faults, into)
    elif quality.type == "custom" and quality.engine == "sparkSql" and isinstance(quality.implementation, str):
        into.rules += _expression(quality, column, severity, at, faults)
    elif quality.type == "custom" and quality.engine == LAKEHOUSE and isinstance(quality.implementation, dict):
        _read_sum(quality, quality.implementation, severity, at, faults, into)
    else:
        faults.add(at, quality.metric or quality.engine or quality.type, _HOW)


def read_severity(value: Any, at: str, faults: Faults) -> Severity:
    """A severity; error where the contract gives none."""
    if value is None:
        return Severity.ERROR
    if value not in {"error", "warning"}:
        faults.add(at, value, "use error or warning")
        return Severity.ERROR
    return Severity(value)


def read_freshness(
    entries: Iterable[ServiceLevelAgreementProperty], table: str, date_column: str, faults: Faults
) -> list[Expectation]:
    """The expectation of each ``latency`` that names a column: how old its newest date may be, in days."""
    found = []
    for entry in entries:
        name, _, column = (entry.element or "").partition(".")
        if entry.property != "latency" or not column:
            continue
        at = f"slaProperties.latency.{entry.element}"
        settings = {str(one.property): one.value for one in entry.customProperties or []}
        for unknown in sorted(settings.keys() - {"severity"}):
            faults.add(f"{at}.customProperties.{unknown}", settings[unknown], "use severity")
        severity = read_severity(settings.get("severity", "warning"), f"{at}.severity", faults)
        if name != table or column != date_column or not date_column:
            faults.add(f"{at}.element", entry.element, "name a fact's table and its date column, as table.column")
        elif entry.unit not in {"d", "day", "days"} or type(entry.value) is not int or entry.value < 0:
            faults.add(at, f"{entry.value} {entry.unit}", "give a whole number of days, unit d")
        else:
            limit = at_most(str(entry.value), DAYS)
            message = entry.description or f"the newest {column} of {table} is too old"
            found.append(Expectation(f"{column}_freshness", message, Metric.FRESHNESS, limit, severity, column))
    return found


def read_stop_above(value: Any, names: Iterable[str], faults: Faults) -> dict[str, Limit]:
    """The table's ``stopAbove``: by rule, the rows or the percentage that may break it."""
    at, found = "customProperties.stopAbove", dict[str, Limit]()
    known = [QUARANTINED, *names]
    if not isinstance(value, dict):
        faults.add(at, value, "give a mapping such as {quarantined: {percent: 5}}")
        return found
    for name, given in value.items():
        if name not in known:
            faults.add(f"{at}.{name}", given, f"no such rule; there are {', '.join(known)}")
            continue
        pair: tuple[Any, Any] = next(iter(given.items())) if isinstance(given, dict) and len(given) == 1 else ("", None)
        unit, bound = pair
        if unit not in {ROWS, PERCENT} or not is_number(bound) or bound < 0:
            faults.add(f"{at}.{name}", given, "give {rows: <number>} or {percent: <number>}")
            continue
        found[str(name)] = at_most(str(bound), unit)
    return found


def _expression(quality: DataQuality, column: Column | None, severity: Severity, at: str, faults: Faults) -> list[Rule]:
    text, name = str(quality.implementation), quality.name or ""
    if unstable := unstable_call(text):
        faults.add(f"{at}.implementation", unstable, "its value differs from run to run")
    columns = (column.name,) if column else ()
    message = quality.description or name
    return [rules.expression(text, columns, name, severity, message, quality.dimension)]


def _read_broken_rows(
    quality: DataQuality, column: Column | None, columns: Mapping[str, Column],
    severity: Severity, at: str, faults: Faults, into: Expected,
) -> None:  # fmt: skip
    """A metric that counts rows: with ``mustBe: 0`` each of them breaks the rule, else their number is held to it."""
    arguments = quality.arguments or {}
    wanted = arguments.get("properties") if column is None else [column.name]
    if column is None and quality.metric != "duplicateValues":
        faults.add(at, quality.metric, "give it to the column that it is about")
        return
    if not isinstance(wanted, list) or not wanted or not all(name in columns for name in wanted):
        faults.add(f"{at}.arguments.properties", wanted, f"give a list of columns; there are {', '.join(columns)}")
        return
    limit = _limit(quality, (ROWS, PERCENT), at, faults)
    if limit is None:
        return
    if fault := _argument_fault(quality, column):
        faults.add(f"{at}.arguments", arguments, fault)
        return
    name = quality.name or ""
    given = rules.Given(name, severity, quality.description or name, quality.dimension)
    try:
        rule = rules.of_metric(str(quality.metric), tuple(columns[one] for one in wanted), arguments, given)
    except ValueError as error:
        faults.add(f"{at}.arguments", arguments, str(error))
        return
    if limit.operator == "mustBe" and Decimal(limit.bounds[0]) == 0:
        into.rules.append(rule)
    else:
        into.counted.append(rules.with_limit(rule, limit))


def _argument_fault(quality: DataQuality, column: Column | None) -> str | None:
    """What is wrong with a metric's arguments that could be written as SQL, and would judge otherwise than meant."""
    arguments = quality.arguments or {}
    name = "missingValues" if quality.metric == "missingValues" else "validValues"
    values = arguments.get(name)
    if quality.metric == "invalidValues" and "pattern" in arguments:
        return pattern_fault(arguments["pattern"])
    if not isinstance(values, list) or column is None:
        return None
    if name == "validValues" and None in values:
        return "NULL is never invalid; leave it out"
    if column.lake_type == "string" and any(isinstance(value, bool) for value in values):
        return "a text is wanted: YAML reads yes, no, on, off, true and false as true or false, so quote it"
    return None


def _limit(quality: DataQuality, units: tuple[str, ...], at: str, faults: Faults) -> Limit | None:
    if quality.unit is not None and quality.unit not in units:
        faults.add(f"{at}.unit", quality.unit, f"use {' or '.join(units)}")
        return None
    try:
        return read_limit(quality.model_dump(), quality.unit or units[0])
    except ValueError as error:
        faults.add(at, None, str(error))
        return None


def _read_row_count(quality: DataQuality, severity: Severity, at: str, faults: Faults, into: Expected) -> None:
    arguments = quality.arguments or {}
    for unknown in sorted(arguments.keys() - {"per", "trailingDays"}):
        faults.add(f"{at}.arguments.{unknown}", arguments[unknown], "use per: date, or trailingDays")
    trailing, by_date = _window(arguments, f"{at}.arguments", faults)
    limit = _limit(quality, (PERCENT,) if trailing else (ROWS,), at, faults)
    if limit:
        name = quality.name or ""
        message = quality.description or name
        into.expectations.append(
            Expectation(name, message, Metric.ROW_COUNT, limit, severity, by_date=by_date, trailing_days=trailing)
        )


def _read_sum(
    quality: DataQuality, given: Mapping[str, Any], severity: Severity, at: str, faults: Faults, into: Expected
) -> None:
    """ODCS lets no comparison stand beside a custom rule, so it is part of the implementation."""
    at = f"{at}.implementation"
    for unknown in sorted(given.keys() - _SUM_FIELDS - set(OPERATORS)):
        faults.add(f"{at}.{unknown}", given[unknown], f"use {', '.join(sorted(_SUM_FIELDS))} and one comparison")
    if given.get("metric") != "sum":
        faults.add(f"{at}.metric", given.get("metric"), "use sum")
    trailing, by_date = _window(given, at, faults)
    try:
        limit = read_limit(given, PERCENT if trailing else "")
    except ValueError as error:
        faults.add(at, None, str(error))
        return
    name, column = quality.name or "", str(given.get("column") or "")
    message = quality.description or name
    into.expectations.append(Expectation(name, message, Metric.SUM, limit, severity, column, by_date, trailing))


def _window(given: Mapping[str, Any], at: str, faults: Faults) -> tuple[int, bool]:
    trailing, per = given.get("trailingDays", 0), given.get("per")
    if type(trailing) is not int or trailing < 0 or ("trailingDays" in given and trailing == 0):
        faults.add(f"{at}.trailingDays", trailing, "give a whole number of days from 1")
        trailing = 0
    if per not in {None, "date"}:
        faults.add(f"{at}.per", per, "use date")
    return trailing, bool(trailing) or per == "date"
