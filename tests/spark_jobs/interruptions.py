"""Ends a job, or lets something else happen, when it is about to make its n-th commit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any


class Killed(BaseException):
    """No handler of the jobs catches it: what would come after is not done, as where the driver was killed."""


@contextmanager
def before_commit(number: int, act: Callable[[], None]) -> Generator[None, None, None]:
    """Calls ``act`` once, before the n-th commit to a Delta table from here on; fails where there are fewer."""
    from pyspark.sql.readwriter import DataFrameWriter

    kept = {name: getattr(DataFrameWriter, name) for name in ("saveAsTable", "save")}
    left = number

    def counted(name: str) -> Callable[..., None]:
        def write(self: DataFrameWriter, *given: Any, **options: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                act()
            kept[name](self, *given, **options)

        return write

    for name in kept:
        setattr(DataFrameWriter, name, counted(name))
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(DataFrameWriter, name, method)
    assert left <= 0, f"only {number - left} commits were made"


def kill() -> None:
    """Ends the job as SIGKILL would."""
    raise Killed
