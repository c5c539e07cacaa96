"""Where in a contract's file its fields stand, so that every message can name the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lake_model.contracts.yaml_text import fields, text_of, value_of

_LAST = re.compile(r"(?:\.[^.\[\]]*|\[[^\[]*\])$")


def contract_lines(document: Any) -> dict[str, int]:
    """Line numbers, from 1, by field as messages name it, of the node of a YAML document.

    Such as ``schema[market].properties[zone].transformLogic`` or ``schema[market].customProperties.scdType``; and, for
    what silver and gold say of one table, by ``properties.<column>``, ``properties.<column>.<field>``,
    ``quality.<rule>``, ``customProperties.<name>`` and ``slaProperties.<name>``.
    """
    found: dict[str, int] = {}
    for path, start, value in fields(document):
        found.setdefault(path, _line(start))
        if start is value and (name := text_of(value, "property")):
            found.setdefault(f"{path.rpartition('[')[0]}.{name}", _line(start))
    for table in _entries(document, "schema"):
        for column in _entries(table, "properties"):
            name = text_of(column, "name")
            found[f"properties.{name}"] = _line(column)
            for key, _ in column.value if column.id == "mapping" else ():
                found[f"properties.{name}.{key.value}"] = _line(key)
            _add_rules(column, found)
        _add_rules(table, found)
        for one in _entries(table, "customProperties"):
            found[f"customProperties.{text_of(one, 'property')}"] = _line(one)
    for one in _entries(document, "slaProperties"):
        found[f"slaProperties.{text_of(one, 'property')}"] = _line(one)
    return found


def line_of(lines: Mapping[str, int], field: str) -> int | None:
    """The line of a field, or of the nearest one around it."""
    while field not in lines:
        shorter = _LAST.sub("", field)
        if shorter == field:
            return None
        field = shorter
    return lines[field]


def _add_rules(owner: Any, found: dict[str, int]) -> None:
    for rule in _entries(owner, "quality"):
        found[f"quality.{text_of(rule, 'name')}"] = _line(value_of(rule, "implementation") or rule)


def _entries(node: Any, key: str) -> Iterator[Any]:
    value = value_of(node, key)
    yield from value.value if value is not None and value.id == "sequence" else ()


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
