"""Reads `waivers.yaml`, the file in which a steward lets rows pass to silver that break a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lake_model.contracts.contract_columns import lake_columns
from lake_model.contracts.contract_files import ContractFile, Problem, misread_problems
from lake_model.contracts.lake_types import lake_type, value_fault
from lake_model.contracts.silver_contract import ColumnValue, Severity, Waiver
from lake_model.contracts.table_rules import rules_of, waivable_rules
from lake_model.contracts.yaml_text import read_yaml

WAIVERS_FILE = "waivers.yaml"
FIELDS = ("table", "rule", "rows", "reason", "until")


def check_waivers(folder: Path, files: Sequence[ContractFile], only: str | None = None) -> list[Problem]:
    """Everything that is wrong with the waivers of a folder of contracts.

    Args:
        folder: the contracts' folder; without the file there are no waivers.
        files: its contracts, as far as they can be read.
        only: the table whose entries alone are looked at.
    """
    entries, problems = _entries(folder)
    by_name = {file.name: file for file in files if file.settings.get("tableKind") != "one_big_table"}
    wanted = [(entry, line) for entry, line in entries if only is None or entry.get("table") == only]
    return problems + [one for entry, line in wanted for one in _check(entry, line, by_name)]


def waivers_of(folder: Path, file: ContractFile) -> tuple[Waiver, ...]:
    """The waivers of one table, ended ones too; the file has no problems."""
    columns, found = lake_columns(file), []
    for entry, line in _entries(folder)[0]:
        if entry.get("table") == file.name:
            rules = (str(entry["rule"]),) if entry.get("rule") is not None else waivable_rules(file)
            rows = (entry.get("rows") or {}).items()
            values = tuple(ColumnValue(name, lake_type(columns[name]) or "", value) for name, value in rows)
            found.append(Waiver(rules, values, entry["reason"].strip(), _date(entry["until"]) or date.min, line))
    return tuple(found)


def _entries(folder: Path) -> tuple[list[tuple[dict[str, Any], int]], list[Problem]]:
    """Each entry of the file with its line, and what keeps the file from being read as it looks."""
    path = folder / WAIVERS_FILE
    if not path.exists():
        return [], []
    import yaml

    try:
        document, node = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [], [_problem("file", str(error).splitlines()[0], "cannot be read as YAML: correct it there")]
    entries = document.get("waivers") if isinstance(document, dict) and set(document) == {"waivers"} else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        cure = f"must be 'waivers:', a list of entries with {', '.join(FIELDS)}"
        return [], [_problem("file", document, cure)]
    lines = [entry.start_mark.line + 1 for _, found in node.value for entry in found.value]
    return list(zip(entries, lines, strict=True)), misread_problems(WAIVERS_FILE, node)


def _check(entry: Mapping[str, Any], line: int, by_name: Mapping[str, ContractFile]) -> Iterator[Problem]:
    for name in sorted(str(name) for name in entry.keys() - set(FIELDS)):
        yield _problem(name, entry.get(name), f"is not known; known are {', '.join(FIELDS)}", line)
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        yield _problem("reason", entry.get("reason"), "is missing: say why these rows may pass", line)
    if _date(entry.get("until")) is None:
        cure = "is no date: give the last business date that it holds on, such as 2026-12-31"
        yield _problem("until", entry.get("until"), cure, line)
    if entry.get("rule") is None and entry.get("rows") is None:
        yield _problem("rule", None, "is missing: give the rule that is waived, the rows, or both", line)
    file = by_name.get(str(entry.get("table")))
    if file is None:
        cure = f"has no contract here; there are {', '.join(sorted(by_name))}"
        yield _problem("table", entry.get("table"), cure, line)
        return
    if entry.get("rule") is not None:
        yield from _check_rule(entry["rule"], line, file)
    if entry.get("rows") is not None:
        yield from _check_rows(entry["rows"], line, file)


def _check_rule(name: object, line: int, file: ContractFile) -> Iterator[Problem]:
    waivable = waivable_rules(file)
    if name in waivable:
        return
    rule = {rule.name: rule for rule in rules_of(file)}.get(str(name))
    if rule is None:
        reason = "is no rule"
    elif rule.severity is Severity.WARNING:
        reason = "is a warning, which keeps no row out"
    else:
        reason = "guards what silver needs: no row that breaks it can be in silver"
    yield _problem("rule", name, f"{reason}; {file.name} can waive {', '.join(waivable)}", line)


def _check_rows(rows: object, line: int, file: ContractFile) -> Iterator[Problem]:
    if not isinstance(rows, dict) or not rows:
        yield _problem("rows", rows, "must be columns and their values, such as {customer_code: Cus001}", line)
        return
    columns = lake_columns(file)
    for name, value in rows.items():
        kind = lake_type(columns[name]) if name in columns else None
        if name not in columns:
            cure = f"{file.file} has no such column; it has {', '.join(columns)}"
            yield _problem(f"rows.{name}", value, cure, line)
        elif kind is not None and value is not None and (fault := value_fault(value, kind)):
            yield _problem(f"rows.{name}", value, f"{fault}: the column is {kind}", line)


def _problem(field: str, value: object, cure: str, line: int | None = None) -> Problem:
    return Problem(WAIVERS_FILE, field, value, cure, line)


def _date(value: object) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
