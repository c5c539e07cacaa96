"""What is stored, in a form that two moments can be compared by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from local.demo.independent_check import query_delta

LAST_DATE = date(2026, 6, 30)
# Logs, to which every run adds: what it processed and what it found.
_LOGS = ("_progress", "quality_metrics")


@dataclass(frozen=True)
class LakeContent:
    """Every row of every silver, quarantine and gold table, as sorted text; and each table's Delta version."""

    rows: dict[str, list[str]]
    versions: dict[str, int]


def content_of(lake: Path) -> LakeContent:
    """Reads all stored rows."""
    from deltalake import DeltaTable

    folders = {
        f"{layer}.{folder.name}": folder
        for layer in ("silver", "gold")
        for folder in sorted((lake / layer).iterdir())
        if (folder / "_delta_log").is_dir() and not folder.name.endswith(_LOGS)
    }
    return LakeContent(
        rows={
            name: sorted(map(repr, query_delta({"t": folder}, "SELECT * FROM t"))) for name, folder in folders.items()
        },
        versions={name: DeltaTable(folder).version() for name, folder in folders.items()},
    )
