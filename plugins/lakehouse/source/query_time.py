"""Bounds the time that the server spends on a question which is worth only so much to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.errors import SourceError

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource

# MariaDB's and MySQL's error when a statement took longer than its session allows.
_TIME_IS_UP = {1969, 3024}


def limit_time(source: MySqlSource, seconds: int) -> None:
    """Let the server end each further SELECT of the session that takes longer.

    Raises:
        SourceError: the server refuses.
    """
    version = (source.rows("SELECT VERSION()")[0][0] or b"").decode()
    limit = f"max_statement_time={seconds}" if "MariaDB" in version else f"max_execution_time={seconds * 1000}"
    source.rows(f"SET SESSION {limit}")


def time_is_up(error: SourceError) -> bool:
    """Whether a statement failed because its time was up."""
    cause = error.__cause__
    return cause is not None and bool(cause.args) and cause.args[0] in _TIME_IS_UP
