"""Which rows a Delta table's log says were changed, without reading them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from lakehouse.lake.delta_log import changed_rows

from lake_model.changed_rows import KEY, ChangedRows, KeyValues

FIRST, SECOND = dt.date(2026, 1, 1), dt.date(2026, 1, 2)


def noted(*days: dt.date, code: str | None = None) -> ChangedRows:
    keys = () if code is None else (KeyValues(("code",), frozenset({(code,)})),)
    return ChangedRows(frozenset(days), keys)


def commit(table: Path, version: int, rows: ChangedRows | None, *actions: dict[str, Any]) -> None:
    folder = table / "_delta_log"
    folder.mkdir(parents=True, exist_ok=True)
    note = {} if rows is None else {"userMetadata": json.dumps({KEY: rows.to_content()})}
    lines = [json.dumps({"commitInfo": {"operation": "WRITE", **note}}), *map(json.dumps, actions)]
    (folder / f"{version:020d}.json").write_text("\n".join(lines) + "\n")


def action(kind: str, *, changes: bool = True, **more: Any) -> dict[str, Any]:
    return {kind: {"path": "x", "partitionValues": {}, "dataChange": changes, **more}}


def test_the_rows_of_all_commits_after_a_version_are_put_together(tmp_path: Path) -> None:
    commit(tmp_path, 0, None, action("add"))
    commit(tmp_path, 1, noted(SECOND), action("remove"), action("add"))
    commit(tmp_path, 2, noted(FIRST, code="A"), action("add", deletionVector={"storageType": "u"}))
    assert changed_rows(tmp_path, 0, 2) == noted(FIRST, SECOND, code="A")
    assert changed_rows(tmp_path, 0, 1) == noted(SECOND)
    assert changed_rows(tmp_path, 2, 2) == ChangedRows()


def test_files_that_were_only_put_together_changed_nothing(tmp_path: Path) -> None:
    commit(tmp_path, 1, None, action("remove", changes=False), action("add", changes=False))
    assert changed_rows(tmp_path, 0, 1) == ChangedRows()


@pytest.mark.parametrize(
    "other", [{"metaData": {"id": "x"}}, {"protocol": {"minReaderVersion": 3}}, {"somethingNew": {}}]
)
def test_what_changed_more_than_rows_is_not_guessed(tmp_path: Path, other: dict[str, Any]) -> None:
    commit(tmp_path, 1, noted(FIRST), action("add"), other)
    assert changed_rows(tmp_path, 0, 1) is None


def test_a_commit_that_names_no_rows_may_have_written_any(tmp_path: Path) -> None:
    commit(tmp_path, 1, None, action("remove"))
    assert changed_rows(tmp_path, 0, 1) is None


def test_commits_that_are_gone_or_too_many_show_nothing(tmp_path: Path) -> None:
    commit(tmp_path, 2, noted(FIRST), action("add"))
    assert changed_rows(tmp_path, 0, 2) is None
    assert changed_rows(tmp_path, 2, 1) is None
    assert changed_rows(tmp_path, 0, 1000) is None
