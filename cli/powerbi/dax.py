"""Measures and row rules in DAX."""

from __future__ import annotations

from cli.powerbi.names import CALENDAR, CHANGE, YEAR_BEFORE, Model
from lake_model.contracts.kpi_contract import Aggregate, Measure
from lake_model.contracts.table_access import RowRule


def aggregate(model: Model, one: Aggregate) -> str:
    """An aggregate over the wide table."""
    table = _table(model.table)
    if one.function == "count":
        return f"COUNTROWS({table})"
    function = {"sum": "SUM", "min": "MIN", "max": "MAX", "count_distinct": "DISTINCTCOUNTNOBLANK"}[one.function]
    return f"{function}({_column(model.table, model.titles[one.column])})"


def measure(model: Model, one: Measure) -> str:
    """A measure; one aggregate per another is blank where there is none to divide by."""
    value = aggregate(model, one.value)
    return f"DIVIDE({value}, {aggregate(model, one.per)})" if one.per else value


def compared(model: Model, one: Measure) -> dict[str, str]:
    """The measure a year before, and its change since, by what they are called behind the measure's title."""
    before = f"{one.title} {YEAR_BEFORE}"
    return {
        YEAR_BEFORE: f"CALCULATE({_name(one.title)}, SAMEPERIODLASTYEAR({_column(model.date_table, CALENDAR[-1])}))",
        CHANGE: f"DIVIDE({_name(one.title)} - {_name(before)}, ABS({_name(before)}))",
    }


def row_filter(model: Model, rows: RowRule) -> str:
    """What lets a row through; empty where every row is."""
    logical = {one.name: one.logical for one in model.contract.column_types}
    parts = []
    for column, values in rows:
        listed = ", ".join(_value(one, logical[column]) for one in values)
        parts.append(f"{_column(model.table, model.titles[column])} IN {{{listed}}}")
    return " && ".join(parts)


def _value(text: str, logical: str) -> str:
    if logical == "boolean":
        return f"{text.upper()}()"
    return text if logical == "integer" else '"' + text.replace('"', '""') + '"'


def _table(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _column(table: str, name: str) -> str:
    return _table(table) + _name(name)


def _name(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"
