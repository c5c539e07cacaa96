"""Where in a contract's file its fields stand, so that every message can name the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# What an entry of a list is called by.
NAMES = ("name", "property", "role")
_LAST = re.compile(r"(?:\.[^.\[\]]*|\[[^\[]*\])$")


def contract_lines(document: Any) -> dict[str, int]:
    """Line numbers, from 1, by field as messages name it, of the node of a YAML document.

    Such as ``schema[market].properties[zone].transformLogic`` or ``schema[market].customProperties.scdType``; and, for
    what silver and gold say of one table, by ``properties.<column>``, ``properties.<column>.<field>``,
    ``quality.<rule>``, ``customProperties.<name>`` and ``slaProperties.<name>``.
    """
    found: dict[str, int] = {}
    _add_fields(document, "", found)
    for table in _entries(document, "schema"):
        for column in _entries(table, "properties"):
            name = _text(column, "name")
            found[f"properties.{name}"] = _line(column)
            for key, _ in _pairs(column):
                found[f"properties.{name}.{key.value}"] = _line(key)
            _add_rules(column, found)
        _add_rules(table, found)
        for one in _entries(table, "customProperties"):
            found[f"customProperties.{_text(one, 'property')}"] = _line(one)
    for one in _entries(document, "slaProperties"):
        found[f"slaProperties.{_text(one, 'property')}"] = _line(one)
    return found


def line_of(lines: Mapping[str, int], field: str) -> int | None:
    """The line of a field, or of the nearest one around it."""
    while field not in lines:
        shorter = _LAST.sub("", field)
        if shorter == field:
            return None
        field = shorter
    return lines[field]


def _add_fields(node: Any, path: str, found: dict[str, int]) -> None:
    for key, value in _pairs(node):
        here = f"{path}.{key.value}" if path else str(key.value)
        found.setdefault(here, _line(key))
        _add_fields(value, here, found)
    for number, entry in enumerate(node.value if node is not None and node.id == "sequence" else ()):
        name = next((text for key in NAMES if (text := _text(entry, key))), str(number))
        found.setdefault(f"{path}[{name}]", _line(entry))
        if text := _text(entry, "property"):
            found.setdefault(f"{path}.{text}", _line(entry))
        _add_fields(entry, f"{path}[{name}]", found)


def _add_rules(owner: Any, found: dict[str, int]) -> None:
    for rule in _entries(owner, "quality"):
        found[f"quality.{_text(rule, 'name')}"] = _line(_value(rule, "implementation") or rule)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return node.value if node is not None and node.id == "mapping" else []


def _value(node: Any, key: str) -> Any:
    return next((value for name, value in _pairs(node) if name.value == key), None)


def _entries(node: Any, key: str) -> Iterator[Any]:
    value = _value(node, key)
    yield from value.value if value is not None and value.id == "sequence" else ()


def _text(node: Any, key: str) -> str:
    value = _value(node, key)
    return str(value.value) if value is not None and value.id == "scalar" else ""


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
