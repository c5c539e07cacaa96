"""Shows how far a copy has come: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from lakehouse.bronze.copy_outcome import CopyProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STEPS = 10


@contextmanager
def shown_progress(title: str, stream: TextIO) -> Generator[CopyProgress]:
    """Show a copy's progress on the stream while the block runs."""
    if not stream.isatty():
        yield Lines(title, stream)
        return
    with _bar(title, stream) as bar:
        yield bar


class Lines:
    """Writes a line when reading begins, and one for each further tenth of the rows: what a log file wants."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._expected = 0
        self._read = 0
        self._tenths = 0

    def begin(self, rows: int) -> None:
        """Reading begins."""
        self._expected = rows
        self._write(f"{rows:,} rows to read" if rows else "nothing to read")

    def advance(self, rows: int) -> None:
        """Rows were read."""
        self._read += rows
        tenths = min(_STEPS, self._read * _STEPS // max(self._expected, 1))
        if tenths > self._tenths:
            self._tenths = tenths
            self._write(f"{self._read:,} of {max(self._read, self._expected):,} rows")

    def _write(self, text: str) -> None:
        print(f"{self._title}: {text}", file=self._stream, flush=True)


@contextmanager
def _bar(title: str, stream: TextIO) -> Generator[CopyProgress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        # A table's name is no markup: a `[x]` in it must be shown.
        yield _Bar(progress, progress.add_task(escape(f"{title}: looking for changes"), total=None), escape(title))


class _Bar:
    def __init__(self, progress: Progress, task: TaskID, title: str) -> None:
        self._progress = progress
        self._task = task
        self._title = title
        self._expected = 0
        self._read = 0

    def begin(self, rows: int) -> None:
        self._expected = rows
        self._progress.update(self._task, total=rows, description=self._title)

    def advance(self, rows: int) -> None:
        self._read += rows
        # What is expected may have been an estimate.
        self._progress.update(self._task, completed=self._read, total=max(self._read, self._expected))
