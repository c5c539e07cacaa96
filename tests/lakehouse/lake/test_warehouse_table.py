"""What commits of a warehouse's table say, and how it is asked; the warehouse itself is asked elsewhere."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from lakehouse.lake.warehouse_table import WarehouseTable

from lake_model.changed_rows import KEY, ChangedRows

DAY, OTHER_DAY = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
AT = dt.datetime(2026, 1, 3, tzinfo=dt.UTC)


class Answers:
    """A warehouse that knows a table's history, and notes what it is asked."""

    def __init__(self, *commits: tuple[str, str | None], first: int = 0) -> None:
        self.asked: list[str] = []
        self.commits = [
            {"version": first + place, "timestamp": AT, "operation": operation, "userMetadata": note}
            for place, (operation, note) in enumerate(commits)
        ]

    def __call__(self, statement: str) -> pa.RecordBatchReader:
        self.asked.append(statement)
        if statement.startswith("DESCRIBE HISTORY"):
            most = int(statement.rpartition(" ")[2])
            return pa.Table.from_pylist(self.commits[::-1][:most]).to_reader()
        if statement.startswith("DESCRIBE TABLE"):
            names = ["day", "amount", "number", "", "# Partition Information", "day"]
            kinds = ["date", "decimal(18,2)", "bigint", "", "", "date"]
            return pa.table({"col_name": names, "data_type": kinds}).to_reader()
        return pa.table({"a": [1, 2]}).to_reader()


def noted(*days: dt.date) -> str:
    return json.dumps({KEY: ChangedRows(frozenset(days)).to_content()})


def table(answers: Answers, version: int) -> WarehouseTable:
    return WarehouseTable(answers, "`c`.`gold`.`t`", "id", {"version": version, "timestamp": AT})


@pytest.mark.parametrize(
    ("commits", "expected"),
    [
        ([("WRITE", noted(DAY)), ("MERGE", noted(OTHER_DAY))], ChangedRows(frozenset({DAY, OTHER_DAY}))),
        ([("OPTIMIZE", None), ("VACUUM START", None), ("VACUUM END", None)], ChangedRows()),
        ([("WRITE", None)], None),
        ([("CREATE OR REPLACE TABLE AS SELECT", noted(DAY))], None),
        ([("RESTORE", noted(DAY))], None),
    ],
    ids=["of the jobs", "upkeep", "by hand", "made anew", "restored"],
)
def test_commits_name_the_rows_that_they_wrote(
    commits: list[tuple[str, str | None]], expected: ChangedRows | None
) -> None:
    answers = Answers(("WRITE", None), *commits)
    assert table(answers, len(commits)).changed_since(0) == expected


def test_what_was_written_since_its_version_was_asked_does_not_count() -> None:
    answers = Answers(("WRITE", None), ("WRITE", noted(DAY)), ("WRITE", None))
    assert table(answers, 1).changed_since(0) == ChangedRows(frozenset({DAY}))
    assert [one["version"] for one in table(answers, 1).commits(5)] == [1, 0]


def test_where_commits_are_gone_or_too_many_nothing_is_known() -> None:
    assert table(Answers(("WRITE", noted(DAY)), first=4), 4).changed_since(2) is None
    assert table(Answers(), 500).changed_since(0) is None
    assert table(Answers(), 1).changed_since(2) is None


def test_types_are_named_as_in_deltas_schema_and_partitions_are_none() -> None:
    assert table(Answers(), 0).types == {"day": "date", "amount": "decimal(18,2)", "number": "long"}


def test_a_query_is_written_as_databricks_reads_it() -> None:
    answers = Answers(("WRITE", None))
    rows: Any = table(answers, 0).batches(
        """SELECT "a b" FROM stored WHERE "d" IN (DATE '2026-01-01') OR CAST("x" AS VARCHAR) IN ('it''s \\')"""
    )
    assert rows.read_all().to_pydict() == {"a": [1, 2]}
    assert answers.asked == [
        "SELECT `a b` FROM `c`.`gold`.`t` WHERE `d` IN (CAST('2026-01-01' AS DATE)) "
        "OR CAST(`x` AS STRING) IN ('it\\'s \\\\')",
        "DESCRIBE HISTORY `c`.`gold`.`t` LIMIT 1",
    ]
