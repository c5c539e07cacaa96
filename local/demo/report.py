"""The demo's closing table and `report.json`: the same figures, read back from ledger, silver, quarantine and gold."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.ledger import LedgerRow, read_rows, run_slug

from local.demo.day import DayRun
from local.demo.independent_check import Comparison, query_delta
from local.mysql_server import SOURCE_SCHEMA

_DIMENSIONS = ("customer", "product", "market")


@dataclass(frozen=True)
class DayReport:
    """What one business date did, from its run's ledger."""

    business_date: str
    state: str
    seconds: float
    rows_read: dict[str, int]
    rows_copied: dict[str, int]
    quarantined_by_reason: dict[str, dict[str, int]]
    duplicates_removed: int
    versions: dict[str, dict[str, int]]
    gold: dict[str, Any]
    reconciled: bool
    seconds_per_stage: dict[str, float]


@dataclass(frozen=True)
class Report:
    """Everything the demo found, and whether all of it held."""

    planted: dict[str, Any]
    days: list[DayReport]
    obt_rows: int
    obt_quantity: int
    obt_revenue_inr: str
    open_quarantine: dict[str, int]
    independent_check: dict[str, Any]
    changes: list[str]
    failures: list[str]

    @property
    def held(self) -> bool:
        """Whether every run, every reconciliation and the independent calculation agreed."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return {**asdict(self), "held": self.held}


def day_report(lake: Path, run: DayRun) -> DayReport:
    """Reads one run's ledger."""
    rows = read_rows(lake, SOURCE_SCHEMA, date.fromisoformat(run.business_date), run_slug(run.run_id))
    stages = {stage: [row for row in rows if row.stage == stage] for stage in ("copy", "silver", "gold", "reconcile")}
    seconds: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        seconds[row.stage] += row.seconds
    return DayReport(
        business_date=run.business_date,
        state=run.state,
        seconds=round(run.seconds, 1),
        rows_read={row.table: row.rows_read for row in stages["copy"]},
        rows_copied={row.table: row.rows_written for row in stages["copy"]},
        quarantined_by_reason={
            row.table: reasons for row in stages["silver"] if (reasons := row.detail.get("quarantined_by_reason"))
        },
        duplicates_removed=sum(_duplicates(row) for row in stages["silver"]),
        versions={
            row.table: {key: row.detail[f"versions_{key}"] for key in ("opened", "closed", "total")}
            for row in stages["silver"]
            if row.table in _DIMENSIONS
        },
        gold={
            "mode": gold.detail["mode"],
            "dates_rewritten": len(gold.detail["dates_rewritten"]),
            "rows_unknown": gold.detail["rows_unknown"],
        }
        if (gold := next((row for row in stages["gold"] if row.status == "success"), None))
        else {},
        reconciled=bool(stages["reconcile"]) and all(row.status == "success" for row in stages["reconcile"]),
        seconds_per_stage={stage: round(total, 1) for stage, total in seconds.items()},
    )


def failures_of(days: list[DayReport], comparison: Comparison) -> list[str]:
    """Everything that did not hold, one line each."""
    failed = [f"the run of {day.business_date} ended {day.state}" for day in days if day.state != "success"]
    failed += [f"{day.business_date} is not reconciled" for day in days if not day.reconciled]
    differences = comparison.differences
    if differences:
        failed.append(f"{len(differences)} groups differ between source and gold; the first: {differences[0]}")
    return failed


def open_quarantine(lake: Path) -> dict[str, int]:
    """Rows that wait in each table's quarantine."""
    found = {}
    for folder in sorted((lake / "silver").glob("*_quarantine")):
        rows = query_delta({"quarantine": folder}, "SELECT count(*) FROM quarantine WHERE state = 'open'")
        found[folder.name.removesuffix("_quarantine")] = int(rows[0][0])
    return found


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file at once, for its owner alone: a reader sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(content, indent=2, default=str) + "\n")
    temporary.replace(path)


def render(report: Report) -> str:
    """The closing table, for a terminal."""
    lines = ["", "what happened", "─" * 78]
    for day in report.days:
        lines += [
            f"business date {day.business_date}: {day.state} in {day.seconds} s, "
            f"{'reconciled' if day.reconciled else 'NOT RECONCILED'}",
            f"  rows read       {_pairs(day.rows_read)}",
            f"  rows copied     {_pairs(day.rows_copied)}",
            *[f"  quarantined     {table}: {_pairs(reasons)}" for table, reasons in day.quarantined_by_reason.items()],
            f"  duplicates      {day.duplicates_removed:,} removed from transactions",
            f"  versions        {'; '.join(f'{table} {_pairs(counts)}' for table, counts in day.versions.items())}",
            f"  gold            {day.gold.get('mode')}, {day.gold.get('dates_rewritten')} dates rewritten, "
            f"unknown members: {_pairs(day.gold.get('rows_unknown') or {})}",
            f"  seconds         {_pairs(day.seconds_per_stage)}",
        ]
    if report.changes:
        lines += ["what the second day changed", *[f"  {line}" for line in report.changes]]
    groups = report.independent_check
    lines += [
        "─" * 78,
        f"One Big Table: {report.obt_rows:,} rows, {report.obt_quantity:,} pieces, {report.obt_revenue_inr} INR",
        f"open quarantine: {_pairs(report.open_quarantine)}",
        f"independent SQL over MySQL: {groups['groups']:,} groups by month, market and category, "
        f"{groups['differing']} differ",
        *([f"DID NOT HOLD: {failure}" for failure in report.failures] or ["everything held"]),
    ]
    return "\n".join(lines)


def _duplicates(row: LedgerRow) -> int:
    return sum(int(entry["rows_duplicate"]) for entry in row.detail.get("dates", []))


def _pairs(counts: dict[str, Any]) -> str:
    shown = (
        f"{name} {value:,}" if isinstance(value, (int, float)) else f"{name} {value}" for name, value in counts.items()
    )
    return ", ".join(shown) or "none"
