"""A disk that fails at any single step of a copy: one clear message, the old table or the new one, and no litter."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.bronze_upkeep import sweep_bronze
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.table_copy import CopyLimits
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import PARTIAL_SUFFIX, files_below

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import Bench

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]

_STEPS = {"open", "os.rename", "os.mkdir"}


class FaultyDisk:
    """Makes the system refuse one step below a folder: opening, renaming or making a file or folder."""

    def __init__(self) -> None:
        self.root = Path("/nowhere")
        self.steps = 0
        self._fatal: int | None = None
        # A hook of this kind stays for as long as the process lives.
        sys.addaudithook(self._check)

    @contextmanager
    def failing_at(self, step: int) -> Generator[None]:
        """Within the block the step of that number fails, counted from one."""
        self.steps, self._fatal = 0, step
        try:
            yield
        finally:
            self._fatal = None

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _STEPS or not str(arguments[0]).startswith(str(self.root)):
            return
        self.steps += 1
        if self.steps == self._fatal:
            raise OSError(errno.EIO, "Input/output error", str(arguments[0]))


_disk = FaultyDisk()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FaultyDisk]:
    _disk.root = tmp_path / "bronze"
    yield _disk
    _disk.root = Path("/nowhere")


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    limits = CopyLimits(batch_rows=100, files=FileLimits(row_group_rows=200, file_rows=200))
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze", limits)
    bench.sql(
        "CREATE TABLE sales (sold_on DATE, qty INT)",
        f"INSERT INTO sales SELECT '2026-11-18' + INTERVAL (seq MOD 3) DAY, seq FROM {number_rows(1, 500)}",
    )
    return bench


def numbers(bench: Bench) -> list[int]:
    return sorted(row[1] for row in bench.rows("sales"))


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-21"], ids=["the same date again", "the next date"])
def test_whichever_step_fails_the_table_is_whole(bench: Bench, disk: FaultyDisk, day: str) -> None:
    spec: CopySpec = bench.spec("sales", "sold_on")
    bench.copy(spec, "2026-11-20", "first")
    messages: list[str] = []
    # Until a copy takes fewer steps than the one that was to fail.
    for step in range(1, 100):
        bench.sql("UPDATE sales SET qty = qty + 1000")
        old, new = numbers(bench), [row[0] for row in bench.ask("SELECT qty FROM sales ORDER BY qty")]
        with disk.failing_at(step):
            try:
                bench.copy(spec, day, "faulty")
            except StorageError as error:
                messages.append(str(error))
        assert numbers(bench) in (old, new)
        assert not [file.name for file in files_below(bench.root) if file.name.endswith(PARTIAL_SUFFIX)]
        if disk.steps < step:
            break
    assert len(messages) >= 8
    assert all(
        "Input/output error" in text and "answered with an error: see the machine's" in text for text in messages
    )
    assert numbers(bench) == new
    sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=30), timedelta(days=7))
    assert [file.name for file in files_below(bench.folder("sales"))] == sorted(
        ["_latest.json", f"business_date={day}/_manifest.json", *bench.visible("sales").files]
    )
