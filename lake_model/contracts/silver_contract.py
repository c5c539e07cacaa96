"""What silver and gold are made by, as plain values; ``table_contracts`` reads them from ODCS files."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lake_model.contracts.kpi_contract import KpiContract
from lake_model.contracts.limits import Limit

DEFAULT_MAX_DELETE_SHARE = 0.5


class TableKind(StrEnum):
    """What a table of the lake is."""

    DIMENSION = "dimension"
    FACT = "fact"


class Severity(StrEnum):
    """What becomes of a row that breaks a rule: ERROR sends it to quarantine, WARNING keeps and marks it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """A row rule.

    Attributes:
        name: unique in its table.
        message: what a person reads beside a row that breaks it.
        columns: lake columns that it looks at.
        function: kind of check, as data quality tools name it: one of those in ``row_rules``.
        severity: error or warning.
        arguments: what the kind of check compares with, by ODCS's names.
        lake_type: type of the one column whose values are compared with the arguments.
        dimension: the quality dimension, if the contract gives one.
        limit: how many rows, or which share of them, may break the rule. None for a rule that judges each row. Rows
            that break a rule with a limit are counted and left alone; past it an error stops the run.
        reference: the dimension and its key column that must know the value; None for a rule about the row alone.
    """

    name: str
    message: str
    columns: tuple[str, ...]
    function: str
    severity: Severity
    arguments: tuple[tuple[str, Any], ...] = ()
    lake_type: str = ""
    dimension: str | None = None
    limit: Limit | None = None
    reference: tuple[str, str] | None = None


class Metric(StrEnum):
    """What an expectation measures of a landed table."""

    ROW_COUNT = "rowCount"
    SUM = "sum"
    FRESHNESS = "freshness"


@dataclass(frozen=True)
class Expectation:
    """What a contract expects of a landed table as a whole, or of each of its dates.

    Attributes:
        name: unique among the table's rules.
        message: what a person reads when it is not met.
        column: the lake column that is summed, or whose newest date is looked at; empty for a row count.
        limit: what the measured value must be; days for ``FRESHNESS``.
        severity: an error stops the run before silver is touched, a warning is reported.
        by_date: each changed date of a fact is measured for itself.
        trailing_days: the value is in percent of the median of the dates in the days before; 0: it is taken as it is.
    """

    name: str
    message: str
    metric: Metric
    limit: Limit
    severity: Severity
    column: str = ""
    by_date: bool = False
    trailing_days: int = 0


@dataclass(frozen=True)
class ColumnValue:
    """A value of a lake column; None is NULL."""

    column: str
    lake_type: str
    value: Any


@dataclass(frozen=True)
class Waiver:
    """Lets rows that break a rule into silver until a given date.

    Attributes:
        rules: names of the waived rules.
        rows: the values of the rows that it is about, all of them together; empty: every row.
        reason: why, for people.
        until: the last business date that it holds on.
        line: of the file, for people alone.
    """

    rules: tuple[str, ...]
    rows: tuple[ColumnValue, ...]
    reason: str
    until: dt.date
    # Not in the text that slices are judged by: an entry that moves within its file waives what it did.
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Column:
    """A column of a silver table.

    Attributes:
        name: in the lake.
        source: source column that it comes from; None when it is derived.
        expression: Spark SQL over source columns.
        lake_type: Spark SQL type that the expression's value is converted to.
        classification: who may see the values, in the contract's words; empty where it says nothing.
    """

    name: str
    source: str | None
    expression: str
    lake_type: str
    classification: str = ""


@dataclass(frozen=True)
class SilverContract:
    """A dimension or a fact.

    Attributes:
        file: the contract's file name, for messages.
        schema: source schema.
        source_table: table at the source, and in bronze.
        name: table in the lake.
        key: lake columns of the primary key, in order (empty for most facts).
        tracked: dimension of SCD type 2: columns whose change makes a new version.
        date_source: fact: the source column that dates a row; ``date_column`` is its lake column.
        keep_one: fact: of rows equal in all cleaned columns one is kept.
        clustered: fact: its files hold many dates each, instead of a folder for each date.
        measures: columns whose sums must be conserved.
        counted: rules with a limit, whose rows are counted and not marked.
        expectations: over the landed table.
        stop_above: by the name of a rule, how many rows (or which share) may break it before the run is stopped;
            ``quarantined`` stands for all refused rows.
        waivers: what a steward lets pass, of which some may have ended.
        lines: where in the file columns and rules stand, by ``properties.<column>.<field>`` or ``quality.<rule>``.
        max_delete_share: dimension: of the keys that are current, the share (0 to 1) that a snapshot may lose.
        content_hash: changes whenever the contract would give other rows.
    """

    file: str
    schema: str
    source_table: str
    name: str
    kind: TableKind
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    key: tuple[str, ...] = ()
    scd_type: int = 1
    tracked: tuple[str, ...] = ()
    date_source: str = ""
    date_column: str = ""
    keep_one: bool = False
    clustered: bool = False
    measures: tuple[str, ...] = ()
    counted: tuple[Rule, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    stop_above: Mapping[str, Limit] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    max_delete_share: float = DEFAULT_MAX_DELETE_SHARE

    @property
    def content_hash(self) -> str:
        """Changes whenever the contract would give other rows."""
        return content_hash(self)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Lake columns in the contract's order."""
        return tuple(column.name for column in self.columns)

    @property
    def key_column(self) -> str:
        """A dimension's surrogate key."""
        return f"{self.name}_key"

    @property
    def speaks_of_days(self) -> bool:
        """Whether the day alone may change what is to be said of the same rows: by an expectation or a waiver's end."""
        return bool(self.expectations or self.waivers)

    @property
    def untracked(self) -> tuple[str, ...]:
        """Columns of a type 2 dimension that always show the latest known value."""
        return tuple(name for name in self.column_names if name not in self.tracked and name not in self.key)


@dataclass(frozen=True)
class Join:
    """A left join of the fact to the current rows of a dimension: pairs of fact column and dimension column."""

    dimension: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WideColumn:
    """A column of a One Big Table.

    Attributes:
        expression: Spark SQL over ``<table>.<column>``.
        lake_type: type to convert to, None: as the expression gives it.
        dimension: with ``unknown_member``: the dimension that the value comes from.
        unknown_member: the value where that dimension has no row.
    """

    name: str
    expression: str
    lake_type: str | None = None
    dimension: str | None = None
    unknown_member: str | None = None


@dataclass(frozen=True)
class OneBigTableContract:
    """A wide table: every row of a fact beside the latest rows of its dimensions.

    Attributes:
        kpis: what people ask of it; None where its contract declares nothing of it.
    """

    file: str
    schema: str
    name: str
    fact: str
    joins: tuple[Join, ...]
    columns: tuple[WideColumn, ...]
    partition_column: str
    clustered: bool = False
    measures: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    kpis: KpiContract | None = None

    @property
    def content_hash(self) -> str:
        """Changes whenever the contract would give other rows."""
        return content_hash(self)


def wide_content_hash(contract: OneBigTableContract, silver: Mapping[str, SilverContract]) -> str:
    """The same of a One Big Table and of the contracts of the tables that it joins, by name."""
    return " ".join([content_hash(contract), *[f"{name}:{silver[name].content_hash}" for name in sorted(silver)]])


def wide_standing(contract: OneBigTableContract, silver: Mapping[str, SilverContract]) -> str:
    """Changes with what a run of a One Big Table would make: its rows, and the views of its measures."""
    views = [f"kpis:{contract.kpis.digest}"] if contract.kpis else []
    return " ".join([wide_content_hash(contract, silver), *views])


# What changes no row: a run that was stopped did not process its rows, so they are judged again anyway.
_WITHOUT_EFFECT_ON_ROWS = (
    "file",
    "lines",
    "counted",
    "expectations",
    "stop_above",
    "waivers",
    "max_delete_share",
    "kpis",
)


def content_hash(contract: SilverContract | OneBigTableContract) -> str:
    """A digest of everything in a contract that its rows, and how they lie, depend on."""
    content = dataclasses.asdict(contract)
    for name in _WITHOUT_EFFECT_ON_ROWS:
        content.pop(name, None)
    if isinstance(contract, SilverContract) and not contract.clustered:
        # Digests were stored before a fact had a choice of layout.
        del content["clustered"]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
