"""The benchmark's findings as Markdown tables, which are readable as plain text too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.measure import Usage
from bench.results import Results, WayResult, ratio


def markdown(results: Results, wire: str, not_to_be_had: Mapping[str, str]) -> str:
    """All tables with their headings; `wire` is the name of the way that the others are compared with."""
    parts = [_header(results.header)]
    if results.ways:
        parts += [f"## One table of {results.rows:,} rows and nine columns", _ways(results, wire, not_to_be_had)]
        parts += _remarks(results.ways)
    if results.many:
        parts += [f"## {results.small_tables} tables of {results.small_rows:,} rows", _many(results, wire)]
    if results.days:
        parts += ["## A day with few changes", _days(results, wire)]
    return "\n\n".join(parts) + "\n"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return " | ".join(["| " + first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(headings), rule, *(line(row) for row in rows)])


def _header(header: Mapping[str, str]) -> str:
    return "# Copying MySQL to Parquet\n\n" + "\n".join(f"- {name}: {value}" for name, value in header.items())


def _ways(results: Results, wire: str, not_to_be_had: Mapping[str, str]) -> str:
    measured = sorted(results.ways, key=lambda way: way.best.seconds if way.best else float("inf"))
    rows = [_way(way, results.rows, results.best_of(wire)) for way in measured]
    rows += [[name, "not available here", *[""] * 6] for name in not_to_be_had]
    return table(["way", "s", "rows/s", "× wire", "client CPU s", "server CPU s", "peak MB", "columns not exact"], rows)


def _way(way: WayResult, rows: int, wire: Usage | None) -> list[str]:
    best = way.best
    exact = f"{way.exactness.faults} of {way.exactness.columns}" if way.exactness else "–"
    if best is None:
        return [way.label, way.failure or "not run", *[""] * 5, exact]
    return [
        way.label,
        f"{best.seconds:.2f}",
        f"{rows / best.seconds:,.0f}",
        _times(best, wire),
        f"{best.client_cpu_seconds:.1f}",
        f"{best.server_cpu_seconds:.1f}",
        f"{best.peak_mb:,.0f}",
        exact,
    ]


def _remarks(ways: Sequence[WayResult]) -> list[str]:
    lines = []
    for way in ways:
        if way.best and way.failure:
            lines.append(f"- {way.label}: a later run failed: {way.failure}")
        if way.differences:
            lines.append(f"- {way.label}: its copy of the large table differs: {'; '.join(way.differences)}")
        if way.exactness and way.exactness.failed:
            lines.append(f"- {way.label}: cannot copy {', '.join(sorted(way.exactness.failed))}")
        if way.exactness and way.exactness.wrong:
            wrong = ", ".join(f"{name} ({count})" for name, count in sorted(way.exactness.wrong.items()))
            lines.append(f"- {way.label}: copies other values than the server has (how many): {wrong}")
    return ["\n".join(lines)] if lines else []


def _many(results: Results, wire: str) -> str:
    usage = next((item.usage for item in results.many if item.name == wire), None)
    rows = [
        [item.label, item.failure or "not run", *[""] * 5]
        if item.usage is None
        else [
            item.label,
            f"{item.usage.seconds:.2f}",
            f"{1000 * item.usage.seconds / results.small_tables:.0f}",
            _times(item.usage, usage),
            f"{item.usage.client_cpu_seconds:.1f}",
            f"{item.usage.peak_mb:,.0f}",
            str(item.connections),
        ]
        for item in results.many
    ]
    return table(["way", "s", "ms a table", "× wire", "client CPU s", "peak MB", "connections"], rows)


def _days(results: Results, wire: str) -> str:
    rows = [
        [
            f"ours: {day.label}",
            str(day.dates),
            f"{day.rows_of_dates:,}",
            f"{day.usage.seconds:.2f}",
            _times(day.usage, results.best_of(wire)),
            f"{day.usage.client_cpu_seconds:.1f}",
            f"{day.usage.server_cpu_seconds:.1f}",
        ]
        for day in results.days
    ]
    rows += [
        [
            f"{way.label}: copies all again",
            "all",
            f"{results.rows:,}",
            f"{best.seconds:.2f}",
            _times(best, results.best_of(wire)),
            f"{best.client_cpu_seconds:.1f}",
            f"{best.server_cpu_seconds:.1f}",
        ]
        for way in results.ways
        if (best := way.best) and way.name != wire and not way.name.startswith("ours")
    ]
    return table(["day", "dates changed", "rows of them", "s", "× wire", "client CPU s", "server CPU s"], rows)


def _times(usage: Usage, wire: Usage | None) -> str:
    times = ratio(usage, wire)
    return "–" if times is None else f"{times:.1f}"
