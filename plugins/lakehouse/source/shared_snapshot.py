"""Several sessions that see one and the same state of the server, with no privilege and no lock.

MariaDB and Percona Server show each session the place in the binary log that belongs exactly to its consistent
snapshot. Sessions of the same place see the same transactions, as far as these go through that log. What does not (a
replica that does not log what it applies, `sql_log_bin=0`) is noticed by InnoDB's counter of transactions, which every
begin and every commit of a transaction that writes moves on: it must stand still while the snapshots are taken. So the
sessions begin together, and begin again until nothing came between.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from lakehouse.errors import SourceError
from lakehouse.source.mysql_source import BEGIN_SNAPSHOT, MySqlSource

ATTEMPTS = 200


@dataclass(frozen=True)
class SharedSnapshot:
    """Sessions in one snapshot, the first of them the one that asked; `refusal` says why there is no other."""

    sessions: tuple[MySqlSource, ...]
    refusal: str | None = None


@contextmanager
def shared_snapshot(
    source: MySqlSource, schema: str, table: str, sessions: int, attempts: int = ATTEMPTS
) -> Generator[SharedSnapshot]:
    """Begin a snapshot on the session, and the same one on so many further sessions that there are `sessions` in all.

    Where that cannot be had, the session alone begins one. The further sessions are closed when the block ends.

    Raises:
        SourceError: the table cannot be read.
    """
    with ExitStack() as opened:
        refusal = None
        if sessions > 1:
            found, refusal = _open_together(source, opened, sessions, attempts)
            if refusal is None:
                for one in found:
                    one.hold_definition(schema, table)
                yield SharedSnapshot(tuple(found))
                return
            opened.close()
        source.begin_snapshot(schema, table)
        yield SharedSnapshot((source,), refusal)


def _open_together(
    source: MySqlSource, opened: ExitStack, sessions: int, attempts: int
) -> tuple[list[MySqlSource], str | None]:
    found = [source]
    try:
        # Before any other is opened: most servers that cannot do it say so here.
        source.rows(BEGIN_SNAPSHOT)
        if _position(source) is None or _transactions(source) is None:
            return found, "the server does not show the binary log's position of a snapshot"
        found += [opened.enter_context(source.sibling()) for _ in range(sessions - 1)]
    except SourceError as error:
        return found, f"no further session could be opened ({error})"
    for _ in range(attempts):
        if _begun_as_one(found):
            return found, None
    return found, f"the server was written to during each of {attempts} attempts to begin on all sessions at once"


def _begun_as_one(sessions: Sequence[MySqlSource]) -> bool:
    before = _transactions(sessions[0])
    for session in sessions:
        session.send(BEGIN_SNAPSHOT)
    _answers(sessions)
    if before != _transactions(sessions[0]):
        return False
    return len({_position(session) for session in sessions}) == 1


def _answers(sessions: Sequence[MySqlSource]) -> None:
    for session in sessions:
        session.take_answer()


def _position(session: MySqlSource) -> tuple[bytes, ...] | None:
    found = {name.lower(): value for name, value in session.rows("SHOW STATUS LIKE 'binlog_snapshot_%'") if name}
    file, position = found.get(b"binlog_snapshot_file"), found.get(b"binlog_snapshot_position")
    return (file, position) if file and position else None


def _transactions(session: MySqlSource) -> bytes | None:
    found = session.rows("SHOW GLOBAL STATUS LIKE 'innodb_max_trx_id'")
    return found[0][1] if found else None
