"""The contracts of one source schema: all of them for a day's run, or one table's for the job that makes it.

What is wrong with any of them stops a day's run before anything is copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lake_model.contracts.contract_change_scope import change_scope
from lake_model.contracts.contract_columns import date_column, lake_columns, problem, source_columns
from lake_model.contracts.contract_files import FILE_ENDING, ContractFile, Problem, read_contract_file
from lake_model.contracts.contract_references import check_references
from lake_model.contracts.contract_rules import KINDS, LAKE_NAME, check_contract
from lake_model.contracts.copy_spec import ContractedColumn, CopySpec, chosen_copy
from lake_model.contracts.lake_names import check_lake_names
from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract
from lake_model.contracts.silver_contracts import one_big_table_contract, silver_contract
from lake_model.contracts.sql_expressions import columns_of
from lake_model.contracts.table_rules import is_error
from lake_model.contracts.waivers import WAIVERS_FILE, check_waivers
from lake_model.errors import ContractError

_LATENCY_UNITS = {"d", "day", "days", "h", "m"}


@dataclass(frozen=True, kw_only=True)
class TableContract(CopySpec):
    """A contracted source table, and how it is copied.

    Attributes:
        name: its name in the lake.
        kind: `dimension` or `fact`.
        excluded: the table is not copied.
        judged_against: the dimensions (as the lake names them) whose keys decide in silver which rows are refused.
    """

    name: str
    kind: str
    excluded: bool = False
    judged_against: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The contract's file, for messages."""
        return self.contract_label


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
    problems += _problems(folder, files, files, {problem.file for problem in problems})
    # What a contract that cannot be read lets be waived is not known.
    _refuse(folder, problems or check_waivers(folder, files))
    tables = [_table(folder.name, file) for file in files if file.settings["tableKind"] != "one_big_table"]
    wide = [one_big_table_contract(file) for file in files if file.settings["tableKind"] == "one_big_table"]
    return ContractSet(
        schema=folder.name,
        tables=MappingProxyType({contract.table: contract for contract in tables}),
        one_big_tables=MappingProxyType({contract.name: contract for contract in wide}),
    )


def read_silver_contract(folder: Path, table: str) -> SilverContract:
    """The contract of a dimension or fact, alone: what is wrong with others does not matter.

    Raises:
        ContractError: there is none, or it or its waivers are wrong; the message lists every problem.
    """
    file, _ = _read_one(folder, table, ("dimension", "fact"))
    return silver_contract(folder, file)


def read_one_big_table_contract(folder: Path, table: str) -> OneBigTableContract:
    """The contract of a One Big Table.

    Raises:
        ContractError: there is none, or it or a contract that it joins is wrong; the message lists every problem.
    """
    file, others = _read_one(folder, table, ("one_big_table",))
    contract = one_big_table_contract(file)
    joined = [other for other in others if other.name in {contract.fact, *(join.dimension for join in contract.joins)}]
    _refuse(folder, [one for other in joined for one in _own_problems(folder, other)])
    return contract


def silver_tables(folder: Path) -> list[str]:
    """Names of the dimensions and facts that have a contract; also where it is faulty, which its own run reports.

    Facts come last: one may refuse rows whose key no dimension knows.
    """
    facts: list[str] = []
    others: list[str] = []
    for path in sorted(folder.glob(f"*{FILE_ENDING}")):
        found = read_contract_file(path, strict=False)
        settings = found.settings if isinstance(found, ContractFile) else {}
        if settings.get("tableKind") != "one_big_table" and settings.get("excluded") is not True:
            (facts if settings.get("tableKind") == "fact" else others).append(path.name.removesuffix(FILE_ENDING))
    return others + facts


def gold_tables(folder: Path) -> list[str]:
    """Names of the tables of gold that a contract declares; also where it is faulty, which its own run reports."""
    return [name for name, file in _readable(folder) if file.settings.get("tableKind") == "one_big_table"]


def clustering_columns(folder: Path) -> dict[str, str]:
    """By table the column that its rows are to be clustered by, of contracts that ask for it."""
    columns = {}
    for name, file in _readable(folder):
        day = date_column(file)
        column = file.settings.get("partitionColumn") or (day.name if day else None)
        if file.settings.get("layout") == "cluster" and isinstance(column, str):
            columns[name] = column
    return columns


def _readable(folder: Path) -> Iterator[tuple[str, ContractFile]]:
    for path in sorted(folder.glob(f"*{FILE_ENDING}")):
        if isinstance(found := read_contract_file(path, strict=False), ContractFile):
            yield path.name.removesuffix(FILE_ENDING), found


def _read_one(folder: Path, table: str, kinds: tuple[str, ...]) -> tuple[ContractFile, list[ContractFile]]:
    """The contract of one table, which has no problems, and those that it refers to, which may have some."""
    path = folder / f"{table}{FILE_ENDING}"
    if not path.is_file():
        known = sorted(found.name.removesuffix(FILE_ENDING) for found in folder.glob(f"*{FILE_ENDING}"))
        raise ContractError(
            f"{path}: there is no contract for table '{table}'; {folder} has {', '.join(known) or 'none'}"
        )
    file = read_contract_file(path)
    if not isinstance(file, ContractFile):
        _refuse(folder, file)
        raise AssertionError
    kind = file.settings.get("tableKind")
    if kind in KINDS and kind not in kinds:
        cure = f"must be {' or '.join(kinds)} to be made so"
        _refuse(folder, [problem(file, "customProperties.tableKind", kind, cure).at(file.lines)])
    others: list[ContractFile] = []
    unread = set()
    for name in sorted(_referred_to(file) - {table}):
        other = folder / f"{name}{FILE_ENDING}"
        found = read_contract_file(other, strict="one_big_table" in kinds) if other.is_file() else None
        if isinstance(found, ContractFile):
            others.append(found)
        elif found:
            unread.add(other.name)
    problems = _problems(folder, [file], [file, *others], unread)
    problems = problems or (check_waivers(folder, [file], table) if "one_big_table" not in kinds else [])
    _refuse(folder, problems)
    return file, others


def _referred_to(file: ContractFile) -> set[str]:
    """Names of the tables that a contract speaks of, as far as they can be names of files."""
    columns = file.table.properties or ()
    names = {str(one.to).partition(".")[0] for column in columns for one in column.relationships or ()}
    joins = file.settings.get("joins")
    names |= {str(join.get("table")) for join in (joins if isinstance(joins, list) else ()) if isinstance(join, dict)}
    return {name for name in names | {str(file.settings.get("factTable"))} if LAKE_NAME.fullmatch(name)}


def _problems(
    folder: Path, files: Sequence[ContractFile], known: Sequence[ContractFile], unread: Collection[str]
) -> list[Problem]:
    """What is wrong with some contracts, alone and beside those that are known, of which some could not be read."""
    # A misnamed file is reported as such, and not its absence under the other name as well.
    misnamed = {file.file for file in known if file.file != f"{file.name}{FILE_ENDING}"}
    names = {file.removesuffix(FILE_ENDING) for file in {*unread, *misnamed}}
    of = {file.file: file for file in files}
    between = [one for one in check_references(known, names) if one.file in of]
    found = [one for file in files for one in _own_problems(folder, file)] + between
    return [one.at(of[one.file].lines) for one in found]


def _own_problems(folder: Path, file: ContractFile) -> list[Problem]:
    return [*check_contract(file), *_check_latency(file), *check_lake_names(folder, [file])]


def _refuse(folder: Path, problems: Collection[Problem]) -> None:
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [str(one) for one in sorted(problems, key=lambda one: (one.file, one.line or 0, str(one)))]
        raise ContractError(f"{count} in the contracts of {folder}:\n" + "\n".join(lines))


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
        schema=schema,
        table=file.source_name,
        name=file.name,
        kind=str(settings["tableKind"]),
        date_column=settings.get("dateColumn"),
        contracted_columns=_source_columns(file),
        contract_file=file.file,
        change_scope=change_scope(file),
        measures=_tuple(settings.get("measures")),
        excluded=bool(settings.get("excluded", False)),
        judged_against=_judged_against(file),
        **chosen_copy(settings),
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


def _tuple(value: Any) -> tuple[str, ...]:
    return tuple(str(entry) for entry in value or ())
