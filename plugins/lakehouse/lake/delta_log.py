"""What the commits of a Delta table say they changed, read from its log alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakehouse.lake.lake_path import LakePath, read

_MOST_COMMITS = 200
_SAME_TABLE = {"commitInfo", "add", "remove", "cdc", "txn", "domainMetadata"}


def changed_partitions(place: LakePath, column: str, since: int, until: int) -> set[str | None] | None:
    """The values of the partition column in whose files rows changed, as texts (None: NULL).

    Args:
        place: the table.
        column: the one column by which it is partitioned.
        since: a version; its own commit does not count.
        until: the last version that counts.

    Returns:
        None where the log does not show it: commits are gone, too many, changed more than rows, or the table is
        partitioned otherwise.

    Raises:
        StorageError: the lake cannot be read.
    """
    if until < since or until - since > _MOST_COMMITS:
        return None
    found: set[str | None] = set()
    for version in range(since + 1, until + 1):
        content = read(place / "_delta_log" / f"{version:020d}.json")
        if content is None:
            return None
        for kind, action in _actions(content):
            if kind not in _SAME_TABLE:
                return None
            # Files that were only put together hold the rows that there were.
            if kind not in {"add", "remove"} or not action.get("dataChange", True):
                continue
            values = action.get("partitionValues")
            if not isinstance(values, dict) or values.keys() != {column}:
                return None
            found.add(values[column])
    return found


def _actions(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in content.splitlines():
        if line.strip():
            yield from json.loads(line).items()
