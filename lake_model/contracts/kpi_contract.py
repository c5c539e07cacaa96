"""What people ask of a One Big Table, as its contract declares it: measures, hierarchies to filter by, and the date.

Page, command line and views read this one declaration, so that they cannot disagree. It changes no row of the table.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake_model.contracts.contract_columns import lake_columns, problem
from lake_model.contracts.contract_files import (
    FILE_ENDING,
    ContractFile,
    Problem,
    custom_properties,
    join_columns,
    read_contract_file,
)
from lake_model.contracts.table_access import Access, RoleRule, check_roles, role_rules, row_rule_columns
from lake_model.errors import ContractError

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

FORMATS = ("number", "money", "percent")
KPI_PROPERTIES = {"kpis", "hierarchies"}
NOTHING = "(none)"
"""What a level shows where the table has no value."""
VIEW_COLUMNS = ("period", "period_start", "grouped_by")
"""Columns that the views of the measures have beside levels and measures."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_AGGREGATE = r"(sum|min|max|count)\s*\(\s*(distinct\s+)?([A-Za-z][A-Za-z0-9_]*|\*)\s*\)"
_EXPRESSION = re.compile(rf"\s*{_AGGREGATE}\s*(?:/\s*{_AGGREGATE}\s*)?", re.IGNORECASE)
_MEASURE_FIELDS = {"name", "title", "expression", "format", "unit"}
_HIERARCHY_FIELDS = {"name", "title", "levels"}


@dataclass(frozen=True)
class Aggregate:
    """A figure over rows: `function` is sum, min, max, count or count_distinct; count has no column."""

    function: str
    column: str = ""


@dataclass(frozen=True)
class Measure:
    """A figure that people follow: an aggregate, or one aggregate per another.

    Attributes:
        name: in addresses and downloads.
        title: for people.
        format: one of `FORMATS`.
        unit: such as a currency's code, or what is counted; empty where there is none.
        classifications: who may see the columns that it is made of, in the contract's words.
    """

    name: str
    title: str
    value: Aggregate
    per: Aggregate | None = None
    format: str = "number"
    unit: str = ""
    classifications: tuple[str, ...] = ()

    @property
    def is_additive(self) -> bool:
        """Whether the values of parts add up to the value of the whole, so that each part has a share of it."""
        return self.per is None and self.value.function in {"sum", "count"}


@dataclass(frozen=True)
class Level:
    """A column to filter and group by.

    Attributes:
        classification: who may see the values, in the contract's words; empty where it says nothing.
        unknown_member: the value of rows whose dimension has no such key; None where there is none.
    """

    column: str
    title: str
    classification: str = ""
    unknown_member: str | None = None


@dataclass(frozen=True)
class Hierarchy:
    """Levels from the widest to the narrowest."""

    name: str
    title: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class ColumnType:
    """A column of a One Big Table: its logical type, its Spark type where given, and its classification."""

    name: str
    logical: str
    spark: str = ""
    classification: str = ""


@dataclass(frozen=True)
class KpiContract:
    """What people ask of one One Big Table.

    Attributes:
        fact: the table whose rows it has.
        roles: who sees what of it.
        fact_columns: the fact's columns with their classifications.
        column_types: the table's columns.
        key_columns: those that show keys of dimensions by which a run replaces rows, where the layout has it do so.
    """

    schema: str
    table: str
    title: str
    date_column: str
    measures: tuple[Measure, ...]
    hierarchies: tuple[Hierarchy, ...]
    fact: str = ""
    roles: tuple[RoleRule, ...] = ()
    fact_columns: tuple[tuple[str, str], ...] = ()
    column_types: tuple[ColumnType, ...] = ()
    key_columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table among those of all schemas."""
        return f"{self.schema}.{self.table}"

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels, in the contract's order."""
        return tuple(level for hierarchy in self.hierarchies for level in hierarchy.levels)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """All that the measures need, each once."""
        found = [one for measure in self.measures for one in (measure.value, measure.per) if one]
        return tuple(dict.fromkeys(found))

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns that say whose rows are whose, in alphabetic order."""
        return tuple(sorted({column for role in self.roles for column, _ in role.rows}))

    @property
    def digest(self) -> str:
        """Changes with what a copy of the table for people must hold; who sees what of it changes no copy."""
        content = repr((dataclasses.replace(self, roles=(), fact_columns=(), column_types=()), self.row_columns))
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def seen_by(self, access: Access) -> KpiContract:
        """The declaration without what a reader does not see: then no question of theirs can reach it."""
        hierarchies = [
            Hierarchy(one.name, one.title, tuple(level for level in one.levels if access.sees(level.classification)))
            for one in self.hierarchies
        ]
        return dataclasses.replace(
            self,
            hierarchies=tuple(one for one in hierarchies if one.levels),
            measures=tuple(one for one in self.measures if all(map(access.sees, one.classifications))),
        )


def parse_expression(text: str) -> tuple[Aggregate, Aggregate | None] | None:
    """A measure's expression such as `sum(a)` or `sum(a) / count(*)`; None where it has another form."""
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        return None
    value = _aggregate(*found.group(1, 2, 3))
    per = _aggregate(*found.group(4, 5, 6)) if found[4] else None
    return None if value is None or (found[4] and per is None) else (value, per)


def _aggregate(function: str, distinct: str | None, column: str) -> Aggregate | None:
    function = function.lower()
    if (column == "*") != (function == "count" and not distinct) or (distinct and function != "count"):
        return None
    return Aggregate("count_distinct" if distinct else function, "" if column == "*" else column)


def check_kpis(file: ContractFile) -> Iterator[Problem]:
    """What is wrong with the measures and hierarchies of a One Big Table's contract."""
    if KPI_PROPERTIES.isdisjoint(file.settings):
        return
    kpis, hierarchies = (_entries(file, name) for name in ("kpis", "hierarchies"))
    for field, entries in (("kpis", kpis), ("hierarchies", hierarchies)):
        if entries is None:
            cure = "must be a list of at least one entry with a name and a title"
            yield problem(file, f"customProperties.{field}", file.settings.get(field), cure)
    levels = [str(name) for entry in hierarchies or () for name in _list(entry.get("levels"))]
    row_columns = row_rule_columns(file)
    for entry in kpis or ():
        yield from _check_entry(file, "kpis", entry, _MEASURE_FIELDS)
        yield from _check_measure(file, entry, {*levels, *row_columns})
    for entry in hierarchies or ():
        yield from _check_entry(file, "hierarchies", entry, _HIERARCHY_FIELDS)
        yield from _check_levels(file, entry)
    for field, names in (
        ("kpis", [str(entry.get("name")) for entry in kpis or ()]),
        ("hierarchies", [str(entry.get("name")) for entry in hierarchies or ()]),
        ("hierarchies.levels", levels),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield problem(file, f"customProperties.{field}", name, "is there more than once: keep one of them")
    measured = {str(entry.get("name")) for entry in kpis or ()}
    cure = "is also a measure or a column of the views of the measures: give one of them another name"
    for name in sorted(set(levels) & {*VIEW_COLUMNS, *measured}):
        yield problem(file, "customProperties.hierarchies.levels", name, cure)
    for name in sorted(measured & set(VIEW_COLUMNS)):
        yield problem(file, "customProperties.kpis", name, cure)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(file: ContractFile, name: str) -> list[dict[str, Any]] | None:
    value = file.settings.get(name)
    good = isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value)
    return value if good else None


def _check_entry(file: ContractFile, field: str, entry: dict[str, Any], known: set[str]) -> Iterator[Problem]:
    at = f"customProperties.{field}[{entry.get('name')}]"
    for name in sorted(set(map(str, entry)) - known):
        yield problem(file, f"{at}.{name}", entry.get(name), f"is not known; known are {', '.join(sorted(known))}")
    if not _NAME.fullmatch(str(entry.get("name"))):
        yield problem(file, f"{at}.name", entry.get("name"), "must be lower case letters, digits and _")
    for name in ("title", "unit"):
        if not isinstance(entry.get(name, "" if name == "unit" else None), str):
            yield problem(file, f"{at}.{name}", entry.get(name), "must be a text")


def _check_measure(file: ContractFile, entry: dict[str, Any], texts: Collection[str]) -> Iterator[Problem]:
    at, columns = f"customProperties.kpis[{entry.get('name')}]", lake_columns(file)
    if entry.get("format", "number") not in FORMATS:
        yield problem(file, f"{at}.format", entry["format"], f"must be one of {', '.join(FORMATS)}")
    expression = entry.get("expression")
    parsed = parse_expression(expression) if isinstance(expression, str) else None
    if parsed is None:
        cure = "must be sum(column), min(column), max(column), count(*) or count(distinct column), or one / another"
        yield problem(file, f"{at}.expression", expression, cure)
        return
    for one in parsed:
        if one is None or not one.column:
            continue
        column = columns.get(one.column)
        if column is None:
            cure = f"{one.column} is no column of this contract; it has {', '.join(columns)}"
            yield problem(file, f"{at}.expression", expression, cure)
        elif one.function != "count_distinct" and column.logicalType not in {"integer", "number"}:
            cure = f"{one.column} is {column.logicalType}: only a number or an integer has a {one.function}"
            yield problem(file, f"{at}.expression", expression, cure)
        elif one.function != "count_distinct" and one.column in texts:
            cure = (
                f"{one.column} is a level of a hierarchy or says whose a row is, and so a text: measure another column"
            )
            yield problem(file, f"{at}.expression", expression, cure)


def _check_levels(file: ContractFile, entry: dict[str, Any]) -> Iterator[Problem]:
    at, columns = f"customProperties.hierarchies[{entry.get('name')}].levels", lake_columns(file)
    names = _list(entry.get("levels"))
    if not names:
        yield problem(file, at, entry.get("levels"), "must be a list of columns, the widest first")
    for name in names:
        column = columns.get(str(name))
        if column is None:
            yield problem(file, at, name, f"is no column of this contract; it has {', '.join(columns)}")
        elif column.logicalType not in {"string", "integer", "boolean"}:
            yield problem(file, at, name, f"is {column.logicalType}: a level is a string, an integer or a boolean")


def declares_kpis(file: ContractFile) -> bool:
    """Whether a contract is one of a One Big Table that people can look at."""
    return file.settings.get("tableKind") == "one_big_table" and not KPI_PROPERTIES.isdisjoint(file.settings)


def kpi_contract(file: ContractFile) -> KpiContract:
    """The declaration of a contract file that has no problems."""
    settings, columns = file.settings, lake_columns(file)
    return KpiContract(
        schema=file.schema,
        table=file.name,
        title=file.table.businessName or file.name,
        date_column=str(settings.get("partitionColumn") or ""),
        measures=tuple(_measure(entry, columns) for entry in settings["kpis"]),
        hierarchies=tuple(
            Hierarchy(entry["name"], entry["title"], tuple(_level(columns[name]) for name in entry["levels"]))
            for entry in settings["hierarchies"]
        ),
        fact=str(settings.get("factTable") or ""),
        roles=role_rules(file),
        column_types=tuple(_column_type(name, column) for name, column in columns.items()),
    )


def read_kpi_contracts(root: Path) -> tuple[KpiContract, ...]:
    """The declarations of all One Big Tables below the contracts' folder, by schema and table.

    Raises:
        ContractError: one of them is wrong; the message lists every problem.
    """
    found: list[KpiContract] = []
    problems: list[Problem] = []
    for path in sorted(root.glob(f"*/*{FILE_ENDING}")):
        file = read_contract_file(path, strict=False)
        if not isinstance(file, ContractFile) or not declares_kpis(file):
            continue  # The day's run reports a file that cannot be read.
        wrong = [one.at(file.lines) for one in (*check_kpis(file), *check_roles(file))]
        problems += wrong
        if not wrong:
            fact_columns = _fact_columns(path, file)
            keys = _key_columns(file, dict(fact_columns))
            found.append(dataclasses.replace(kpi_contract(file), fact_columns=fact_columns, key_columns=keys))
    if problems:
        raise ContractError(f"problems in the contracts of {root}:\n" + "\n".join(map(str, problems)))
    return tuple(found)


def _fact_columns(path: Path, file: ContractFile) -> tuple[tuple[str, str], ...]:
    fact = read_contract_file(path.with_name(f"{file.settings.get('factTable')}{FILE_ENDING}"), strict=False)
    if not isinstance(fact, ContractFile):
        return ()
    return tuple((name, column.classification or "") for name, column in lake_columns(fact).items())


def _key_columns(file: ContractFile, fact_columns: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that are just a column of the fact by which a dimension is joined, and confidential nowhere."""
    if file.settings.get("layout") != "cluster":
        return ()
    joins = file.settings.get("joins")
    joined = {left for join in (joins if isinstance(joins, list) else []) for left in join_columns(join) or {}}
    wanted = {f"{file.settings.get('factTable')}.{left}": left for left in joined}
    found = [
        name for name, column in lake_columns(file).items()
        if name != file.settings.get("partitionColumn")
        and (left := wanted.get((column.transformLogic or "").strip())) is not None
        and not column.classification and not fact_columns.get(left)
    ]  # fmt: skip
    return tuple(sorted(found))


def _column_type(name: str, column: SchemaProperty) -> ColumnType:
    spark = custom_properties(column.customProperties).get("sparkType") or ""
    return ColumnType(name, column.logicalType or "", str(spark), column.classification or "")


def _measure(entry: dict[str, Any], columns: Mapping[str, SchemaProperty]) -> Measure:
    parsed = parse_expression(entry["expression"])
    assert parsed
    classified = [columns[one.column].classification for one in parsed if one and one.column]
    return Measure(
        entry["name"],
        entry["title"],
        parsed[0],
        parsed[1],
        entry.get("format", "number"),
        entry.get("unit", ""),
        tuple(one for one in classified if one),
    )


def _level(column: SchemaProperty) -> Level:
    name, unknown = column.name or "", custom_properties(column.customProperties).get("unknownMember")
    title = column.businessName or name.replace("_", " ").capitalize()
    return Level(name, title, column.classification or "", None if unknown is None else str(unknown))
