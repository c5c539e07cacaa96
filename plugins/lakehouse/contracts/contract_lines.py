"""Where in a contract's text its expressions stand, so that a message can name the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def expression_lines(text: str) -> dict[str, int]:
    """Line numbers, from 1, by `properties.<column>.transformLogic` and `quality.<rule>`.

    `text` is YAML that can be read; whatever else it holds is passed over.
    """
    import yaml

    found: dict[str, int] = {}
    for table in _entries(yaml.compose(text, Loader=yaml.SafeLoader), "schema"):
        owners = [table, *_entries(table, "properties")]
        for owner in owners:
            logic = _value(owner, "transformLogic")
            if logic is not None:
                found[f"properties.{_name(owner)}.transformLogic"] = _line(logic)
            for rule in _entries(owner, "quality"):
                found[f"quality.{_name(rule)}"] = _line(_value(rule, "implementation") or rule)
    return found


def _entries(node: Any, key: str) -> Iterator[Any]:
    value = _value(node, key)
    yield from value.value if value is not None and value.id == "sequence" else ()


def _value(node: Any, key: str) -> Any:
    pairs = node.value if node is not None and node.id == "mapping" else []
    return next((value for name, value in pairs if name.value == key), None)


def _name(node: Any) -> str:
    value = _value(node, "name")
    return str(value.value) if value is not None and value.id == "scalar" else ""


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
