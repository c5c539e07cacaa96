"""Reads ``waivers.yaml``, the file in which a steward lets rows pass that break a rule, for one table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml

from medallion.contracts.contract_faults import Faults
from medallion.contracts.silver_contract import Rule, Severity, SilverContract, Waiver
from medallion.errors import ContractError
from medallion.quality.rules import identifier, literal

FILE = "waivers.yaml"
_FIELDS = ("table", "rule", "rows", "reason", "until")


def read_waivers(folder: Path, contract: SilverContract) -> tuple[Waiver, ...]:
    """The waivers of a contract's table, ended ones too; none where the folder has no such file.

    Raises:
        ContractError: the file has faults; names each with its line. Entries of other tables are left to their runs.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ContractError(f"{path}: it cannot be read as YAML: {error}") from error
    entries = document.get("waivers") if isinstance(document, dict) and set(document) == {"waivers"} else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ContractError(f"{path}: give 'waivers:', a list of entries with {', '.join(_FIELDS)}")
    faults = Faults(path)
    found = [
        _waiver(entry, line, contract, faults)
        for entry, line in zip(entries, _lines(text), strict=True)
        if entry.get("table") == contract.name
    ]
    faults.check()
    return tuple(found)


def can_be_waived(rule: Rule, contract: SilverContract) -> bool:
    """Whether a row that breaks the rule can be in silver at all.

    A value that could not be converted is lost there; a key or a fact's date must be whole; and two rows of one key, or
    that a version's neighbours must not share, would make a dimension's history ambiguous.
    """
    if rule.severity is not Severity.ERROR or rule.function == "type_conversion":
        return False
    if rule.function == "is_unique":
        return rule.columns != contract.key and contract.scd_type != 2
    return rule.function != "is_not_null" or rule.columns[0] not in {*contract.key, contract.date_column}


def _waiver(entry: dict[str, Any], number: int, contract: SilverContract, faults: Faults) -> Waiver:
    line = f"line {number}"
    for unknown in sorted(str(name) for name in entry.keys() - set(_FIELDS)):
        faults.add(f"{line}: {unknown}", entry.get(unknown), f"use {', '.join(_FIELDS)}")
    reason, until = entry.get("reason"), _date(entry.get("until"))
    if not isinstance(reason, str) or not reason.strip():
        faults.add(f"{line}: reason", reason, "say why these rows may pass")
    if until is None:
        faults.add(f"{line}: until", entry.get("until"), "give the last date that it holds on, as 2026-12-31")
    if entry.get("rule") is None and entry.get("rows") is None:
        faults.add(line, None, "give the rule that is waived, the rows, or both")
    rules = _rules(entry.get("rule"), f"{line}: rule", contract, faults)
    matches = _matches(entry.get("rows"), f"{line}: rows", contract, faults)
    return Waiver(rules, matches, str(reason).strip(), until or dt.date.min, number)


def _rules(name: Any, at: str, contract: SilverContract, faults: Faults) -> tuple[str, ...]:
    waivable = tuple(rule.name for rule in contract.rules if can_be_waived(rule, contract))
    if name is None:
        return waivable
    if name not in waivable:
        known = {rule.name: rule for rule in contract.rules}
        if name not in known:
            cure = "there is no such rule"
        elif known[name].severity is Severity.WARNING:
            cure = "it is a warning, which keeps no row out"
        else:
            cure = "a row that breaks it cannot be in silver"
        faults.add(at, name, f"{cure}; {contract.name} can waive {', '.join(waivable)}")
    return (str(name),)


def _matches(rows: Any, at: str, contract: SilverContract, faults: Faults) -> str:
    if rows is None:
        return "TRUE"
    if not isinstance(rows, dict) or not rows:
        faults.add(at, rows, "give columns and their values, as {customer_code: Cus001}")
        return "FALSE"
    types = {column.name: column.lake_type for column in contract.columns}
    parts = []
    for name, value in rows.items():
        if name not in types:
            faults.add(f"{at}.{name}", value, f"no such column; {contract.name} has {', '.join(types)}")
            continue
        try:
            wanted = "NULL" if value is None else literal(value, types[name])
        except ValueError as error:
            faults.add(f"{at}.{name}", value, f"the column is {types[name]}: {error}")
            continue
        parts.append(f"{identifier(name)} <=> {wanted}")
    return " AND ".join(parts) or "FALSE"


def _date(value: Any) -> dt.date | None:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _lines(text: str) -> list[int]:
    """The line of each entry, from 1."""
    document: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    return [entry.start_mark.line + 1 for _, entries in document.value for entry in entries.value]
