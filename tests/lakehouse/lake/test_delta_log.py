"""What a Delta table's log says of changed rows, without reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lakehouse.lake.delta_log import changed_partitions


def commit(table: Path, version: int, *actions: dict[str, Any]) -> None:
    folder = table / "_delta_log"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"commitInfo": {"operation": "WRITE"}}), *map(json.dumps, actions)]
    (folder / f"{version:020d}.json").write_text("\n".join(lines) + "\n")


def action(kind: str, day: str | None, *, changes: bool = True, path: str = "x", **more: Any) -> dict[str, Any]:
    return {kind: {"path": path, "partitionValues": {"day": day}, "dataChange": changes, **more}}


def test_the_partitions_of_files_that_came_and_went_are_told(tmp_path: Path) -> None:
    commit(tmp_path, 0, action("add", "2026-01-01"))
    commit(tmp_path, 1, action("remove", "2026-01-02"), action("add", "2026-01-02"))
    commit(tmp_path, 2, action("add", None))
    commit(tmp_path, 3, action("remove", "2026-01-03"))
    assert changed_partitions(tmp_path, "day", 0, 2) == {"2026-01-02", None}
    assert changed_partitions(tmp_path, "day", 2, 3) == {"2026-01-03"}
    assert changed_partitions(tmp_path, "day", 3, 3) == set()


def test_rows_that_a_deletion_vector_takes_out_of_a_file_are_a_change(tmp_path: Path) -> None:
    vector = {"deletionVector": {"storageType": "u", "pathOrInlineDv": "x", "sizeInBytes": 1, "cardinality": 1}}
    commit(tmp_path, 1, action("remove", "2026-01-02"), action("add", "2026-01-02", **vector))
    assert changed_partitions(tmp_path, "day", 0, 1) == {"2026-01-02"}


def test_files_that_were_only_put_together_changed_nothing(tmp_path: Path) -> None:
    commit(tmp_path, 1, action("remove", "2026-01-02", changes=False), action("add", "2026-01-02", changes=False))
    assert changed_partitions(tmp_path, "day", 0, 1) == set()


@pytest.mark.parametrize(
    "other",
    [
        {"metaData": {"id": "x"}},
        {"protocol": {"minReaderVersion": 3}},
        {"add": {"path": "x", "partitionValues": {}, "dataChange": True}},
        {"add": {"path": "x", "partitionValues": {"day": "2026-01-01", "zone": "a"}, "dataChange": True}},
        {"remove": {"path": "x", "dataChange": True}},
        {"somethingNew": {}},
    ],
)
def test_what_the_log_does_not_tell_is_not_guessed(tmp_path: Path, other: dict[str, Any]) -> None:
    commit(tmp_path, 1, other)
    assert changed_partitions(tmp_path, "day", 0, 1) is None


def test_commits_that_are_gone_or_too_many_tell_nothing(tmp_path: Path) -> None:
    commit(tmp_path, 2, action("add", "2026-01-02"))
    assert changed_partitions(tmp_path, "day", 0, 2) is None
    assert changed_partitions(tmp_path, "day", 2, 1) is None
    assert changed_partitions(tmp_path, "day", 0, 1000) is None
