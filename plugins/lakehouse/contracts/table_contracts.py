"""The contracts of one source schema, as the Airflow side needs them: what to copy, how, and what must be conserved.

Cleaning and quality rules are the Spark side's business; here they are only checked, so that a wrong contract stops the
run before anything is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lakehouse.bronze.copy_spec import ChangeScope
from lakehouse.contracts.contract_change_scope import change_scope
from lakehouse.contracts.contract_columns import lake_columns, source_columns
from lakehouse.contracts.contract_files import FILE_ENDING, ContractFile, Problem, read_contract_file
from lakehouse.contracts.contract_quality import is_error
from lakehouse.contracts.contract_references import check_references
from lakehouse.contracts.contract_rules import check_contract
from lakehouse.contracts.lake_names import check_lake_names
from lakehouse.contracts.sql_expressions import columns_of
from lakehouse.contracts.waivers import WAIVERS_FILE, check_waivers
from lakehouse.errors import ContractError

_LATENCY_UNITS = {"d", "day", "days", "h", "m"}


@dataclass(frozen=True)
class ContractedColumn:
    """A column that a contract needs from the source; no physical type where the contract asks for none."""

    name: str
    physical_type: str | None


@dataclass(frozen=True)
class TableContract:
    """A contracted source table.

    Attributes:
        file: the contract's file, for messages.
        table: its name in MySQL.
        name: its name in the lake.
        kind: `dimension` or `fact`.
        change_detection: `fingerprint`, `watermark` or `full`.
        date_column: the source column that dates a row; None for a dimension.
        columns: every source column that the contract takes or computes with.
        measures: columns whose sums must be conserved.
        excluded: the table is not copied.
        change_scope: where runs look for changes; None: everywhere.
        drift_policy: what of the source's columns fails a copy.
        parallel_ranges: how many sessions read the table at once, if it is large.
        judged_against: the dimensions (as the lake names them) whose keys decide in silver which rows are refused.
    """

    file: str
    schema: str
    table: str
    name: str
    kind: str
    change_detection: str
    date_column: str | None
    columns: tuple[ContractedColumn, ...]
    measures: tuple[str, ...]
    excluded: bool
    change_scope: ChangeScope | None = None
    drift_policy: str = "contracted"
    parallel_ranges: int = 1
    judged_against: tuple[str, ...] = ()


@dataclass(frozen=True)
class OneBigTableContract:
    """The contract of a One Big Table: its name, the fact (as the lake names it) and its measures."""

    file: str
    schema: str
    name: str
    fact_table: str
    measures: tuple[str, ...]


@dataclass(frozen=True)
class ContractSet:
    """All contracts of one source schema: tables by their names in MySQL, One Big Tables by their names."""

    schema: str
    tables: Mapping[str, TableContract]
    one_big_tables: Mapping[str, OneBigTableContract]


def load_contracts(folder: Path) -> ContractSet:
    """Reads and checks every contract of the folder, whose name is the source schema's.

    Raises:
        ContractError: the folder or its contracts are missing, or contracts are wrong; the message lists every
            problem of every file, with its field, value and cure. A lake name that a folder beside it uses too is one.
    """
    files, problems = _read(folder)
    for file in files:
        problems += check_contract(file)
        problems += _check_latency(file)
    unread = {problem.file.removesuffix(FILE_ENDING) for problem in problems} - {file.name for file in files}
    problems += check_references(files, unread)
    problems += check_lake_names(folder, files)
    # Of a contract that cannot be read nobody knows what it lets be waived.
    problems = problems or check_waivers(folder, files)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = sorted(str(problem) for problem in problems)
        raise ContractError(f"{count} in the contracts of {folder}:\n" + "\n".join(lines))
    tables = [_table(folder.name, file) for file in files if file.settings["tableKind"] != "one_big_table"]
    wide = [_one_big_table(folder.name, file) for file in files if file.settings["tableKind"] == "one_big_table"]
    return ContractSet(
        schema=folder.name,
        tables=MappingProxyType({contract.table: contract for contract in tables}),
        one_big_tables=MappingProxyType({contract.name: contract for contract in wide}),
    )


def _read(folder: Path) -> tuple[list[ContractFile], list[Problem]]:
    if not folder.is_dir():
        raise ContractError(
            f"the contracts' folder {folder} does not exist: create it, or correct the setting contracts_root"
        )
    files: list[ContractFile] = []
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()):
        if path.name.endswith(FILE_ENDING):
            found = read_contract_file(path)
            if isinstance(found, ContractFile):
                files.append(found)
            else:
                problems += found
        elif path.suffix in {".yaml", ".yml"} and path.name != WAIVERS_FILE:
            problems.append(
                Problem(path.name, "file", path.name, f"would not be read: rename it to <table>{FILE_ENDING}")
            )
    if not files and not problems:
        raise ContractError(f"there is no contract in {folder}: write one file <table>{FILE_ENDING} per table")
    return files, problems


def _check_latency(file: ContractFile) -> Iterator[Problem]:
    for entry in file.contract.slaProperties or ():
        number = isinstance(entry.value, int | float) and not isinstance(entry.value, bool)
        if entry.property == "latency" and (not number or entry.unit not in _LATENCY_UNITS):
            value = f"{entry.value} {entry.unit}"
            yield Problem(file.file, "slaProperties[latency]", value, "must be a number with unit d, h or m")


def _table(schema: str, file: ContractFile) -> TableContract:
    settings = file.settings
    return TableContract(
        file=file.file,
        schema=schema,
        table=file.source_name,
        name=file.name,
        kind=str(settings["tableKind"]),
        change_detection=str(settings.get("changeDetection", "fingerprint")),
        date_column=settings.get("dateColumn"),
        columns=_source_columns(file),
        measures=_tuple(settings.get("measures")),
        excluded=bool(settings.get("excluded", False)),
        change_scope=change_scope(file),
        drift_policy=str(settings.get("sourceDrift", "contracted")),
        parallel_ranges=int(settings.get("parallelRanges", 1)),
        judged_against=_judged_against(file),
    )


def _judged_against(file: ContractFile) -> tuple[str, ...]:
    columns = lake_columns(file).values()
    targets = [str(one.to) for column in columns for one in column.relationships or () if is_error(one)]
    return tuple(sorted({target.partition(".")[0] for target in targets}))


def _source_columns(file: ContractFile) -> tuple[ContractedColumn, ...]:
    columns = {name: ContractedColumn(name, column.physicalType) for name, column in source_columns(file).items()}
    known = {name.casefold() for name in columns}
    for column in file.table.properties or ():
        # An expression may compute with a column that the contract does not list; the source must still have it.
        for reference in columns_of(column.transformLogic) if column.transformLogic else ():
            if reference.column.casefold() not in known:
                known.add(reference.column.casefold())
                columns[reference.column] = ContractedColumn(reference.column, None)
    return tuple(columns.values())


def _one_big_table(schema: str, file: ContractFile) -> OneBigTableContract:
    settings = file.settings
    return OneBigTableContract(
        file=file.file,
        schema=schema,
        name=file.name,
        fact_table=str(settings["factTable"]),
        measures=_tuple(settings.get("measures")),
    )


def _tuple(value: Any) -> tuple[str, ...]:
    return tuple(str(entry) for entry in value or ())
