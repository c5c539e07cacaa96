"""What the benchmark of the copy found, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.exactness import Exactness
from bench.measure import Usage


@dataclass
class WayResult:
    """What one way did with the large table.

    `failure` tells why there is no figure; `differences` what its copy has otherwise than the source.
    """

    name: str
    label: str
    runs: list[Usage] = field(default_factory=list)
    failure: str | None = None
    differences: tuple[str, ...] = ()
    exactness: Exactness | None = None

    @property
    def best(self) -> Usage | None:
        """The fastest of its runs."""
        return min(self.runs, key=lambda run: run.seconds, default=None)


@dataclass(frozen=True)
class ManyResult:
    """What one way did with many small tables; `connections` were opened on the server for it."""

    name: str
    label: str
    usage: Usage | None
    connections: int
    failure: str | None = None


@dataclass(frozen=True)
class DayResult:
    """One day's run of our copy, with so many of the table's dates changed."""

    label: str
    dates: int
    rows_of_dates: int
    usage: Usage


@dataclass
class Results:
    """Everything of one run of the benchmark."""

    rows: int
    header: Mapping[str, str]
    ways: Sequence[WayResult] = ()
    many: Sequence[ManyResult] = ()
    small_tables: int = 0
    small_rows: int = 0
    days: Sequence[DayResult] = ()

    def best_of(self, name: str) -> Usage | None:
        """The fastest run of a way with the large table."""
        return next((way.best for way in self.ways if way.name == name), None)


def ratio(one: Usage | None, other: Usage | None) -> float | None:
    """How many times longer `one` took than `other`."""
    return round(one.seconds / other.seconds, 2) if one and other else None


def as_json(results: Results, wire: str, ours: str) -> dict[str, Any]:
    """The benchmark's last line; `wire` and `ours` are the names of those ways."""
    wire_best, ours_best = results.best_of(wire), results.best_of(ours)
    return {
        "rows": results.rows,
        "wire_s": _seconds(wire_best),
        "ours_s": _seconds(ours_best),
        "ratio_to_wire": ratio(ours_best, wire_best),
        "peak_mb": round(ours_best.peak_mb) if ours_best else None,
        "peers": {way.name: _peer(way, wire_best) for way in results.ways if way.name not in {wire, ours}},
        "ours": next((_peer(way, wire_best) for way in results.ways if way.name == ours), None),
        "small_tables": {
            "tables": results.small_tables,
            "rows": results.small_rows,
            "ways": {
                item.name: {"seconds": _seconds(item.usage), "connections": item.connections, "error": item.failure}
                for item in results.many
            },
        },
        "changed_dates": [
            {
                "label": day.label,
                "dates": day.dates,
                "rows": day.rows_of_dates,
                "seconds": _seconds(day.usage),
                "ratio_to_wire": ratio(day.usage, wire_best),
                "server_cpu_s": round(day.usage.server_cpu_seconds, 2),
            }
            for day in results.days
        ],
        "machine": dict(results.header),
    }


def _peer(way: WayResult, wire: Usage | None) -> dict[str, Any]:
    best = way.best
    return {
        "seconds": _seconds(best),
        "ratio": ratio(best, wire),
        "peak_mb": round(best.peak_mb) if best else None,
        "client_cpu_s": round(best.client_cpu_seconds, 2) if best else None,
        "server_cpu_s": round(best.server_cpu_seconds, 2) if best else None,
        "runs": [round(run.seconds, 3) for run in way.runs],
        "exactness": way.exactness.as_dict() if way.exactness else None,
        "differences": list(way.differences),
        "error": way.failure,
    }


def _seconds(usage: Usage | None) -> float | None:
    return round(usage.seconds, 4) if usage else None
