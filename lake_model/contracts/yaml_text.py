"""Reads YAML so that a value is what its text says; where YAML 1.1 reads another one, that is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

# A contract has some thousands; aliases that repeat aliases make millions out of a few lines.
MOST_NODES = 50_000
MOST_LEVELS = 50
_PLAIN_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)|[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)", re.IGNORECASE
)
# What a list's entry is called by.
NAMES = ("name", "property", "role")


def read_yaml(text: str) -> tuple[Any, Any]:
    """The values of a YAML document, and its node, which knows the lines. A date is left as its text.

    Raises:
        YAMLError: it is no YAML.
        ValueError: it is nested or repeated beyond reason; says so.
    """
    loader = _loader()(text)
    try:
        node = loader.get_single_node()
        for count, (path, _, _) in enumerate(fields(node)):
            if count == MOST_NODES:
                raise ValueError("its aliases (*) repeat it too often")
            if path.count(".") + path.count("[") > MOST_LEVELS:
                raise ValueError("it is nested too deeply")
        return (None if node is None else loader.construct_document(node)), node
    finally:
        loader.dispose()


def fields(node: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each field below a node: its path as messages name it, the node where it begins, and that of its value."""
    kind = "" if node is None else node.id
    if kind == "mapping":
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            yield here, key, value
            yield from fields(value, here)
    elif kind == "sequence":
        for number, entry in enumerate(node.value):
            here = f"{path}[{next((found for name in NAMES if (found := text_of(entry, name))), number)}]"
            yield here, entry, entry
            yield from fields(entry, here)


def value_of(node: Any, key: str) -> Any:
    """The node of a mapping's value; None where there is none."""
    pairs = node.value if node is not None and node.id == "mapping" else []
    return next((value for name, value in pairs if name.value == key), None)


def text_of(node: Any, key: str) -> str:
    """The text of a mapping's value; empty where it is none."""
    value = value_of(node, key)
    return str(value.value) if value is not None and value.id == "scalar" else ""


def misread_numbers(node: Any) -> Iterator[tuple[str, str, str, int]]:
    """Texts that YAML reads as another number than a person: each with its field, its text, the number and the line."""
    for path, _, value in fields(node):
        if value.id != "scalar" or value.style:
            continue
        if value.tag not in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}:
            continue
        number = _loader()("").construct_object(value)
        exact = value.tag.endswith("int") or _same(value.value, number)
        if not _PLAIN_NUMBER.fullmatch(value.value) or not exact:
            yield path, value.value, str(number), value.start_mark.line + 1


def _same(text: str, number: float) -> bool:
    from decimal import Decimal, InvalidOperation

    try:
        written = Decimal(text)
    except InvalidOperation:
        return True  # Infinity and not-a-number, which no number is.
    return written == Decimal(repr(number))


@cache
def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """The safe loader, without dates."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in Loader.yaml_implicit_resolvers.items()
    }
    return Loader
