"""Which rows the commits of a One Big Table say they changed, read from its log alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lake_model.changed_rows import ChangedRows, changed_between
from lakehouse.lake.lake_path import LakePath, read

_SAME_TABLE = {"commitInfo", "add", "remove", "cdc", "txn", "domainMetadata"}


def changed_rows(place: LakePath, since: int, until: int) -> ChangedRows | None:
    """The rows that commits wrote.

    Args:
        place: the table.
        since: a version; its own commit does not count.
        until: the last version that counts.

    Returns:
        None where the log does not show it: commits are gone, too many, changed more than rows, or are not the jobs'.

    Raises:
        StorageError: the lake cannot be read.
    """

    def of_commit(version: int) -> ChangedRows | None:
        content = read(place / "_delta_log" / f"{version:020d}.json")
        return None if content is None else _of_commit(list(_actions(content)))

    return changed_between(since, until, of_commit)


def _of_commit(actions: list[tuple[str, dict[str, Any]]]) -> ChangedRows | None:
    if any(kind not in _SAME_TABLE for kind, _ in actions):
        return None
    # Files that were only put together hold the rows that there were.
    if not any(kind in {"add", "remove"} and action.get("dataChange", True) for kind, action in actions):
        return ChangedRows()
    notes = [action.get("userMetadata") for kind, action in actions if kind == "commitInfo"]
    return ChangedRows.of_commit(notes[0]) if notes else None


def _actions(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in content.splitlines():
        if line.strip():
            yield from json.loads(line).items()
