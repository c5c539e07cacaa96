"""Checks what a contract says good data is: its `quality` entries, freshness and limits, before a run does any work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_columns import (
    date_column,
    lake_columns,
    problem,
    unknown_column,
)
from lake_model.contracts.contract_files import ContractFile, Problem, custom_properties
from lake_model.contracts.lake_types import lake_type
from lake_model.contracts.limits import OPERATORS, PERCENT, QUARANTINED, ROWS, is_number, limit_fault
from lake_model.contracts.row_rules import ROW_METRICS, UNIQUE, missing_values_fault, valid_values_fault
from lake_model.contracts.sql_expressions import ExpressionError, columns_of, forbidden_call
from lake_model.contracts.table_rules import (
    DAY_UNITS,
    SEVERITIES,
    is_condition,
    is_sum,
    judged_entries,
    marks_rows,
    quality_entries,
    rules_of,
)

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

UNITS = (ROWS, PERCENT)
SUM_FIELDS = ("metric", "column", "per", "trailingDays")


def check_quality(file: ContractFile, kind: str) -> Iterator[Problem]:
    """Everything that is wrong with the rules and expectations of one contract."""
    if kind == "one_big_table":
        if names := [rule.name for _, _, rule in quality_entries(file)]:
            yield problem(file, "quality", names, "rules are judged in silver: move them there")
        return
    entries = list(judged_entries(file))
    rules = rules_of(file)
    names = [rule.name for rule in rules]
    names += [rule.name for _, _, rule in entries if rule.name and not marks_rows(rule)]
    for name, times in sorted(Counter(names).items()):
        if times > 1:
            yield problem(file, "quality", name, "names two rules: each needs a name of its own")
    for one in rules:
        if one.function == UNIQUE and one.severity == "warning" and file.settings.get("scdType") == 2:
            cure = "must be an error in SCD type 2: a version cannot carry a warning about other rows"
            yield problem(file, "quality", one.name, cure)
    for field, column, rule in entries:
        yield from _check_rule(file, kind, f"{field}[{rule.name}]", column, rule)
    yield from _check_freshness(file)
    yield from _check_stop_above(file)


def _check_rule(
    file: ContractFile, kind: str, field: str, column: SchemaProperty | None, rule: DataQuality
) -> Iterator[Problem]:
    if rule.severity is not None and rule.severity not in SEVERITIES:
        yield problem(file, f"{field}.severity", rule.severity, f"must be one of {', '.join(SEVERITIES)}")
    if not rule.name:
        yield problem(file, f"{field}.name", rule.name, "is missing: the quarantine names the rule to people")
    if rule.metric in ROW_METRICS:
        yield from _check_row_metric(file, field, column, rule)
    elif rule.metric == "rowCount" and column is None:
        arguments = rule.arguments or {}
        yield from _check_known(file, f"{field}.arguments", arguments, ("per", "trailingDays"))
        yield from _check_window(file, kind, f"{field}.arguments", arguments)
        yield from _check_limit(file, field, rule.model_dump())
        yield from _check_unit(file, field, rule.unit, ("percent",) if "trailingDays" in arguments else ("rows",))
    elif is_condition(rule):
        yield from _check_expression(file, field, rule)
    elif is_sum(rule) and isinstance(rule.implementation, dict):
        yield from _check_sum(file, kind, f"{field}.implementation", rule.implementation)
    else:
        cure = (
            "must be type: custom with engine: sparkSql (a condition on each row) or lakehouse (a sum), or metric: "
            f"rowCount (for the table), {', '.join(ROW_METRICS)}"
        )
        yield problem(file, field, {"type": rule.type, "engine": rule.engine, "metric": rule.metric}, cure)


def _check_row_metric(
    file: ContractFile, field: str, column: SchemaProperty | None, rule: DataQuality
) -> Iterator[Problem]:
    arguments = rule.arguments or {}
    if column is None and rule.metric != "duplicateValues":
        yield problem(file, field, rule.metric, "must stand at the column that it is about")
    elif column is None:
        names = arguments.get("properties")
        if not isinstance(names, list) or not names:
            cure = "must be a list of the columns that together are unique"
            yield problem(file, f"{field}.arguments.properties", names, cure)
        else:
            for name in names:
                if name not in lake_columns(file):
                    yield unknown_column(file, f"{field}.arguments.properties", name)
    kind = lake_type(column) if column is not None else None
    if kind is not None and rule.metric == "invalidValues":
        name = "pattern" if "pattern" in arguments else "validValues"
        if fault := valid_values_fault(arguments, kind):
            yield problem(file, f"{field}.arguments.{name}", arguments.get(name), fault)
    if kind is not None and rule.metric == "missingValues" and (fault := missing_values_fault(arguments, kind)):
        yield problem(file, f"{field}.arguments.missingValues", arguments.get("missingValues"), fault)
    yield from _check_limit(file, field, rule.model_dump())
    yield from _check_unit(file, field, rule.unit, UNITS)


def _check_limit(file: ContractFile, field: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    if fault := limit_fault(given):
        operator, value, cure = fault
        yield problem(file, f"{field}.{operator}" if operator else field, value, cure)


def _check_unit(file: ContractFile, field: str, unit: object, allowed: tuple[str, ...]) -> Iterator[Problem]:
    if unit not in {None, *allowed}:
        yield problem(file, f"{field}.unit", unit, f"must be {' or '.join(allowed)}")


def _check_known(file: ContractFile, field: str, given: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Problem]:
    for name in sorted(given.keys() - set(known)):
        yield problem(file, f"{field}.{name}", given[name], f"is not known; known are {', '.join(known)}")


def _check_window(file: ContractFile, kind: str, field: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    days, per = given.get("trailingDays"), given.get("per")
    if days is not None and (type(days) is not int or days < 1):
        yield problem(file, f"{field}.trailingDays", days, "must be a whole number of days from 1")
    if per not in {None, "date"}:
        yield problem(file, f"{field}.per", per, "must be date")
    if kind != "fact" and (days is not None or per is not None):
        name = "per" if days is None else "trailingDays"
        yield problem(file, f"{field}.{name}", given[name], "needs a fact: a dimension has no dates to compare")


def _check_sum(file: ContractFile, kind: str, field: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _check_known(file, field, given, (*SUM_FIELDS, *OPERATORS))
    if given.get("metric") != "sum":
        yield problem(file, f"{field}.metric", given.get("metric"), "must be sum")
    measures = file.settings.get("measures") or []
    if given.get("column") not in measures:
        cure = f"must be one of the measures, which are summed at the source: {', '.join(map(str, measures)) or 'none'}"
        yield problem(file, f"{field}.column", given.get("column"), cure)
    yield from _check_window(file, kind, field, given)
    yield from _check_limit(file, field, given)


def _check_expression(file: ContractFile, field: str, rule: DataQuality) -> Iterator[Problem]:
    if not isinstance(rule.implementation, str):
        yield problem(file, f"{field}.implementation", rule.implementation, "must be a boolean Spark SQL expression")
        return
    try:
        used = columns_of(rule.implementation)
    except ExpressionError as error:
        yield problem(file, f"{field}.implementation", rule.implementation, str(error))
        return
    known = {name.casefold() for name in lake_columns(file)}
    for reference in used:
        if reference.column.casefold() not in known:
            yield unknown_column(file, f"{field}.implementation", reference.column)
    if forbidden := forbidden_call(rule.implementation, known):
        yield problem(file, f"{field}.implementation", *forbidden)


def _check_freshness(file: ContractFile) -> Iterator[Problem]:
    """A `latency` whose element is a column is an expectation of its newest date, judged in silver."""
    day = date_column(file)
    for entry in file.contract.slaProperties or ():
        table, _, column = (entry.element or "").partition(".")
        if entry.property != "latency" or not column:
            continue
        field = "slaProperties[latency]"
        if table != file.name or day is None or column != day.name:
            cure = f"must be {file.name}, or {file.name}.<the date column of a fact>"
            yield Problem(file.file, f"{field}.element", entry.element, cure)
        if entry.unit not in DAY_UNITS or type(entry.value) is not int or entry.value < 0:
            value = f"{entry.value} {entry.unit}"
            yield Problem(file.file, field, value, "must be a whole number of days, unit d, where it names a column")
        for name, value in custom_properties(entry.customProperties).items():
            if name != "severity" or value not in SEVERITIES:
                cure = f"must be severity: {' or '.join(SEVERITIES)}"
                yield Problem(file.file, f"{field}.customProperties.{name}", value, cure)


def _check_stop_above(file: ContractFile) -> Iterator[Problem]:
    field, limits = "customProperties.stopAbove", file.settings.get("stopAbove", {})
    if not isinstance(limits, dict):
        yield problem(file, field, limits, "must be a mapping such as {quarantined: {percent: 5}}")
        return
    known = [QUARANTINED, *(rule.name for rule in rules_of(file))]
    for name, limit in limits.items():
        if name not in known:
            yield problem(file, f"{field}.{name}", limit, f"is no rule of this contract; there are {', '.join(known)}")
        bounds = list(limit.items()) if isinstance(limit, dict) else []
        if len(bounds) != 1 or bounds[0][0] not in UNITS or not is_number(bounds[0][1]) or bounds[0][1] < 0:
            yield problem(file, f"{field}.{name}", limit, "must be {rows: <number>} or {percent: <number>}")
