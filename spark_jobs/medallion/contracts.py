"""What the Spark side needs to know of a table, as plain values; ``contract_files`` reads them from ODCS files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum


class TableKind(StrEnum):
    """What a table of the lake is."""

    DIMENSION = "dimension"
    FACT = "fact"
    ONE_BIG_TABLE = "one_big_table"


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
        function: kind of check, as data quality tools name it.
        violated: Spark SQL over lake columns, TRUE where a row breaks the rule; empty for ``is_unique``.
        severity: error or warning.
        dimension: the quality dimension, if the contract gives one.
    """

    name: str
    message: str
    columns: tuple[str, ...]
    function: str
    violated: str
    severity: Severity
    dimension: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a silver table.

    Attributes:
        name: in the lake.
        source: source column that it comes from; None when it is derived.
        expression: Spark SQL over source columns.
        lake_type: Spark SQL type that the expression's value is converted to.
    """

    name: str
    source: str | None
    expression: str
    lake_type: str


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
        measures: columns whose sums must be conserved.
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
    measures: tuple[str, ...] = ()

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
    def untracked(self) -> tuple[str, ...]:
        """Columns of a type 2 dimension that always show the latest value told."""
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
    """A wide table: every row of a fact beside the latest rows of its dimensions."""

    file: str
    schema: str
    name: str
    fact: str
    joins: tuple[Join, ...]
    columns: tuple[WideColumn, ...]
    partition_column: str
    clustered: bool = False
    measures: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        """Changes whenever the contract would give other rows."""
        return content_hash(self)


def content_hash(contract: SilverContract | OneBigTableContract) -> str:
    """A digest of everything in a contract but the name of its file."""
    content = dataclasses.asdict(contract) | {"file": ""}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
