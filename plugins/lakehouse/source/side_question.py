"""Asking the source something on a second session, while the first one is busy streaming."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from lakehouse.errors import SourceError
from lakehouse.source.mysql_source import MySqlSource, Row


class SideQuestion:
    """One statement on a session of its own; a context manager that starts it and, at the end, lets nothing run on.

    The answer is of a snapshot of its own too, which may be a little newer than the one of the session beside it: who
    asks must hold it against what that one gave.
    """

    def __init__(self, source: MySqlSource, sql: str) -> None:
        self._source = source
        self._sql = sql
        self._pool = ThreadPoolExecutor(1, "side-question")

    def __enter__(self) -> SideQuestion:
        self._asked = self._pool.submit(self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._asked.done():
            self._source.cancel()
        self._pool.shutdown()

    def answer(self) -> Sequence[Row] | None:
        """Wait for the answer; None where there is none, as when the server has no connection to spare."""
        try:
            return self._asked.result()
        except SourceError:
            return None

    def _ask(self) -> Sequence[Row]:
        with self._source as source:
            return source.rows(self._sql)
