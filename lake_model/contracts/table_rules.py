"""What a contract asks of the rows of one table, as values; also of a contract whose problems are not reported yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lake_model.contracts import row_rules
from lake_model.contracts.contract_columns import column_field, date_column, key_columns, lake_columns
from lake_model.contracts.contract_files import ContractFile, custom_properties
from lake_model.contracts.lake_types import lake_type
from lake_model.contracts.limits import DAYS, PERCENT, ROWS, Limit, at_most, read_limit
from lake_model.contracts.row_rules import OPTIONS, ROW_METRICS, Given
from lake_model.contracts.silver_contract import Expectation, Metric, Rule, Severity

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

SEVERITIES = tuple(one.value for one in Severity)
DAY_UNITS = ("d", "day", "days")


def quality_entries(file: ContractFile) -> Iterator[tuple[str, SchemaProperty | None, DataQuality]]:
    """All `quality` entries with the field that they stand in, and the column that they are about (None: the table)."""
    for column in file.table.properties or ():
        for rule in column.quality or ():
            yield column_field(column, "quality"), column, rule
    for rule in file.table.quality or ():
        yield "quality", None, rule


def judged_entries(file: ContractFile) -> Iterator[tuple[str, SchemaProperty | None, DataQuality]]:
    """Those of `quality_entries` that are more than words for people."""
    return (entry for entry in quality_entries(file) if entry[2].type != "text")


def marks_rows(rule: DataQuality) -> bool:
    """Whether an entry judges each row, and not only how many there are."""
    return (rule.metric in ROW_METRICS and rule.mustBe == 0) or is_condition(rule)


def is_condition(rule: DataQuality) -> bool:
    """Whether an entry is a condition on each row."""
    return rule.type == "custom" and rule.engine == "sparkSql"


def is_sum(rule: DataQuality) -> bool:
    """Whether an entry is about the sum of a measure."""
    return rule.type == "custom" and rule.engine == "lakehouse" and isinstance(rule.implementation, dict)


def is_error(relationship: Any) -> bool:
    """Whether a row whose value the other table does not have is refused, and not only marked as unknown."""
    return custom_properties(relationship.customProperties).get("severity") == "error"


def rules_of(file: ContractFile) -> tuple[Rule, ...]:
    """All rules that judge each row; a name is repeated where two rules have it."""
    rules: list[Rule] = []
    entries = list(judged_entries(file))
    for column in lake_columns(file).values():
        rules += _column_rules(column)
        rules += [_of_entry(rule, owner) for _, owner, rule in entries if owner is column and marks_rows(rule)]
    if key := tuple(column.name or "" for column in key_columns(file)):
        rules.append(row_rules.unique(key, Severity.ERROR, is_key=True))
    rules += [_of_entry(rule, owner) for _, owner, rule in entries if owner is None and marks_rows(rule)]
    return tuple(rule for rule in rules if rule.name)


def waivable_rules(file: ContractFile) -> tuple[str, ...]:
    """Names of the rules that a waiver may name."""
    key, day = tuple(column.name or "" for column in key_columns(file)), date_column(file)
    date, scd_type = (day.name or "" if day else ""), file.settings.get("scdType", 1)
    return tuple(rule.name for rule in rules_of(file) if row_rules.can_be_waived(rule, key, date, scd_type))


def counted_rules(file: ContractFile) -> tuple[Rule, ...]:
    """The rules with a limit of a sound contract, whose rows are counted and not marked."""
    return tuple(
        _of_entry(rule, owner, read_limit(rule.model_dump(), rule.unit or ROWS))
        for _, owner, rule in judged_entries(file)
        if rule.metric in ROW_METRICS and not marks_rows(rule)
    )


def expectations_of(file: ContractFile) -> tuple[Expectation, ...]:
    """What a sound contract expects of its table, or of each of its dates."""
    found = []
    for _, _, rule in judged_entries(file):
        given = rule.implementation if is_sum(rule) else rule.arguments or {}
        if not isinstance(given, dict) or not (is_sum(rule) or rule.metric == "rowCount"):
            continue
        trailing, name, severity = given.get("trailingDays", 0), rule.name or "", _severity(rule.severity)
        by_date = bool(trailing) or given.get("per") == "date"
        metric, settings, unit = (
            (Metric.SUM, given, "") if is_sum(rule) else (Metric.ROW_COUNT, rule.model_dump(), ROWS)
        )
        limit = read_limit(settings, PERCENT if trailing else unit)
        column = str(given.get("column") or "")
        message = rule.description or name
        found.append(Expectation(name, message, metric, limit, severity, column, by_date, trailing))
    return (*found, *_freshness(file))


def stop_above_of(file: ContractFile) -> dict[str, Limit]:
    """By rule the rows or the percentage that may break it, of a sound contract."""
    limits = file.settings.get("stopAbove") or {}
    return {str(name): at_most(str(bound), unit) for name, limit in limits.items() for unit, bound in limit.items()}


def _column_rules(column: SchemaProperty) -> list[Rule]:
    name, kind = column.name or "", lake_type(column) or ""
    severity = _severity(custom_properties(column.customProperties).get("severity"))
    found = [row_rules.type_conversion(name, kind)]
    if column.required or column.primaryKey:
        found.append(row_rules.required(name, Severity.ERROR if column.primaryKey else severity))
    if column.unique and not column.primaryKey:
        found.append(row_rules.unique((name,), severity, is_key=False))
    for one in column.relationships or ():
        if is_error(one):
            dimension, _, key = str(one.to).partition(".")
            found.append(row_rules.known(name, dimension, key))
    options = (column.logicalTypeOptions or {}).items()
    return found + [row_rules.option(name, kind, one, value, severity) for one, value in options if one in OPTIONS]


def _of_entry(rule: DataQuality, column: SchemaProperty | None, limit: Limit | None = None) -> Rule:
    name = rule.name or ""
    given = Given(name, _severity(rule.severity), rule.description or name, rule.dimension)
    named = (rule.arguments or {}).get("properties")
    columns = (column.name or "",) if column else tuple(named) if isinstance(named, list) else ()
    if is_condition(rule):
        return row_rules.expression(str(rule.implementation), columns if column else (), given)
    kind = (lake_type(column) or "") if column else ""
    return row_rules.of_metric(str(rule.metric), columns, rule.arguments or {}, given, kind, limit)


def _severity(value: object) -> Severity:
    return Severity(value) if value in SEVERITIES else Severity.ERROR


def _freshness(file: ContractFile) -> Iterator[Expectation]:
    """Of each `latency` that names a column: how old its newest date may be, in days."""
    for entry in file.contract.slaProperties or ():
        _, _, column = (entry.element or "").partition(".")
        if entry.property == "latency" and column:
            severity = Severity(custom_properties(entry.customProperties).get("severity", "warning"))
            message = entry.description or f"the newest {column} of {file.name} is too old"
            limit = at_most(str(entry.value), DAYS)
            yield Expectation(f"{column}_freshness", message, Metric.FRESHNESS, limit, severity, column)
