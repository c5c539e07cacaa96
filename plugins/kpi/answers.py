"""Figures as the page takes them: JSON, in which amounts are texts, since a browser's numbers would round them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from lakehouse.trace import Trace

from kpi.amounts import Value
from kpi.detail_rows import PAGE_ROWS, DetailRows
from kpi.figures import Figures, Leaderboard, Trend
from kpi.periods import PRESETS, Period
from kpi.pivot import PAGE_LINES, Pivot
from kpi.pivot_questions import MEASURES, PivotQuestion, dimensions_of
from kpi.questions import Question
from kpi.seen import Seen
from kpi.versions import Versions, versioned_levels
from kpi.waiting import QuarantineSight, Reason
from lake_model.contracts.kpi_contract import KpiContract


def table_answer(contract: KpiContract) -> dict[str, Any]:
    """What a page is laid out by."""
    return {
        "name": contract.name,
        "title": contract.title,
        "measures": [
            {"name": one.name, "title": one.title, "format": one.format, "unit": one.unit, "additive": one.is_additive}
            for one in contract.measures
        ],
        "hierarchies": [
            {
                "name": one.name,
                "title": one.title,
                "levels": [{"name": level.column, "title": level.title} for level in one.levels],
            }
            for one in contract.hierarchies
        ],
        "dimensions": [
            {"name": one.name, "title": one.title, "level": one.level is not None} for one in dimensions_of(contract)
        ],
        "ranges": [{"name": name, "title": title} for name, title in PRESETS.items()],
    }


def view_answer(seen: Seen, figures: Figures, question: Question) -> dict[str, Any]:
    """Every figure of a view."""
    about, reconciled = seen.sight.about, seen.reconciliation
    return {
        "table": question.contract.name,
        "range": question.range_name,
        "grain": question.grain.value,
        "measure": question.measure.name,
        "period": _period(question.comparison.period),
        "previous": _period(figures.previous),
        "year_before": _period(figures.year_before),
        "cards": [
            {
                "name": card.measure.name,
                "value": _text(card.value),
                "previous": _text(card.previous),
                "year_before": _text(card.year_before),
            }
            for card in figures.cards()
        ],
        "trend": _trend(figures.trend()),
        "leaderboards": [_leaderboard(one) for one in figures.leaderboards()],
        "unknown": [
            {"level": one.level.column, "title": one.level.title, "share": str(one.share)} for one in figures.unknown()
        ],
        "quarantine": _quarantine(seen.quarantine, question),
        "versioned": []
        if seen.origins is None
        else [level.column for level in versioned_levels(seen.origins, question.contract.levels)],
        "freshness": {
            "first_date": about.first_date,
            "last_date": about.last_date,
            "version": about.version,
            "committed_at": about.committed_at,
            "reconciliation": None
            if reconciled is None
            else {
                "business_date": reconciled.business_date,
                "run_id": reconciled.run_id,
                "holds": reconciled.holds,
                "ended_at": reconciled.ended_at,
                "problem": reconciled.problem,
            },
        },
    }


def pivot_answer(asked: PivotQuestion, pivot: Pivot) -> dict[str, Any]:
    """A page of the table."""
    return {
        "rows": asked.rows.name,
        "columns": asked.columns.name if asked.columns else MEASURES,
        "grain": asked.question.grain.value,
        "sort": asked.sort,
        "descending": asked.descending,
        "search": asked.search,
        "page": asked.page,
        "page_lines": PAGE_LINES,
        "count": pivot.count,
        "heads": [{"key": head.key, "name": head.name, "measure": head.measure.name} for head in pivot.heads],
        "lines": [{"name": line.name, "values": list(map(_text, line.values))} for line in pivot.lines],
        "totals": list(map(_text, pivot.totals)),
    }


def rows_answer(found: DetailRows, page: int) -> dict[str, Any]:
    """A page of rows."""
    return {
        "page": page,
        "page_lines": PAGE_ROWS,
        "count": found.count,
        "columns": found.columns,
        "rows": [
            {"day": day, "values": [cell if isinstance(cell, str) else _text(cell) for cell in cells]}
            for day, cells in found.rows
        ],
    }


def trace_answer(trace: Trace) -> dict[str, Any]:
    """Where a date's rows come from."""
    return {
        "day": trace.day.isoformat(),
        "steps": [
            {"layer": step.layer, "facts": [{"name": fact.name, "text": fact.text} for fact in step.facts]}
            for step in trace.steps
        ],
        "notes": list(trace.notes),
    }


def versions_answer(found: Versions) -> dict[str, Any]:
    """What a value was before."""
    return {
        "level": found.level.column,
        "value": found.value,
        "columns": [{"name": name, "title": title} for name, title in found.columns],
        "members": [
            {
                "key": member.key,
                "versions": [
                    {
                        "from": one.since.isoformat(),
                        # The last day on which it held: people say until, and mean that day.
                        "to": None if one.until is None else (one.until - dt.timedelta(days=1)).isoformat(),
                        "values": one.values,
                    }
                    for one in member.versions
                ],
            }
            for member in found.members
        ],
        "changed": found.changed,
        "unchanged": found.unchanged,
    }


def _quarantine(sight: QuarantineSight | None, question: Question) -> dict[str, Any] | None:
    if sight is None:
        return None
    found = sight.waiting(question)
    return {
        **_reason(found.whole),
        "reasons": [{"reason": one.reason, **_reason(one)} for one in found.reasons],
        "undecided": found.undecided,
        "undated": found.undated,
    }


def _reason(one: Reason) -> dict[str, Any]:
    return {"rows": one.rows, "known": one.known, "value": _text(one.value)}


def _text(value: Value) -> str | None:
    return None if value is None else f"{value:f}"


def _period(period: Period | None) -> dict[str, str] | None:
    return None if period is None else {"from": period.start.isoformat(), "to": period.end.isoformat()}


def _trend(trend: Trend) -> dict[str, Any]:
    return {
        "points": [_period(point) for point in trend.points],
        "current": {name: [_text(value) for value in values] for name, values in trend.current.items()},
        "previous": {name: [_text(value) for value in values] for name, values in trend.previous.items()},
    }


def _leaderboard(board: Leaderboard) -> dict[str, Any]:
    return {
        "level": board.level.column,
        "count": board.count,
        "lines": [
            {
                "name": line.name,
                "value": _text(line.value),
                "previous": _text(line.previous),
                "share": _text(line.share),
                "selected": line.selected,
            }
            for line in board.lines
        ],
    }
