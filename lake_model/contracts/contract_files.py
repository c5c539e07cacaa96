"""Reads contract files as they are: YAML, and the Open Data Contract Standard by its own JSON Schema and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_lines import contract_lines, line_of
from lake_model.contracts.yaml_text import NAMES, misread_numbers, read_yaml

if TYPE_CHECKING:
    from open_data_contract_standard.model import (
        CustomProperty,
        OpenDataContractStandard,
        SchemaObject,
    )

FILE_ENDING = ".odcs.yaml"
LONGEST_SHOWN_VALUE = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a contract: where, what stands there, and what to do about it."""

    file: str
    field: str
    value: object
    cure: str
    line: int | None = None

    def __str__(self) -> str:
        shown = repr(self.value)
        if len(shown) > LONGEST_SHOWN_VALUE:
            shown = shown[:LONGEST_SHOWN_VALUE] + "…"
        place = self.file if self.line is None else f"{self.file}: line {self.line}"
        return f"{place}: {self.field}: {shown}: {self.cure}"

    def at(self, lines: Mapping[str, int]) -> Problem:
        """The problem with the line of its field."""
        return self if self.line else replace(self, line=line_of(lines, self.field))


@dataclass(frozen=True)
class ContractFile:
    """A contract that is valid ODCS and describes exactly one table; our own rules have not been applied yet.

    Attributes:
        schema: the source schema, which the folder is named after.
        lines: where fields stand, as `contract_lines` names them.
    """

    file: str
    schema: str
    contract: OpenDataContractStandard
    table: SchemaObject
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table's name in the lake."""
        return self.table.name or ""

    @property
    def source_name(self) -> str:
        """The table's name in MySQL."""
        return self.table.physicalName or self.name

    @property
    def settings(self) -> dict[str, Any]:
        """The table's custom properties."""
        return custom_properties(self.table.customProperties)


def custom_properties(properties: Iterable[CustomProperty] | None) -> dict[str, Any]:
    """Custom properties by name."""
    return {str(entry.property): entry.value for entry in properties or ()}


def join_columns(join: object) -> dict[str, str] | None:
    """Fact column by dimension column of one join `{table, on}`, or None where it has another form.

    YAML reads a bare `on` as true, which a join never means.
    """
    if not isinstance(join, dict) or len(join) != 2 or "table" not in join:
        return None
    columns = join.get("on", join.get(True))
    if not isinstance(columns, dict):
        return None
    return {str(fact_column): str(dimension_column) for fact_column, dimension_column in columns.items()}


def read_contract_file(path: Path, *, strict: bool = True) -> ContractFile | list[Problem]:
    """The contract of one file, or everything that keeps it from being read as ODCS with one table.

    Args:
        path: the file; its folder is named after the source schema.
        strict: check it by the standard's JSON Schema, which takes long, too; else by the models alone, for a contract
            of which another only needs to know the columns.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [
            Problem(path.name, "file", str(path), f"cannot be read ({error.strerror}): check that its rights allow it")
        ]
    except UnicodeDecodeError as error:
        return [Problem(path.name, "file", str(path), f"is not UTF-8 text (byte {error.start}): save it as UTF-8")]
    found = _parsed(path.name, path.parent.resolve().name, text, strict)
    return found if isinstance(found, ContractFile) else list(found)


# A job reads some contracts more than once, and most of the time goes into their check.
@lru_cache(maxsize=64)
def _parsed(file: str, schema: str, text: str, strict: bool) -> ContractFile | tuple[Problem, ...]:
    import yaml

    try:
        document, node = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        return (Problem(file, "file", reason, "is no YAML: correct the syntax there", mark.line + 1 if mark else None),)
    except ValueError as error:
        return (Problem(file, "file", str(error), "cannot be read: correct it"),)
    if not isinstance(document, dict):
        return (Problem(file, "file", document, "is no contract: it must be a mapping with kind: DataContract"),)
    lines = contract_lines(node)
    if problems := misread_problems(file, node):
        return tuple(problems)
    if strict and (problems := _schema_problems(file, document)):
        return tuple(one.at(lines) for one in problems)
    contract = _modelled(file, document)
    if isinstance(contract, list):
        return tuple(one.at(lines) for one in contract)
    tables = contract.schema_ or []
    if len(tables) != 1:
        names = [table.name for table in tables]
        cure = "must hold exactly one table: write one file per table"
        return (Problem(file, "schema", names, cure).at(lines),)
    return ContractFile(file, schema, contract, tables[0], lines)


def misread_problems(file: str, node: Any) -> list[Problem]:
    """Numbers of a YAML document that mean another number than they look like, such as 010 and 12:30."""
    return [
        Problem(file, field, text, f"YAML reads this as {number}: quote it, or write the number out", line)
        for field, text, number, line in misread_numbers(node)
    ]


def _modelled(file: str, document: dict[str, Any]) -> OpenDataContractStandard | list[Problem]:
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    try:
        return OpenDataContractStandard.model_validate(document)
    except ValidationError as error:
        return [Problem(file, _field(document, one["loc"]), one["input"], one["msg"]) for one in error.errors()]


def _schema_problems(file: str, document: Mapping[str, Any]) -> list[Problem]:
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    problems = []
    for error in sorted(_odcs_validator().iter_errors(document), key=lambda found: [str(p) for p in found.path]):
        # Where a value may take several shapes, the outer error only says "none of them"; the inner one says why.
        closest = best_match([error]) or error
        value = closest.instance if not isinstance(closest.instance, dict) else sorted(closest.instance)
        problems.append(
            Problem(
                file,
                _field(document, closest.absolute_path),
                value,
                f"is not valid ODCS: {_cure(closest.message, closest.instance)}",
            )
        )
    return problems


@cache
def _odcs_validator() -> Any:
    import json

    from jsonschema.validators import validator_for  # type: ignore[import-untyped]
    from open_data_contract_standard.model import OpenDataContractStandard

    schema = json.loads(OpenDataContractStandard.json_schema())  # type: ignore[no-untyped-call]
    return validator_for(schema)(schema)


def _cure(message: str, instance: object) -> str:
    # The schema says "if logicalType is map, then ...", which JSON Schema takes as met where there is no logicalType.
    if message == "'map' is a required property" and isinstance(instance, dict) and "logicalType" not in instance:
        return "'logicalType' is a required property"
    return message if len(message) <= 200 else message[:100] + " … " + message[-100:]


def _field(document: Any, path: Iterable[str | int]) -> str:
    """A path as people say it: list entries by their name where they have one."""
    text, here = "", document
    for step in path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None  # A path may end in a field that is not there.
        if isinstance(step, int):
            entry = here if isinstance(here, dict) else {}
            text += f"[{next((entry[key] for key in NAMES if key in entry), step)}]"
        else:
            text += f".{step}" if text else step
    return text or "file"
