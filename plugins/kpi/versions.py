"""What a value of a level was before: the versions of the dimension's rows behind it, as far as a reader sees them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lakehouse.errors import LakehouseError
from lakehouse.lake.duckdb_view import stored_in
from lakehouse.lake.tables import DeltaState, Tables

from kpi.origins import Origins
from kpi.questions import QuestionError
from kpi.read_model import quoted
from kpi.seen import Seen
from lake_model.contracts.kpi_contract import NOTHING, Level
from lake_model.contracts.silver_contract import SilverContract

MOST_MEMBERS = 50
_MOST_KEYS = 10_000
_SESSION: dict[str, Any] = {"memory_limit": "256MB", "threads": 1}


@dataclass(frozen=True)
class Version:
    """What held from a day on, and before another (None: it holds still)."""

    since: dt.date
    until: dt.date | None
    values: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A row of the dimension: its versions, the oldest first, and its key; None where the reader does not see that."""

    key: str | None
    versions: list[Version]


@dataclass(frozen=True)
class Versions:
    """What is known of a value.

    Attributes:
        columns: names and titles of what the versions show.
        members: those that changed, at most `MOST_MEMBERS`; one that stands alone is there in any case.
        changed: how many changed.
        unchanged: how many did not.
    """

    level: Level
    value: str
    columns: list[tuple[str, str]]
    members: list[Member]
    changed: int
    unchanged: int


def versioned_levels(origins: Origins, levels: Sequence[Level]) -> list[Level]:
    """The levels whose values silver keeps the history of."""
    return [level for level in levels if _dimension(origins, level) is not None]


def versions_of(tables: Tables, seen: Seen, level: Level, value: str) -> Versions:
    """The versions of every row of the dimension that has, or once had, a value.

    A reader who sees some rows alone is shown the dimension's rows that stand in theirs.

    Args:
        tables: the lake's.
        seen: the table as its reader sees it.
        level: one that the reader sees.
        value: as the page shows it.

    Raises:
        QuestionError: of this level no history is kept.
        LakehouseError: the dimension is not in silver yet, or cannot be read.
    """
    origins, found = seen.origins, None
    if origins is not None:
        found = _dimension(origins, level)
    if origins is None or found is None:
        raise QuestionError(f"of {level.column} no history is kept")
    dimension, column = found
    state = tables("silver", dimension.name)
    if state is None:
        raise LakehouseError(f"silver has no {dimension.name} yet: run the DAG {dimension.schema}_daily")
    of_levels = _level_columns(origins, dimension, seen.levels)
    columns = _shown_columns(origins, dimension, seen)
    shown = [name for name, _ in columns]
    names = list(dict.fromkeys([*dimension.key, *shown, *of_levels.values()]))
    rows = _rows(state, dimension.key, names, column, value)
    allowed = None if seen.sees_all_rows else seen.sight.tuples(list(of_levels))
    members: list[Member] = []
    for _, each in groupby(rows, key=lambda row: [row[name] for name in dimension.key]):
        versions = list(each)
        if allowed is not None and tuple(versions[-1][name] for name in of_levels.values()) not in allowed:
            continue
        key = ", ".join(versions[0][name] for name in dimension.key) if _shows_key(origins, dimension, seen) else None
        joined = list(_joined([_version(row, shown) for row in versions]))
        members.append(Member(key, joined))
    members.sort(key=lambda one: -len(one.versions))
    changed = [one for one in members if len(one.versions) > 1]
    listed = changed[:MOST_MEMBERS] if len(members) > 1 else members
    return Versions(level, value, columns, listed, len(changed), len(members) - len(changed))


def _dimension(origins: Origins, level: Level) -> tuple[SilverContract, str] | None:
    found = origins.dimension_column(origins.wide_column(level.column))
    if found is None or origins.silver[found[0]].scd_type != 2:
        return None
    return origins.silver[found[0]], found[1]


def _level_columns(origins: Origins, dimension: SilverContract, levels: Sequence[Level]) -> dict[str, str]:
    """The dimension's columns behind the levels that are its own."""
    found = {level.column: _dimension(origins, level) for level in levels}
    return {name: one[1] for name, one in found.items() if one and one[0].name == dimension.name}


def _shown_columns(origins: Origins, dimension: SilverContract, seen: Seen) -> list[tuple[str, str]]:
    """Columns that stand in the One Big Table as they are and that the reader sees in both, with titles."""
    titles = {level.column: level.title for level in seen.contract.levels}
    of_column = {one.name: one.classification for one in dimension.columns}
    found: dict[str, str] = {}
    for one in seen.contract.column_types:
        behind = origins.dimension_column(origins.wide_column(one.name))
        if behind is None or behind[0] != dimension.name or not dimension.key:
            continue
        if seen.access.sees(one.classification) and seen.access.sees(of_column.get(behind[1], "?")):
            found.setdefault(behind[1], titles.get(one.name, one.name.replace("_", " ").capitalize()))
    return list(found.items())


def _shows_key(origins: Origins, dimension: SilverContract, seen: Seen) -> bool:
    join = next(one for one in origins.wide.joins if one.dimension == dimension.name)
    keys = {one.name: one.classification for one in dimension.columns}
    facts = {one.name: one.classification for one in origins.fact.columns}
    return all(seen.access.sees(keys[right]) and seen.access.sees(facts[left]) for left, right in join.on)


def _rows(state: DeltaState, key: Sequence[str], names: Sequence[str], column: str, value: str) -> list[dict[str, Any]]:
    """All versions of the keys that have, or once had, a value, as texts, by key and time."""
    import duckdb

    keys = ", ".join(map(quoted, key))
    texts = ", ".join(f"coalesce(CAST({quoted(name)} AS VARCHAR), '{NOTHING}') AS {quoted(name)}" for name in names)
    with duckdb.connect(config=_SESSION) as session:
        read = ", ".join(dict.fromkeys(map(quoted, [*key, column])))
        with stored_in(session, state, f"SELECT {read} FROM stored"):
            session.execute(
                f"CREATE TABLE wanted AS SELECT DISTINCT {keys} FROM stored "
                f"WHERE coalesce(CAST({quoted(column)} AS VARCHAR), '{NOTHING}') = ? LIMIT {_MOST_KEYS}",
                [value],
            )
        read = ", ".join([*map(quoted, names), "valid_from", "valid_to"])
        with stored_in(session, state, f"SELECT {read} FROM stored"):
            found = session.execute(
                f"SELECT {texts}, valid_from, valid_to FROM stored SEMI JOIN wanted USING ({keys}) "
                f"ORDER BY {keys}, valid_from"
            ).fetchall()
    return [dict(zip([*names, "valid_from", "valid_to"], row, strict=True)) for row in found]


def _version(row: dict[str, Any], names: Sequence[str]) -> Version:
    return Version(row["valid_from"], row["valid_to"], tuple(row[name] for name in names))


def _joined(versions: Sequence[Version]) -> Iterator[Version]:
    """Neighbours that differ in nothing that is shown are one: when something hidden changed is not shown."""
    held: Version | None = None
    for one in versions:
        if held and held.values == one.values and held.until == one.since:
            held = Version(held.since, one.until, one.values)
            continue
        if held:
            yield held
        held = one
    if held:
        yield held
