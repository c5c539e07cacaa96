"""Where in a contract's file its columns, rules and expressions stand, so that a message can name the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

# Fields of a column that hold an expression or a rule of their own.
_FIELDS = ("transformLogic", "logicalTypeOptions", "relationships")


def contract_lines(text: str) -> dict[str, int]:
    """Line numbers, from 1, by place, of YAML text that can be read; whatever else it holds is passed over.

    Places are ``properties.<column>``, ``properties.<column>.<field>``, ``quality.<rule>``,
    ``customProperties.<name>`` and ``slaProperties.<name>``.
    """
    found: dict[str, int] = {}
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    for table in _entries(document, "schema"):
        for column in _entries(table, "properties"):
            name = _text(column, "name")
            found[f"properties.{name}"] = _line(column)
            for field in _FIELDS:
                value = _value(column, field)
                if value is not None:
                    found[f"properties.{name}.{field}"] = _line(value)
            found |= _rules(column)
        found |= _rules(table)
        for one in _entries(table, "customProperties"):
            found[f"customProperties.{_text(one, 'property')}"] = _line(one)
    for one in _entries(document, "slaProperties"):
        found[f"slaProperties.{_text(one, 'property')}"] = _line(one)
    return found


def _rules(owner: Any) -> dict[str, int]:
    return {
        f"quality.{_text(rule, 'name')}": _line(_value(rule, "implementation") or rule)
            for rule in _entries(owner, "quality")}  # fmt: skip


def _value(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _entries(node: Any, key: str) -> Iterator[Any]:
    value = _value(node, key)
    yield from value.value if isinstance(value, yaml.SequenceNode) else ()


def _text(node: Any, key: str) -> str:
    value = _value(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) else ""


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
