"""Spoils shipped contracts one thing at a time, and hears what is said of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake_model.contracts.table_contracts import load_contracts
from lake_model.errors import ContractError

Document = dict[str, Any]
Change = Callable[[Document], object]


def problems(folder: Path) -> list[str]:
    """The lines of what loading the folder complains of."""
    with pytest.raises(ContractError) as caught:
        load_contracts(folder)
    return listed(caught.value, folder)


def listed(error: ContractError, folder: Path) -> list[str]:
    """The problems of an error, whose first line counts them."""
    heading, *lines = str(error).splitlines()
    count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
    assert heading == f"{count} in the contracts of {folder}:"
    return lines


def without_line(problem: str) -> str:
    """A problem without the number of its line, which has tests of its own."""
    return re.sub(r"^(\S+: )line \d+: ", r"\1", problem)


def table(document: Document) -> Document:
    """The contract's one table."""
    found: Document = document["schema"][0]
    return found


def column(document: Document, name: str) -> Document:
    """One of its columns."""
    return next(entry for entry in table(document)["properties"] if entry["name"] == name)


def setting(document: Document, name: str, value: object) -> None:
    """Sets a custom property of the table, or takes it out with None."""
    kept = [entry for entry in table(document)["customProperties"] if entry["property"] != name]
    table(document)["customProperties"] = kept + ([] if value is None else [{"property": name, "value": value}])


def custom(**values: object) -> list[Document]:
    """Custom properties as a contract lists them."""
    return [{"property": name, "value": value} for name, value in values.items()]


def of(name: str, /, **fields: object) -> Change:
    """Sets fields of a column."""
    return lambda document: column(document, name).update(fields)


def rule(column_name: str | None = None, **fields: object) -> Change:
    """Gives the table or a column one rule alone."""

    def change(document: Document) -> None:
        owner = column(document, column_name) if column_name else table(document)
        owner["quality"] = [{"name": "rule", **fields}]

    return change


def of_metric(column_name: str, metric: str, **arguments: object) -> Change:
    """Gives a column one rule that each row of a metric breaks."""
    return rule(column_name, metric=metric, arguments=arguments, mustBe=0)
