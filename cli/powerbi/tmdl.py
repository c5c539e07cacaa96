"""Objects of a semantic model as TMDL text: a tab for each level, properties before children."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Node:
    """An object of the model.

    Attributes:
        kind: such as `column`.
        name: as people read it; empty where the object has none.
        value: what stands behind its `=`; with several lines an expression of its own block.
        description: for people.
        properties: names with values; a value of None is a flag.
        expressions: properties whose values are code.
    """

    kind: str
    name: str = ""
    value: str = ""
    description: str = ""
    properties: tuple[tuple[str, str | None], ...] = ()
    expressions: tuple[tuple[str, str], ...] = ()
    children: tuple[Node, ...] = field(default=())

    def to_text(self) -> str:
        """Its lines."""
        return "\n".join(self._lines(0)) + "\n"

    def _lines(self, depth: int) -> Iterator[str]:
        tabs = "\t" * depth
        yield from (f"{tabs}/// {line}" for line in self.description.splitlines())
        head = f"{tabs}{self.kind}{f' {quoted(self.name)}' if self.name else ''}"
        yield from _with_code(head, self.value, depth + 2)
        for name, value in self.properties:
            yield f"{tabs}\t{name}" if value is None else f"{tabs}\t{name}: {value}"
        for name, code in self.expressions:
            yield from _with_code(f"{tabs}\t{name}", code, depth + 3)
        for child in self.children:
            yield ""
            yield from child._lines(depth + 1)


def _with_code(head: str, code: str, depth: int) -> Iterator[str]:
    if "\n" not in code:
        yield f"{head} = {code}" if code else head
        return
    yield f"{head} ="
    yield from ("\t" * depth + line for line in code.splitlines())


def quoted(name: str) -> str:
    """A name in TMDL, quoted where it must be."""
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"
