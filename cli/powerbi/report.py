"""The report as PBIR: one page with filters, a card for each measure, the trend, a leaderboard for each hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cli.powerbi.names import CALENDAR, YEAR_BEFORE, Model
from lake_model.contracts.kpi_contract import Hierarchy
from lake_model.contracts.table_access import OPEN

WIDTH, HEIGHT = 1280, 720
_GAP = 16
_ROWS = {"slicer": (_GAP, 72), "card": (104, 104), "lineChart": (224, 224), "clusteredBarChart": (464, 240)}
"""Where the visuals of a kind begin, and how high they are, in points."""
_MOST = {"slicer": 5, "card": 6, "lineChart": 1, "clusteredBarChart": 4}
_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"


@dataclass(frozen=True)
class Visual:
    """A visual before it has its place.

    Attributes:
        roles: fields by what they are for the visual, such as `Category`; each with what it is called.
        sorted_by: the field that it is sorted by, the greatest first.
    """

    key: str
    kind: str
    roles: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
    sorted_by: Any = None


def report_files(model: Model) -> dict[str, Any]:
    """The files below `definition`, by path, as JSON values."""
    page = _identity(model, "page")
    folder = f"pages/{page}"
    files: dict[str, Any] = {
        "version.json": {"$schema": _schema("versionMetadata", "1.0.0"), "version": "2.0.0"},
        "report.json": {"$schema": _schema("report", "3.0.0"), "themeCollection": {}},
        "pages/pages.json": {
            "$schema": _schema("pagesMetadata", "1.0.0"),
            "pageOrder": [page],
            "activePageName": page,
        },
        f"{folder}/page.json": {
            "$schema": _schema("page", "2.0.0"),
            "name": page,
            "displayName": model.contract.title,
            "displayOption": "FitToPage",
            "height": HEIGHT,
            "width": WIDTH,
        },
    }
    visuals = _visuals(model)
    order = 0
    for kind, most in _MOST.items():
        row = [one for one in visuals if one.kind == kind][:most]
        for place, one in enumerate(row):
            name = _identity(model, one.key)
            files[f"{folder}/visuals/{name}/visual.json"] = _visual(one, name, place, len(row), order)
            order += 1
    return files


def _visuals(model: Model) -> list[Visual]:
    # What some reader may not see stands in no visual: it would be an error to them.
    seen = model.contract.seen_by(OPEN)
    measures = [_measure(model, one.title) for one in seen.measures]
    day, month = ((f"{model.date_table}.{name}", _column(model.date_table, name)) for name in (CALENDAR[-1], "Month"))
    found = [Visual("slicer/date", "slicer", (("Values", (day,)),))]
    found += [Visual(f"slicer/{one.name}", "slicer", (("Values", _levels(model, one)),)) for one in seen.hierarchies]
    found += [
        Visual(f"card/{one.name}", "card", (("Values", (shown,)),))
        for one, shown in zip(seen.measures, measures, strict=True)
    ]
    if measures:
        first = measures[0]
        before = _measure(model, f"{seen.measures[0].title} {YEAR_BEFORE}")
        found.append(Visual("trend", "lineChart", (("Category", (month,)), ("Y", (first, before)))))
        found += [
            Visual(
                f"leaderboard/{one.name}",
                "clusteredBarChart",
                (("Category", _levels(model, one)), ("Y", (first,))),
                first[1],
            )
            for one in seen.hierarchies
        ]
    return found


def _visual(one: Visual, name: str, place: int, count: int, order: int) -> dict[str, Any]:
    top, height = _ROWS[one.kind]
    width = (WIDTH - _GAP * (count + 1)) / count
    query: dict[str, Any] = {
        "queryState": {
            role: {"projections": [_projection(called, field, at == 0) for at, (called, field) in enumerate(fields)]}
            for role, fields in one.roles
        }
    }
    if one.sorted_by:
        query["sortDefinition"] = {"sort": [{"field": one.sorted_by, "direction": "Descending"}]}
    visual: dict[str, Any] = {"visualType": one.kind, "query": query, "drillFilterOtherVisuals": True}
    if one.kind == "slicer":
        mode = "Between" if one.key == "slicer/date" else "Dropdown"
        visual["objects"] = {"data": [{"properties": {"mode": {"expr": {"Literal": {"Value": f"'{mode}'"}}}}}]}
    return {
        "$schema": _schema("visualContainer", "2.0.0"),
        "name": name,
        "position": {
            "x": round(_GAP + place * (width + _GAP), 2),
            "y": top,
            "z": order,
            "height": height,
            "width": round(width, 2),
            "tabOrder": order,
        },
        "visual": visual,
    }


def _projection(called: str, field: Any, is_active: bool) -> dict[str, Any]:
    # Of several levels the first is shown, and the others are drilled into.
    (found,) = field.values()
    return {"field": field, "queryRef": called, "nativeQueryRef": found["Property"], "active": is_active}


def _levels(model: Model, one: Hierarchy) -> tuple[tuple[str, Any], ...]:
    titles = [model.titles[level.column] for level in one.levels]
    return tuple((f"{model.table}.{title}", _column(model.table, title)) for title in titles)


def _measure(model: Model, title: str) -> tuple[str, Any]:
    return f"{model.table}.{title}", {"Measure": _property(model.table, title)}


def _column(table: str, name: str) -> Any:
    return {"Column": _property(table, name)}


def _property(table: str, name: str) -> dict[str, Any]:
    return {"Expression": {"SourceRef": {"Entity": table}}, "Property": name}


def _identity(model: Model, key: str) -> str:
    return model.tag("report", key).replace("-", "")[:20]


def _schema(part: str, version: str) -> str:
    return f"{_SCHEMAS}/{part}/{version}/schema.json"
