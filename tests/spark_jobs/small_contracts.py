"""Writes contracts of a few columns, for tables that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Property = Mapping[str, Any]


def column(name: str, physical: str, logical: str, **more: Any) -> Property:
    """A property of a contract."""
    return {"name": name, "physicalType": physical, "logicalType": logical, **more}


def key(name: str, physical: str, logical: str, **more: Any) -> Property:
    """A property of a contract's primary key."""
    return column(name, physical, logical, primaryKey=True, required=True, **more)


def write_contract(folder: Path, table: str, properties: Sequence[Property], **settings: Any) -> Path:
    """Writes (or replaces) the contract of a table; ``settings`` are its custom properties. Gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": table, "name": table, "version": "1.0.0",
        "status": "active",
        "schema": [
            {
                "name": table, "physicalName": table, "physicalType": "table", "logicalType": "object",
                "customProperties": [{"property": name, "value": value} for name, value in settings.items()],
                "properties": [dict(one) for one in properties],
            }
        ],
    }  # fmt: skip
    (folder / f"{table}.odcs.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return folder


def fact(folder: Path, table: str, properties: Sequence[Property], **settings: Any) -> Path:
    """Writes the contract of a fact that is dated by its column ``d``."""
    return write_contract(folder, table, properties, **({"tableKind": "fact", "dateColumn": "d"} | settings))


def dimension(folder: Path, table: str, properties: Sequence[Property], scd_type: int = 1, **settings: Any) -> Path:
    """Writes the contract of a dimension."""
    kind = {"tableKind": "dimension", "scdType": scd_type}
    return write_contract(folder, table, properties, **(kind | settings))
