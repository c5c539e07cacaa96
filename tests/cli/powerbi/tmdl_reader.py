"""A strict reader of TMDL, which shares nothing with the writer.

It takes tabs alone, kinds and properties that are known, properties before children, and each name once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KINDS = {
    "": {"database", "model", "table", "role", "relationship", "expression", "annotation", "ref"},
    "database": set(),
    "model": set(),
    "table": {"measure", "column", "hierarchy", "partition", "annotation"},
    "measure": set(),
    "column": set(),
    "hierarchy": {"level"},
    "level": set(),
    "partition": set(),
    "role": {"tablePermission", "annotation"},
    "tablePermission": {"columnPermission"},
    "columnPermission": set(),
    "relationship": set(),
    "expression": {"annotation"},
}
PROPERTIES = {
    "database": {"compatibilityLevel"},
    "model": {"culture", "defaultPowerBIDataSourceVersion", "discourageImplicitMeasures", "sourceQueryCulture"},
    "table": {"lineageTag", "dataCategory", "isHidden"},
    "measure": {"formatString", "displayFolder", "lineageTag"},
    "column": {"dataType", "isHidden", "isKey", "formatString", "lineageTag", "summarizeBy", "sourceColumn"},
    "hierarchy": {"lineageTag"},
    "level": {"lineageTag", "column"},
    "partition": {"mode", "source"},
    "role": {"modelPermission"},
    "relationship": {"fromColumn", "toColumn"},
    "expression": {"lineageTag"},
}
FLAGS = {"isHidden", "isKey", "discourageImplicitMeasures"}
HAS_VALUE = {"measure", "partition", "annotation", "columnPermission", "expression", "tablePermission"}
_NAME = r"(?:'(?:[^']|'')+'|[\w-]+)"
_HEAD = re.compile(rf"(?P<kind>[a-zA-Z]+)(?: (?P<name>{_NAME}))?(?: =(?: (?P<value>.+))?)?")
_REF = re.compile(rf"ref (?P<kind>table|role) (?P<name>{_NAME})")
_PROPERTY = re.compile(r"(?P<name>[a-zA-Z]+): (?P<value>\S.*)")


@dataclass
class Node:
    kind: str
    name: str = ""
    value: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Node]:
        return {child.name: child for child in self.children if child.kind == kind}


def plain(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def read_tmdl(text: str) -> Node:
    """The objects of a document, below a node without a kind.

    Raises:
        ValueError: with the line that is wrong.
    """
    root = Node("")
    open_nodes = [root]
    lines = text.split("\n")
    if lines.pop() != "":
        raise ValueError("the last line has no end")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        depth = len(line) - len(line.lstrip("\t"))
        body = line[depth:]
        if not line or body.startswith("///") or _REF.fullmatch(line):
            continue
        if body != body.strip() or depth >= len(open_nodes):
            raise ValueError(f"line {at}: {line!r}: blanks")
        del open_nodes[depth + 1 :]
        parent = open_nodes[-1]
        if body == "source =" and parent.kind == "partition":
            parent.properties["source"], at = _block(lines, at, depth + 2)
        elif (found := _PROPERTY.fullmatch(body)) or body in FLAGS:
            name, value = (found["name"], found["value"]) if found else (body, "true")
            if parent.children or name in parent.properties or name not in PROPERTIES.get(parent.kind, ()):
                raise ValueError(f"line {at}: {line!r}: no property of {parent.kind} here")
            parent.properties[name] = value
        else:
            node = _node(parent, body, f"line {at}: {line!r}")
            parent.children.append(node)
            open_nodes.append(node)
    return root


def _node(parent: Node, body: str, at: str) -> Node:
    head = _HEAD.fullmatch(body)
    if head is None or head["kind"] not in KINDS[parent.kind]:
        raise ValueError(f"{at}: nothing that stands in {parent.kind or 'a document'}")
    node = Node(head["kind"], plain(head["name"] or ""), head["value"] or "")
    if bool(node.value) != (node.kind in HAS_VALUE) and node.kind != "tablePermission":
        raise ValueError(f"{at}: a value is missing, or too much")
    if any((one.kind, one.name) == (node.kind, node.name) for one in parent.children):
        raise ValueError(f"{at}: is there twice")
    return node


def _block(lines: list[str], at: int, depth: int) -> tuple[str, int]:
    found = []
    while at < len(lines) and lines[at].startswith("\t" * depth):
        found.append(lines[at][depth:])
        at += 1
    if not found:
        raise ValueError(f"line {at}: code is missing")
    return "\n".join(found), at
