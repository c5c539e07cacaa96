"""What a value of a factory stands for: a text, the items of a list, or something that only a run would know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PARAMETER = re.compile(r"@\{?\s*dataset\(\)\.(\w+)\s*\}?")
_ITEM = re.compile(r"@?\{?\s*item\(\)((?:\??\.\w+)*)\s*\}?")
_PIPELINE = re.compile(r"@\{?\s*pipeline\(\)\.parameters\.(\w+)\s*\}?")
_ACTIVITY = re.compile(r"activity\(\s*'([^']+)'\s*\)\.output")


@dataclass(frozen=True)
class Items:
    """What a ForEach goes over.

    Attributes:
        values: as the export has them.
        all_tables: it is the answer to a question for all tables of a schema.
    """

    values: tuple[Any, ...] = ()
    all_tables: bool = False


@dataclass(frozen=True)
class Scope:
    """What the words of an expression mean at its place.

    Attributes:
        parameters: of the pipeline: their default values, or the `Items` that another pipeline hands over.
        lookups: the items that each Lookup answers with, by its name.
        items: of the ForEach around it; None: there is none, or only a run of the pipeline knows.
        dataset: the values that a dataset's parameters have.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    lookups: Mapping[str, Items] = field(default_factory=dict)
    items: Items | None = None
    dataset: Mapping[str, Any] = field(default_factory=dict)


def text_of(value: object) -> str:
    """A value as a text: that of an expression is what stands between its quotes."""
    if isinstance(value, dict) and "value" in value:
        return text_of(value["value"])
    return "" if value is None else str(value)


def is_expression(value: object) -> bool:
    """Whether only a run knows what the value is."""
    text = text_of(value)
    return (text.startswith("@") and not text.startswith("@@")) or "@{" in text


def items_of(value: object, scope: Scope) -> Items | None:
    """The items of a ForEach; None where only a run of the pipeline knows them."""
    text = text_of(value)
    if match := _PIPELINE.fullmatch(text):
        given = scope.parameters.get(match[1])
        if isinstance(given, Items):
            return given
        return Items(tuple(given)) if isinstance(given, list) else None
    if match := _ACTIVITY.search(text):
        return scope.lookups.get(match[1])
    return None


def values_of(value: object, scope: Scope) -> Items | None:
    """The texts that a value has, over all turns of the ForEach around it; None where only a run knows."""
    text = text_of(value)
    if not text:
        return None
    if match := _PARAMETER.fullmatch(text):
        given = scope.dataset.get(match[1])
        return None if given is None else values_of(given, Scope(scope.parameters, scope.lookups, scope.items))
    if match := _PIPELINE.fullmatch(text):
        default = scope.parameters.get(match[1])
        return Items((default,)) if isinstance(default, str) and default else None
    if text.startswith("@") and (match := _ITEM.fullmatch(text)):
        return _fields(scope.items, match[1])
    return None if is_expression(value) else Items((text,))


def items_named_in(text: str, scope: Scope) -> Items | None:
    """What the items of the ForEach are, where a text such as a query is made with one of them: of its last field."""
    found = _ITEM.findall(text)
    return _fields(scope.items, found[-1]) if found else None


def _fields(items: Items | None, path: str) -> Items | None:
    if items is None or items.all_tables:
        return items
    values = items.values
    for name in path.replace("?", "").strip(".").split("."):
        if name:
            values = tuple(value.get(name) if isinstance(value, dict) else None for value in values)
    return Items(values) if values and all(isinstance(value, str) and value for value in values) else None
