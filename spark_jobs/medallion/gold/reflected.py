"""Which silver versions a commit of gold was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pyspark.sql import DataFrame, SparkSession

from lake_model import changed_rows
from lake_model.changed_rows import ChangedRows
from lake_model.table_state import TableVersion
from medallion.lake import delta_tables
from medallion.lake.delta_tables import Commit
from medallion.lake.table_names import TableNames

RECENT = 50
"""So many of a table's newest commits are asked for at first."""


@dataclass(frozen=True)
class Reflected:
    """What a gold commit was made from.

    Attributes:
        contracts: a digest of them.
        silver: by table.
        turn: number of the commit among those of gold's runs.
    """

    contracts: str
    silver: Mapping[str, TableVersion]
    turn: int = 0

    def to_text(self, rows: ChangedRows | None) -> str:
        """For the commit's userMetadata, with the rows that it writes (None: all of them)."""
        written = {} if rows is None else {changed_rows.KEY: rows.to_content()}
        return json.dumps({"lakehouse_gold": asdict(self)} | written, sort_keys=True)

    @staticmethod
    def from_text(text: str | None) -> Reflected | None:
        """Reads a commit's userMetadata; None when the commit is not one of gold's."""
        try:
            content = json.loads(text or "")["lakehouse_gold"]
            silver = {name: TableVersion(**one) for name, one in content["silver"].items()}
            return Reflected(content["contracts"], silver, content.get("turn", 0))
        except (ValueError, KeyError, TypeError):
            return None

    def read(self, spark: SparkSession, names: TableNames, table: str) -> DataFrame:
        """A silver table as it was: every read of a run is of the same moment."""
        return delta_tables.at_version(spark, names.silver(table), self.silver[table].version)


@dataclass(frozen=True)
class Found:
    """A silver table as a run finds it: its version, the bytes of its data files, and its newest commits."""

    table: TableVersion
    size: int
    newest: Sequence[Commit]


@dataclass(frozen=True)
class Stored:
    """Gold as a run finds it: None where it is not there yet, or says not what it reflects."""

    table: TableVersion | None
    reflects: Reflected | None

    @property
    def version(self) -> int:
        """Of the table; 0 where there is none yet."""
        return self.table.version if self.table else 0
