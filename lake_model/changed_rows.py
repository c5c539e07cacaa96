"""The rows of a One Big Table that a commit wrote: it names them, and a copy of the table is refreshed by that."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MOST_COMMITS = 200
KEY = "lakehouse_rows"
"""Where it stands in a commit's ``userMetadata``, which is a JSON object."""


@dataclass(frozen=True)
class KeyValues:
    """Rows by what some columns hold: values in the order of the columns, as text."""

    columns: tuple[str, ...]
    values: frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class ChangedRows:
    """The rows of some dates, and those of some keys; all others are as they were."""

    dates: frozenset[dt.date] = frozenset()
    keys: tuple[KeyValues, ...] = ()

    def __or__(self, other: ChangedRows) -> ChangedRows:
        """The rows of both."""
        values: dict[tuple[str, ...], frozenset[tuple[str, ...]]] = {}
        for one in (*self.keys, *other.keys):
            values[one.columns] = values.get(one.columns, frozenset()) | one.values
        keys = tuple(KeyValues(columns, found) for columns, found in sorted(values.items()))
        return ChangedRows(self.dates | other.dates, keys)

    def to_content(self) -> Mapping[str, object]:
        """For JSON, under ``KEY``."""
        keys = [{"columns": list(one.columns), "values": sorted(map(list, one.values))} for one in self.keys]
        return {"dates": sorted(day.isoformat() for day in self.dates), "keys": keys}

    @staticmethod
    def of_commit(user_metadata: str | None) -> ChangedRows | None:
        """What a commit says; None where it does not, and may have written any row."""
        try:
            content = json.loads(user_metadata or "")[KEY]
            keys = [
                KeyValues(tuple(map(str, one["columns"])), frozenset(tuple(map(str, row)) for row in one["values"]))
                for one in content["keys"]
            ]
            return ChangedRows(frozenset(map(dt.date.fromisoformat, content["dates"])), tuple(keys))
        except (ValueError, KeyError, TypeError):
            return None


def changed_between(since: int, until: int, of_commit: Callable[[int], ChangedRows | None]) -> ChangedRows | None:
    """The rows that the commits after a version wrote, up to another; None where one does not show it, or too many did.

    Args:
        since: a version; its own commit does not count.
        until: the last version that counts.
        of_commit: gives what the commit of a version wrote.
    """
    if until < since or until - since > _MOST_COMMITS:
        return None
    found = ChangedRows()
    for version in range(since + 1, until + 1):
        one = of_commit(version)
        if one is None:
            return None
        found |= one
    return found
