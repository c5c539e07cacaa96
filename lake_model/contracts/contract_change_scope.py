"""What a contract says about where to look for changes: a watermark or a trailing window, and the full passes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lake_model.contracts.contract_columns import problem, source_columns
from lake_model.contracts.contract_files import ContractFile, Problem
from lake_model.contracts.copy_spec import ChangeScope

SCOPE_PROPERTIES = {"watermarkColumn", "watermarkOverlapMinutes", "trailingDays", "fullPassEveryDays"}
FULL_PASS_DAYS = 7
OVERLAP_MINUTES = 60
_TIMED_TYPE = re.compile(r"(datetime|timestamp)\b", re.IGNORECASE)
_LEAST = {"watermarkOverlapMinutes": 0, "trailingDays": 1, "fullPassEveryDays": 1}


def check_change_scope(file: ContractFile) -> Iterator[Problem]:
    """Everything that is wrong with a fact's change detection."""
    settings = file.settings
    detection = settings.get("changeDetection", "fingerprint")
    for name, least in _LEAST.items():
        value = settings.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            yield problem(file, f"customProperties.{name}", value, f"must be a whole number, {least} or more")
    if detection == "watermark":
        yield from _check_watermark_column(file)
    for name in ("watermarkColumn", "watermarkOverlapMinutes"):
        if name in settings and detection != "watermark":
            cure = "belongs to changeDetection watermark: set that, or remove this"
            yield problem(file, f"customProperties.{name}", settings[name], cure)
    if "trailingDays" in settings and detection != "fingerprint":
        cure = "belongs to changeDetection fingerprint: set that, or remove this"
        yield problem(file, "customProperties.trailingDays", settings["trailingDays"], cure)
    if "fullPassEveryDays" in settings and detection != "watermark" and "trailingDays" not in settings:
        cure = "every run is a full pass without trailingDays or changeDetection watermark: add one, or remove this"
        yield problem(file, "customProperties.fullPassEveryDays", settings["fullPassEveryDays"], cure)


def change_scope(file: ContractFile) -> ChangeScope | None:
    """Where runs of a contracted table look for changes; None: everywhere."""
    settings = file.settings
    full_pass_days = settings.get("fullPassEveryDays", FULL_PASS_DAYS)
    if settings.get("changeDetection") == "watermark":
        overlap = settings.get("watermarkOverlapMinutes", OVERLAP_MINUTES)
        return ChangeScope(full_pass_days, watermark_column=settings["watermarkColumn"], overlap_minutes=overlap)
    if "trailingDays" in settings:
        return ChangeScope(full_pass_days, trailing_days=settings["trailingDays"])
    return None


def _check_watermark_column(file: ContractFile) -> Iterator[Problem]:
    sources = source_columns(file)
    name = file.settings.get("watermarkColumn")
    if name is None:
        cure = "changeDetection watermark needs the source column that every insert and update sets to the time"
        yield problem(file, "customProperties.watermarkColumn", None, cure)
    elif not isinstance(name, str) or name not in sources:
        cure = f"is no source column of this contract; it has {', '.join(sources)}"
        yield problem(file, "customProperties.watermarkColumn", name, cure)
    elif not _TIMED_TYPE.match(sources[name].physicalType or ""):
        cure = f"must be DATETIME or TIMESTAMP at the source, not physicalType {sources[name].physicalType}"
        yield problem(file, "customProperties.watermarkColumn", name, cure)
