"""Type 2 history in plain Python: what it should be (``oracle``), and how landing a snapshot gets there (``land``).

An observation of a key on a date is a ``Told`` row, ABSENT or UNKNOWN (the row was quarantined).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

ABSENT = "absent"
UNKNOWN = "unknown"


class Told(NamedTuple):
    """What a snapshot says of a key."""

    tracked: str | None
    untracked: str | None = None


class Version(NamedTuple):
    """A half-open period; ``valid_to`` None is open."""

    valid_from: int
    valid_to: int | None
    tracked: str | None


Observation = Told | str


def oracle(observations: Mapping[int, Observation]) -> list[Version]:
    """One key's history: the run-length encoding of its observations in order of date, skipping unknown."""
    versions: list[Version] = []
    current: Observation = ABSENT
    for day in sorted(observations):
        told = observations[day]
        if told == UNKNOWN:
            continue
        same = isinstance(told, Told) and isinstance(current, Told) and told.tracked == current.tracked
        if isinstance(current, Told) and not same:
            versions[-1] = versions[-1]._replace(valid_to=day)
        if isinstance(told, Told) and not same:
            versions.append(Version(day, None, told.tracked))
        current = told
    return versions


@dataclass
class KeyState:
    """All that is kept of a key: its versions, its untracked value, and the dates on which it was quarantined."""

    versions: list[Version] = field(default_factory=list)
    untracked: str | None = None
    quarantined: set[int] = field(default_factory=set)


def land(state: KeyState, day: int, told: Observation, processed: set[int]) -> None:
    """Lands one date's word on a key; ``processed`` are the dates of P, with or without this one."""
    later = sorted(date for date in processed if date > day and date not in state.quarantined)
    end = later[0] if later else None
    pieces = [
        version._replace(valid_to=day if version.valid_to is None else min(version.valid_to, day))
        for version in state.versions
        if version.valid_from < day
    ]
    after = [
        version._replace(valid_from=max(version.valid_from, end))
        for version in state.versions
        if end is not None and (version.valid_to is None or version.valid_to > end)
    ]
    if isinstance(told, Told):
        if not after:
            state.untracked = told.untracked
        pieces.append(Version(day, end, told.tracked))
    elif told == UNKNOWN:
        before = [
            one for one in state.versions if one.valid_from < day and (one.valid_to is None or one.valid_to >= day)
        ]
        pieces += [one._replace(valid_from=day, valid_to=end) for one in before]
    state.versions = _joined(pieces + after)
    if told == UNKNOWN:
        state.quarantined.add(day)
    else:
        state.quarantined.discard(day)


def _joined(pieces: list[Version]) -> list[Version]:
    joined: list[Version] = []
    for piece in sorted(pieces, key=lambda one: one.valid_from):
        if joined and joined[-1].valid_to == piece.valid_from and joined[-1].tracked == piece.tracked:
            joined[-1] = joined[-1]._replace(valid_to=piece.valid_to)
        else:
            joined.append(piece)
    return joined
