"""Keeps the lake names of all source schemas apart: silver and gold name a table by its lake name alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lake_model.contracts.contract_columns import problem
from lake_model.contracts.contract_files import FILE_ENDING, ContractFile, Problem


def contracts_of_others(folder: Path, name: str) -> list[Path]:
    """The contracts of this lake name in other folders beside a schema's, which need not be there yet."""
    here = folder.resolve()
    found = sorted(here.parent.glob(f"*/{name}{FILE_ENDING}"))
    return [path for path in found if path.parent.resolve() != here and not path.parent.name.startswith(".")]


def prefixed(schema: str, name: str) -> str:
    """The lake name to take for a table where another schema has its own."""
    return f"{re.sub(r'[^a-z0-9]+', '_', schema.lower())}_{name}"


def check_lake_names(folder: Path, files: Sequence[ContractFile]) -> Iterator[Problem]:
    """The names that a contract of another schema below the same root uses too."""
    for file in files:
        for other in contracts_of_others(folder, file.name):
            new = prefixed(folder.name, file.name)
            cure = (
                f"{other.parent.name}/{other.name} uses this lake name too, and the two would overwrite each other: "
                f"name one of them otherwise, such as name: {new} with physicalName: {file.source_name}, in a file "
                f"{new}{FILE_ENDING}"
            )
            yield problem(file, "name", file.name, cure)
