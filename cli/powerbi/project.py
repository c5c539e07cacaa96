"""A Power BI project: its files, and how they come to a folder without a difference where nothing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError

from cli.powerbi.names import Model
from cli.powerbi.report import report_files
from cli.powerbi.semantic_model import GENERATED, model_files

_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"


def project_files(model: Model, place: Mapping[str, str]) -> dict[str, str]:
    """The texts of all files by their paths; the same for the same contract and parameters."""
    name = model.contract.table
    semantic, report = f"{name}.SemanticModel", f"{name}.Report"
    documents: dict[str, Any] = {
        f"{name}.pbip": {
            "$schema": f"{_SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
            "version": "1.0",
            "artifacts": [{"report": {"path": report}}],
            "settings": {"enableAutoRecovery": True},
        },
        f"{semantic}/.platform": _platform(model, "SemanticModel"),
        f"{semantic}/definition.pbism": {
            "$schema": f"{_SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        },
        f"{report}/.platform": _platform(model, "Report"),
        f"{report}/definition.pbir": {
            "$schema": f"{_SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{semantic}"}},
        },
    }
    documents |= {f"{report}/definition/{path}": value for path, value in report_files(model).items()}
    files = {path: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for path, value in documents.items()}
    files |= {f"{semantic}/definition/{path}": text for path, text in model_files(model, place).items()}
    # What Power BI keeps for the one machine: its copy of the rows, and who opened it how.
    files[".gitignore"] = "**/.pbi/localSettings.json\n**/.pbi/cache.abf\n"
    return dict(sorted(files.items()))


def _platform(model: Model, kind: str) -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": model.contract.table},
        "config": {"version": "2.0", "logicalId": model.tag(kind)},
    }


def write_project(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Writes what differs, and removes tables and roles that were generated before and are no longer.

    Returns:
        The paths that were written or removed.

    Raises:
        LakehouseError: the folder cannot be written.
    """
    try:
        changed = [path for path, text in files.items() if _written(folder / path, text)]
        for path in sorted(folder.glob("*.SemanticModel/definition/*/*.tmdl")):
            name = path.relative_to(folder).as_posix()
            if name not in files and GENERATED in path.read_text(encoding="utf-8"):
                path.unlink()
                changed.append(name)
    except OSError as error:
        raise LakehouseError(f"{folder}: the project cannot be written there: {error.strerror}") from error
    return changed


def _written(path: Path, text: str) -> bool:
    # Power BI saves with the ends of lines of Windows.
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return True
