"""Reading an exported factory: the folder of a factory that is kept in Git, or the ARM template of an export."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError

Json = Mapping[str, Any]

_KINDS = {
    "pipeline": "pipelines",
    "dataset": "datasets",
    "linkedService": "linkedServices",
    "trigger": "triggers",
    "integrationRuntime": "integrationRuntimes",
    "dataflow": "dataflows",
}
"""Of a factory in Git the folder, and of a template the last part of the resource's type."""
_RESOURCE = "microsoft.datafactory/factories"
_ARM_NAME = re.compile(r"'/?([^'/]+)'\s*\)\s*\]\s*$")


class ExportError(LakehouseError):
    """An export cannot be read, or is none."""


@dataclass(frozen=True)
class Factory:
    """What an export says: the `properties` of each part, by kind (as a template calls it) and by name.

    `others` are parts of a kind that is not read, such as `managedVirtualNetworks/default`.
    """

    parts: Mapping[str, Mapping[str, Json]]
    others: tuple[str, ...] = ()

    def of(self, kind: str) -> Mapping[str, Json]:
        """The parts of a kind, by name."""
        return self.parts.get(kind, {})


def read_export(place: Path) -> Factory:
    """The factory of a folder or of a template's file; a folder may hold either form.

    Raises:
        ExportError: it is neither, or a file in it is no JSON.
    """
    if place.is_file():
        return _of_template(place, _document(place))
    if not place.is_dir():
        raise ExportError(f"{place} is not there: give the folder of the factory's Git, or the file of an ARM template")
    if any((place / folder).is_dir() for folder in _KINDS):
        return _of_folder(place)
    templates = [file for name in ("ARMTemplateForFactory.json", "template.json") if (file := place / name).is_file()]
    if templates:
        return _of_template(templates[0], _document(templates[0]))
    raise ExportError(
        f"{place} is no export of a factory: it has neither a folder pipeline/ nor a file ARMTemplateForFactory.json"
    )


def _of_folder(place: Path) -> Factory:
    parts: dict[str, dict[str, Json]] = {kind: {} for kind in _KINDS.values()}
    for folder, kind in _KINDS.items():
        for file in sorted((place / folder).glob("*.json")):
            document = _document(file)
            parts[kind][str(document.get("name") or file.stem)] = _properties(file, document)
    known = {*_KINDS, "factory"}
    others = [
        f"{file.parent.name}/{file.stem}"
        for file in sorted(place.glob("*/*.json"))
        if file.parent.name not in known and not file.parent.name.startswith(".")
    ]
    return Factory(parts, tuple(others))


def _of_template(file: Path, document: Json) -> Factory:
    resources = document.get("resources")
    if not isinstance(resources, list):
        raise ExportError(f"{file}: resources: it must be a list, as in an ARM template of a factory")
    parts: dict[str, dict[str, Json]] = {kind: {} for kind in _KINDS.values()}
    others = []
    found = False
    for resource in _flat(resources):
        kind = str(resource.get("type", ""))
        if not kind.lower().startswith(_RESOURCE):
            others.append(f"{kind}/{_plain_name(resource)}")
            continue
        found = True
        word = kind[len(_RESOURCE) :].strip("/")
        known = {one.lower(): one for one in _KINDS.values()}
        if word.lower() in known:
            parts[known[word.lower()]][_plain_name(resource)] = _properties(file, resource)
        elif word:
            others.append(f"{word}/{_plain_name(resource)}")
    if not found:
        raise ExportError(f"{file}: resources: there is none of Microsoft.DataFactory/factories")
    return Factory(parts, tuple(others))


def _flat(resources: list[Any]) -> Iterator[Json]:
    for resource in resources:
        if isinstance(resource, dict):
            yield resource
            nested = resource.get("resources")
            yield from _flat(nested if isinstance(nested, list) else [])


def _plain_name(resource: Json) -> str:
    """The name without the factory's: a template says `[concat(parameters('factoryName'), '/daily')]`."""
    name = str(resource.get("name", ""))
    named = _ARM_NAME.search(name)
    return named[1] if named else name.rpartition("/")[2]


def _properties(file: Path, document: Json) -> Json:
    properties = document.get("properties")
    if not isinstance(properties, dict):
        raise ExportError(f"{file}: properties: it must be an object, as in every part of a factory")
    return properties


def _document(file: Path) -> Json:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ExportError(f"{file}: it cannot be read ({error.strerror})") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else f"byte {error.start}"
        raise ExportError(f"{file}: it is no JSON ({where}): export the factory again") from None
    if not isinstance(document, dict):
        raise ExportError(f"{file}: it must hold one JSON object")
    return document
