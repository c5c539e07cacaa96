"""What Terraform's providers take and give, read from Python packages that were generated from the providers' schemas.

The packages `cdktn-provider-*` hold, for every resource and data source, JavaScript that is as regular as a table:

    // name - computed: false, optional: false, required: true
    name: {value: cdktn.stringToHclTerraform(this._name), isBlock: false, type: "simple", storageClassType: "string"},

So names, kinds, and what is required come out without the provider, its download or its cloud. Enumerations, lengths
and conflicts between arguments are not in them.

    python -m local.terraform.provider_schemas FOLDER FILE     # the packages installed in FOLDER, as JSON into FILE
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_TYPE_OF_RESOURCE = re.compile(r'static tfResourceType = "(\w+)"')
_VERSION = re.compile(r"providerVersion: '([\d.]+)'")
_CLASS = re.compile(r"^class (\w+) extends ", re.MULTILINE)
_FLAGS = re.compile(
    r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n"
    r"(?:    _\w+(?: = new (?:\w+\.)?(\w+)\(this, \"\w+\".*?\))?;\n)?"
    r"(?:    get \w+\(\) \{\n        return (.*);)?",
    re.MULTILINE,
)
_WRITER = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_SYNTHESIS = re.compile(r"^    synthesizeHclAttributes\(\) \{\n(.*?)^    \}", re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (\w+),\n +type: \"(\w+)\",\n +storageClassType: \"([\w.]+)\",",
    re.MULTILINE,
)
_NESTED_WRITER = re.compile(r"(?:\w+\.)?(?!cdktn\.)\b([a-z]\w*?)ToHclTerraform\b")
_INTERFACE = re.compile(r"^export interface (\w+) .*?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^    \* (\w+) block$", re.MULTILINE)
_SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_GETTERS = (
    ("getStringMapAttribute", ["map", "string"]),
    ("getNumberMapAttribute", ["map", "number"]),
    ("getBooleanMapAttribute", ["map", "bool"]),
    ("getAnyMapAttribute", "dynamic"),
    ("getStringAttribute", "string"),
    ("getNumberAttribute", "number"),
    ("getBooleanAttribute", "bool"),
    ("getNumberListAttribute", ["list", "number"]),
    ("getListAttribute", ["list", "string"]),
)
_MAPS = {"StringMap": ["map", "string"], "NumberMap": ["map", "number"], "BooleanMap": ["map", "bool"]}


def read_packages(folder: Path) -> Json:
    """The schemas of all packages that are installed in a folder, by the name of their provider.

    Each is of the form that `terraform providers schema -json` gives, with the provider's version beside it.

    Raises:
        LookupError: the folder has no such package.
    """
    archives = sorted(folder.glob("cdktn_provider_*/_jsii/*.jsii.tgz"))
    if not archives:
        raise LookupError(f"{folder} has no package cdktn_provider_*: install those of local/setup/infra.txt")
    return {re.sub(r"^cdktn_provider_", "", archive.parent.parent.name): _read_archive(archive) for archive in archives}


def _read_archive(archive: Path) -> Json:
    code: dict[str, list[str]] = {}
    types: dict[str, list[str]] = {}
    with tarfile.open(archive) as files:
        for member in files:
            parts = member.name.split("/")
            if len(parts) < 4 or parts[1] != "lib" or not member.isfile():
                continue
            target = {".js": code, ".ts": types}.get(Path(member.name).suffix)
            content = files.extractfile(member)
            if target is not None and content is not None:
                target.setdefault(parts[2], []).append(content.read().decode())
    schemas: Json = {"version": "", "provider": {}, "resource_schemas": {}, "data_source_schemas": {}}
    for name, texts in code.items():
        text = "\n".join(texts)
        found = _TYPE_OF_RESOURCE.search(text)
        if found is None:
            continue
        schema = {"version": 0, "block": _Resource(text, "\n".join(types.get(name, []))).block()}
        if name == "provider":
            schemas["provider"] = schema
        else:
            kind = "data_source_schemas" if name.startswith("data-") else "resource_schemas"
            schemas[kind][found[1]] = schema
            version = _VERSION.search(text)
            schemas["version"] = version[1] if version else schemas["version"]
    return schemas


class _Resource:
    """The generated code of one resource, data source or provider."""

    def __init__(self, code: str, types: str) -> None:
        self._writers: dict[str, str] = dict(_WRITER.findall(code))
        self._blocks = {name: set(_BLOCK.findall(body)) for name, body in _INTERFACE.findall(types)}
        synthesis = _SYNTHESIS.search(code)
        self._own_arguments = synthesis[1] if synthesis else ""
        starts = [*_CLASS.finditer(code)]
        ends = [*(start.start() for start in starts[1:]), len(code)]
        self._classes = {start[1]: code[start.start() : end] for start, end in zip(starts, ends, strict=True)}
        main = _TYPE_OF_RESOURCE.search(code)
        assert main is not None
        self._main = next(name for name, body in self._classes.items() if "static tfResourceType" in body)

    def block(self) -> Json:
        return self._block(f"{self._main}Config", self._classes[self._main], self._own_arguments)

    def _struct(self, name: str) -> Json:
        """The block of a nested structure; empty where nothing of it can be read (a structure without fields)."""
        writer = self._writers.get(name[:1].lower() + name[1:], "")
        return self._block(name, self._classes.get(f"{name}OutputReference", ""), writer)

    def _block(self, interface: str, members: str, arguments: str) -> Json:
        attributes: Json = {}
        blocks: Json = {}
        settable = {one[0]: one[1:] for one in _ARGUMENT.findall(arguments)}
        own_blocks = self._blocks.get(interface, set())
        for name, flags, maker, getter in _members(members):
            if name not in settable:
                attributes[name] = self._computed(maker, getter) | flags
                continue
            value, is_block, kind, storage = settable[name]
            if is_block == "true" and name in own_blocks:
                blocks[name] = self._nested_block(value, kind, flags)
            elif is_block == "true":
                attributes[name] = self._nested_attribute(value, kind) | flags
            else:
                attributes[name] = {"type": _type_of(kind, storage)} | flags
        return {
            **({"attributes": attributes} if attributes else {}),
            **({"block_types": blocks} if blocks else {}),
        }

    def _nested_block(self, value: str, kind: str, flags: Mapping[str, bool]) -> Json:
        mapped = "istMapperHcl(" in value
        block: Json = {"nesting_mode": "single" if kind == "struct" else kind}
        block["block"] = self._struct(_struct_of(value))
        if flags.get("required"):
            block["min_items"] = 1
        # One alone: a list that is not written one by one, or a structure that must be there.
        if not mapped and (kind != "struct" or flags.get("required")):
            block["max_items"] = 1
        return block

    def _nested_attribute(self, value: str, kind: str) -> Json:
        mode = {"struct": "single", "map": "map", "set": "set"}.get(kind, "list")
        inner = self._struct(_struct_of(value))
        return {"nested_type": {"attributes": _flattened(inner), "nesting_mode": mode}}

    def _computed(self, maker: str, getter: str) -> Json:
        if maker in _MAPS:
            return {"type": _MAPS[maker]}
        for suffix, mode in (("List", "list"), ("Map", "map"), ("OutputReference", "single")):
            struct = maker.removesuffix(suffix)
            if maker.endswith(suffix) and f"{struct}OutputReference" in self._classes:
                return {"nested_type": {"attributes": _flattened(self._struct(struct)), "nesting_mode": mode}}
        for name, type_ in _GETTERS:
            if name in getter:
                return {"type": ["set", *type_[1:]] if "Fn.tolist(" in getter and type_[0] == "list" else type_}
        return {"type": "dynamic"}


def _members(text: str) -> Iterator[tuple[str, Json, str, str]]:
    for name, computed, optional, required, maker, getter in _FLAGS.findall(text):
        flags = {"computed": computed, "optional": optional, "required": required}
        kept: Json = {flag: True for flag, given in flags.items() if given == "true"}
        if "required" in kept:
            kept.pop("computed", None)
        yield name, kept or {"computed": True}, maker, getter


def _struct_of(value: str) -> str:
    found = [name for name in _NESTED_WRITER.findall(value) if not name.startswith(("string", "number", "boolean"))]
    found = found or _NESTED_WRITER.findall(value)
    return found[0][:1].upper() + found[0][1:] if found else ""


def _type_of(kind: str, storage: str) -> Any:
    if kind == "simple":
        return _SIMPLE.get(storage, "dynamic")
    element = re.sub(r"(List|Map|Set)+$", "", storage)
    if element not in _SIMPLE or element == "any":
        return "dynamic"
    inner: Any = _SIMPLE[element]
    wrappers = re.findall(r"List|Map|Set", storage)
    for wrapper in wrappers[:-1]:
        inner = [wrapper.lower(), inner]
    return [kind, inner] if kind in {"list", "set", "map"} else inner


def _flattened(block: Json) -> Json:
    """A nested structure's fields, all as attributes: inside of an attribute there are no blocks."""
    fields: Json = dict(block.get("attributes", {}))
    for name, inner in block.get("block_types", {}).items():
        mode = inner["nesting_mode"]
        required = {"required": True} if inner.get("min_items") else {"optional": True}
        fields[name] = {"nested_type": {"attributes": _flattened(inner["block"]), "nesting_mode": mode}} | required
    return fields


def main() -> None:
    """Reads the packages of a folder and writes their schemas into a file."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.write_text(json.dumps(read_packages(source), separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main()
