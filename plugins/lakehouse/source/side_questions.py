"""Asking the source something on a second session, while the first one is busy streaming."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

from lakehouse.errors import SourceError
from lakehouse.source.mysql_source import MySqlSource, Row


class SideQuestions:
    """Statements on a session of their own, one after the other; a context manager that starts them and, at the end,
    lets nothing run on.

    Each answer is of a snapshot of its own too, which may be a little newer than the one of the session beside it: who
    asks must hold it against what that one gave.
    """

    def __init__(self, source: MySqlSource, statements: Sequence[str]) -> None:
        self._source = source
        self._statements = tuple(statements)
        self._answers: list[Future[Sequence[Row]]] = [Future() for _ in self._statements]
        self._pool = ThreadPoolExecutor(1, "side-questions")

    def __enter__(self) -> SideQuestions:
        self._asked = self._pool.submit(self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._asked.done():
            self._source.cancel()
        self._pool.shutdown()

    def answer(self, number: int) -> Sequence[Row] | None:
        """Wait for an answer; None where there is none, as when the server has no connection to spare."""
        answer = self._answers[number]
        either: list[Future[Any]] = [answer, self._asked]
        wait(either, return_when=FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        try:
            self._asked.result()
        except SourceError:
            return None
        return answer.result()

    def _ask(self) -> None:
        with self._source as source:
            for statement, answer in zip(self._statements, self._answers, strict=True):
                answer.set_result(source.rows(statement))
