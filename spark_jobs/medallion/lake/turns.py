"""Turns: commits to a silver table come one after the other, though runs of several dates may work on it at once.

What a run writes follows from the rows and from which slices are processed, so both must still be as they were read
when it commits. Every commit therefore has a number, which Delta keeps as the version of a transaction id: a second
commit with the same number is refused, or skipped where the first was there before. The run that lost reads again and
takes the next turn. The number also tells a run that was killed between its commit and its notes: a number without
notes is work that the next run finishes.

The number follows from the version of the table, which is never lost: it is the one that the commit will be if nothing
comes between. History is short (upkeep commits too, and the log is cleaned), and Delta skips without a word a commit
whose number is not above all before it.

Only options of the DataFrame writer are used: serverless compute takes neither the session settings nor the JVM calls
by which a MERGE could be given a transaction id.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from medallion.errors import SPARK_ERRORS, is_conflict
from medallion.lake import delta_tables
from medallion.lake.delta_tables import Commit

_TRANSACTION_ID = "lakehouse"
# Upkeep commits (OPTIMIZE, VACUUM) carry no number; where none of so many does, those before are asked for too.
_RECENT = 50


@dataclass(frozen=True)
class Mark:
    """What a commit says of itself, in its ``userMetadata``.

    Attributes:
        number: of the turn.
        token: differs between any two attempts, so that a run knows its own commit.
        slices: what it wrote: of a dimension the business dates whose snapshots it landed, ISO; of a fact its slices.
        rebuilt: the dimension was made anew from all landed snapshots.
    """

    number: int
    token: str
    slices: tuple[str, ...]
    rebuilt: bool

    @staticmethod
    def unknown(number: int) -> Mark:
        """Of a commit that the table's log no longer has: it may have been anything."""
        return Mark(number, "", (), rebuilt=True)

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The slices of a dimension's commit."""
        return tuple(dt.date.fromisoformat(name) for name in self.slices)

    def to_text(self) -> str:
        """For ``userMetadata``."""
        content = {
            "number": self.number,
            "token": self.token,
            "slices": list(self.slices),
            "rebuilt": self.rebuilt,
        }
        return json.dumps({"lakehouse_silver": content}, sort_keys=True)

    @staticmethod
    def from_text(text: str | None) -> Mark | None:
        """Reads a commit's ``userMetadata``; None when the commit is not a turn."""
        try:
            content = json.loads(text or "")["lakehouse_silver"]
            slices = tuple(str(name) for name in content["slices"])
            return Mark(int(content["number"]), str(content["token"]), slices, bool(content["rebuilt"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Turn:
    """A run's turn to write.

    Attributes:
        number: that the next commit has.
        version: of the table, which what is written must follow from.
        unfinished: the newest commit, where its run has not noted yet what it processed, or may not have.
    """

    number: int
    version: int
    unfinished: Mark | None = None

    @property
    def options(self) -> dict[str, str]:
        """Options of the DataFrame writer that let a commit pass once per turn."""
        return {"txnAppId": _TRANSACTION_ID, "txnVersion": str(self.number)}

    def options_of(self, table_id: str) -> dict[str, str]:
        """The same for another table that is written in the turns of the one of this identity."""
        return self.options | {"txnAppId": f"{_TRANSACTION_ID} {table_id}"}


def next_turn(spark: SparkSession, table: str, noted: int) -> Turn:
    """The turn after the newest commit; ``noted`` is the number of the newest turn whose run noted what it processed.

    ``noted`` must have been read before: of two runs the slower one would otherwise mistake the notes of a turn that
    it has not seen for those of its own.
    """
    commits = delta_tables.history(spark, table, _RECENT)
    newest, version = _newest_mark(commits), commits[0].version
    if newest is None and commits[-1].version > noted + 1:
        commits = delta_tables.history(spark, table, version - noted)
        newest = _newest_mark(commits)
        if newest is None and commits[-1].version > noted + 1:
            newest = Mark.unknown(version)
    unfinished = newest if newest and newest.number > noted else None
    return Turn(max(version, noted) + 1, version, unfinished)


def _newest_mark(commits: Iterable[Commit]) -> Mark | None:
    return next((mark for commit in commits if (mark := Mark.from_text(commit.user_metadata))), None)


def commit(
    spark: SparkSession,
    table: str,
    turn: Turn,
    write: Callable[[Mapping[str, str]], None],
    slices: Iterable[str | dt.date],
    *,
    rebuilt: bool = False,
) -> Commit | None:
    """Commits once, by ``write``, which gets the writer's options; None where another run took the turn.

    ``slices`` are what it writes, a date as itself.
    """
    mark = Mark(turn.number, uuid.uuid4().hex, tuple(map(str, slices)), rebuilt)
    try:
        write(turn.options | {"userMetadata": mark.to_text()})
    except SPARK_ERRORS as error:
        if not is_conflict(error):
            raise
        return None
    # Delta skips a commit whose turn is taken, and says nothing.
    found = delta_tables.history(spark, table, _RECENT)
    return next((one for one in found if one.user_metadata == mark.to_text()), None)
