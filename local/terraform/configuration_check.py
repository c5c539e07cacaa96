"""Holds Terraform configuration against its providers' schemas and against itself, without Terraform and in a second.

Found: unknown resources, arguments and blocks; arguments that only the provider sets; missing ones; too many blocks;
references to variables, locals, resources, attributes, modules and outputs that are not there; modules called with
other arguments than they have; variables and outputs without a description. Not judged: values, their types and what
excludes each other; OpenTofu's own check (`bin/test terraform`) judges types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

Json = Mapping[str, Any]

_META_ARGUMENTS = frozenset({"count", "for_each", "provider", "depends_on"})
_META_BLOCKS = frozenset({"lifecycle", "provisioner", "connection", "timeouts"})
_MODULE_ARGUMENTS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})
_COMMENT = re.compile(r"(^|\s)(#|//).*$", re.MULTILINE)
_VARIABLE = re.compile(r"(?<![\w.])var\.(\w+)")
_LOCAL = re.compile(r"(?<![\w.])local\.(\w+)")
_MODULE_OUTPUT = re.compile(r"(?<![\w.])module\.(\w+)\.(\w+)")
_ATTRIBUTE = re.compile(r"(?<![\w.\"])(data\.)?((?:azurerm|databricks)_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?")


@dataclass(frozen=True)
class _Folder:
    """What the files of one folder declare."""

    path: Path
    text: str
    blocks: Mapping[str, tuple[tuple[tuple[str, ...], Json], ...]]

    def names(self, kind: str) -> set[str]:
        return {labels[-1] for labels, _ in self.blocks.get(kind, ())}

    def required_variables(self) -> set[str]:
        return {labels[0] for labels, body in self.blocks.get("variable", ()) if "default" not in body}


def configuration_faults(folder: Path, schemas: Json) -> list[str]:
    """What is wrong in the files of a folder, each with the folder, the block and the argument; empty: nothing found.

    Args:
        folder: holds `*.tf`; the modules that it calls by path are read for their variables and outputs.
        schemas: by provider, of the form of `provider_schemas.read_packages`.
    """
    return [f"{folder.name}: {fault}" for fault in _Check(_read(folder), schemas).faults()]


def _read(folder: Path) -> _Folder:
    text = ""
    blocks: dict[str, list[tuple[tuple[str, ...], Json]]] = {}
    for file in sorted(folder.glob("*.tf")):
        content = file.read_text()
        text += _COMMENT.sub("", content) + "\n"
        for kind, found in hcl2.loads(content).items():
            if not kind.startswith("__"):
                blocks.setdefault(kind, []).extend(one for block in found for one in _labelled(block, ()))
    return _Folder(folder, text, {kind: tuple(found) for kind, found in blocks.items()})


def _labelled(block: Json, labels: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    """A block with its labels, which the parser leaves in quotes, one inside of the other."""
    if "__is_block__" in block:
        yield labels, {name: value for name, value in block.items() if not name.startswith("__")}
        return
    for label, inner in block.items():
        if not label.startswith("__"):
            yield from _labelled(inner, (*labels, label.strip('"')))


class _Check:
    def __init__(self, folder: _Folder, schemas: Json) -> None:
        self._folder = folder
        self._schemas = schemas
        self._modules: dict[str, _Folder] = {}
        for labels, body in folder.blocks.get("module", ()):
            self._modules[labels[0]] = _read(folder.path / str(body.get("source", "")).strip('"'))

    def faults(self) -> Iterator[str]:
        for kind in ("resource", "data"):
            for labels, body in self._folder.blocks.get(kind, ()):
                yield from self._resource_faults(kind, labels, body)
        for labels, body in self._folder.blocks.get("provider", ()):
            schema = self._schemas.get(labels[0])
            if schema is None:
                yield f"provider {labels[0]} has no schema here"
            else:
                yield from _block_faults(f"provider {labels[0]}", body, schema["provider"]["block"])
        for labels, body in self._folder.blocks.get("module", ()):
            yield from self._module_faults(labels[0], body)
        for kind in ("variable", "output"):
            for labels, body in self._folder.blocks.get(kind, ()):
                if not body.get("description"):
                    yield f"{kind} {labels[0]} has no description"
        yield from self._reference_faults()

    def _schema(self, kind: str, type_: str) -> Json | None:
        provider = self._schemas.get(type_.partition("_")[0], {})
        found: Json | None = provider.get("data_source_schemas" if kind == "data" else "resource_schemas", {}).get(
            type_
        )
        return found

    def _resource_faults(self, kind: str, labels: tuple[str, ...], body: Json) -> Iterator[str]:
        schema = self._schema(kind, labels[0])
        where = f"{kind} {'.'.join(labels)}"
        if schema is None:
            yield f"{where}: the provider has no {kind} {labels[0]}"
        else:
            yield from _block_faults(where, body, schema["block"])

    def _module_faults(self, name: str, body: Json) -> Iterator[str]:
        module = self._modules[name]
        given = set(body) - _MODULE_ARGUMENTS
        if not module.blocks:
            yield f"module {name}: there are no files at its source {body.get('source')}"
            return
        for unknown in sorted(given - module.names("variable")):
            yield f"module {name}: it has no variable {unknown}"
        for missing in sorted(module.required_variables() - given):
            yield f"module {name}: variable {missing} is missing"

    def _reference_faults(self) -> Iterator[str]:
        text = self._folder.text
        variables = self._folder.names("variable")
        locals_ = {name for _, body in self._folder.blocks.get("locals", ()) for name in body}
        yield from (f"var.{name} is not declared" for name in sorted({*_VARIABLE.findall(text)} - variables))
        yield from (f"variable {name} is not used" for name in sorted(variables - {*_VARIABLE.findall(text)}))
        yield from (f"local.{name} is not declared" for name in sorted({*_LOCAL.findall(text)} - locals_))
        yield from (f"local.{name} is not used" for name in sorted(locals_ - {*_LOCAL.findall(text)}))
        for module, output in sorted({*_MODULE_OUTPUT.findall(text)}):
            if module not in self._modules:
                yield f"module.{module} is not declared"
            elif output not in self._modules[module].names("output"):
                yield f"module.{module} has no output {output}"
        for data, type_, name, attribute in sorted({*_ATTRIBUTE.findall(text)}):
            yield from self._attribute_faults("data" if data else "resource", type_, name, attribute)

    def _attribute_faults(self, kind: str, type_: str, name: str, attribute: str) -> Iterator[str]:
        if (type_, name) not in {labels for labels, _ in self._folder.blocks.get(kind, ())}:
            yield f"{type_}.{name} is not declared"
            return
        block = (self._schema(kind, type_) or {"block": {}})["block"]
        if attribute and attribute not in {*block.get("attributes", {}), *block.get("block_types", {})}:
            yield f"{type_}.{name} has no attribute {attribute}"


def _block_faults(where: str, body: Json, schema: Json) -> Iterator[str]:
    attributes: Json = schema.get("attributes", {})
    blocks: Json = schema.get("block_types", {})
    # How often a block stands there; a dynamic one may be made any number of times.
    counts: dict[str, int] = {}
    for name, value in body.items():
        if name == "dynamic":
            for labels, generated in (one for block in value for one in _labelled(block, ())):
                counts[labels[0]] = -1
                yield from _named_blocks_faults(where, labels[0], generated.get("content", ()), blocks)
        elif _is_block(value):
            counts[name] = len(value)
            if name not in _META_BLOCKS:
                yield from _named_blocks_faults(where, name, value, blocks)
        elif name not in _META_ARGUMENTS:
            yield from _argument_faults(where, name, value, attributes, blocks)
    for name, attribute in attributes.items():
        if attribute.get("required") and name not in body:
            yield f"{where}: {name} is missing"
    for name, block in blocks.items():
        count = counts.get(name, 0)
        if block.get("min_items", 0) and not count:
            yield f"{where}: a block {name} is missing"
        if count > block.get("max_items", count):
            yield f"{where}: there may be {block['max_items']} block {name}, and there are {count}"


def _named_blocks_faults(where: str, name: str, bodies: Sequence[Json], blocks: Json) -> Iterator[str]:
    for body in bodies:
        if name not in blocks:
            yield f"{where}: there is no block {name}"
            continue
        inner = {key: value for key, value in body.items() if not key.startswith("__")}
        yield from _block_faults(f"{where}.{name}", inner, blocks[name]["block"])


def _argument_faults(where: str, name: str, value: Any, attributes: Json, blocks: Json) -> Iterator[str]:
    if name not in attributes:
        hint = "; it is a block, written without =" if name in blocks else ""
        yield f"{where}: there is no argument {name}{hint}"
        return
    attribute = attributes[name]
    if not (attribute.get("optional") or attribute.get("required")):
        yield f"{where}: {name} is set by the provider alone"
    if "nested_type" in attribute:
        objects = value if isinstance(value, list) else [value]
        for one in objects:
            if isinstance(one, Mapping):
                yield from _block_faults(f"{where}.{name}", one, attribute["nested_type"])


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, Mapping) and "__is_block__" in one for one in value)
