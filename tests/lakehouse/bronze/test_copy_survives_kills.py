"""Copies that are killed at random, or meet: readers see the old table or the new, and the retry brings the source's.

`--kills 300` is the long run.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from lakehouse.bronze.bronze_upkeep import sweep_bronze
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.manifest import read_latest
from lakehouse.bronze.table_copy import CopyLimits
from lakehouse.lake.lake_path import files_below

from lake_model.bronze_manifest import ALL, UNDATED, Manifest
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import manifest_name
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of
from tests.lakehouse.killing import OVERTAKEN, SOURCE_LOST, copy_until_killed, processes

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]

FIRST_DAY = date(2026, 3, 1)
DATES = 25
ROWS = 3000
# Small enough that a copy has many files and ranges, and that its first load counts as a large one.
LIMITS = CopyLimits(
    batch_rows=100, files=FileLimits(row_group_rows=200, file_rows=400), large_table_rows=1000, range_rows=500
)
WAYS = ("process", "step", "connection")

Rows = list[tuple[Any, ...]]
Content = dict[str, Rows]


@dataclass
class World:
    """The source, its bronze, and what bronze must hold: a fact, a dimension with its snapshots, and a bystander."""

    bench: Bench
    chance: random.Random
    today: date = FIRST_DAY + timedelta(days=DATES)
    sales: Content = field(default_factory=dict)
    product: dict[date, Rows] = field(default_factory=dict)
    # How many seconds and steps on the disk a copy takes, so that kills fall on all of it.
    seconds: float = 0.3
    steps: int = 60

    def spec(self, table: str, readers: int = 1) -> CopySpec:
        return self.bench.spec(table, "sold_on" if table == "sales" else None, parallel_ranges=readers)

    def change(self) -> None:
        """What a day does to the source."""
        seed = self.chance.randrange(10**6)
        low = self.chance.randrange(DATES)
        span = f"BETWEEN '{self.day(low)}' AND '{self.day(low + self.chance.randrange(DATES))}'"
        self.bench.sql(
            self.chance.choice(
                [
                    f"UPDATE sales SET qty = qty + 1 WHERE sold_on {span}",
                    f"DELETE FROM sales WHERE sold_on {span} AND RAND({seed}) < 0.05",
                    f"INSERT INTO sales SELECT sold_on, qty + 1, amount, note FROM sales WHERE RAND({seed}) < 0.05",
                    f"UPDATE sales SET sold_on = NULL WHERE sold_on {span} AND RAND({seed}) < 0.02",
                    "UPDATE sales SET amount = amount + 0.01",
                ]
            ),
            f"UPDATE product SET price = price + 1 WHERE RAND({seed}) < 0.3",
        )

    @staticmethod
    def day(number: int) -> date:
        return FIRST_DAY + timedelta(days=number)

    def at_source(self) -> Content:
        """The fact's rows at the source, by slice."""
        content: Content = {}
        for row in self.bench.ask("SELECT sold_on, qty, amount, note FROM sales"):
            content.setdefault(UNDATED if row[0] is None else row[0].isoformat(), []).append(row)
        return {name: sorted(rows, key=str) for name, rows in content.items()}

    def products_at_source(self) -> Rows:
        return sorted(self.bench.ask("SELECT code, price FROM product"), key=str)

    def expect(self, table: str, day: date) -> None:
        """Put into the model what a copy for a date must bring."""
        if table == "product":
            self.product[day] = self.products_at_source()
        elif day == self.today:
            self.sales = self.at_source()
        else:
            rows = self.at_source().get(day.isoformat())
            self.sales = {name: old for name, old in self.sales.items() if name != day.isoformat()}
            if rows:
                self.sales[day.isoformat()] = rows

    def in_bronze(self, table: str) -> Content | dict[date, Rows]:
        """What readers see; each file that they come to is as its manifest says."""
        if table == "sales":
            if read_latest(self.bench.folder("sales")) is None:
                return {}
            visible = self.bench.visible("sales")
            self._check_files("sales", visible)
            return {item.slice: self._rows("sales", item.slice, visible) for item in visible.slices}
        landed = {day: self.bench.landed("product", day.isoformat()) for day in self.days_landed()}
        for manifest in landed.values():
            assert manifest is not None
            self._check_files("product", manifest)
        return {day: self._rows("product", ALL, manifest) for day, manifest in landed.items() if manifest is not None}

    def days_landed(self) -> list[date]:
        names = {file.name for file in files_below(self.bench.folder("product"))}
        days = [self.day(number) for number in range(DATES, DATES + 1000)]
        return [day for day in days if manifest_name(day) in names]

    def _rows(self, table: str, name: str, manifest: Manifest) -> Rows:
        return sorted((tuple(row.values()) for row in self.bench.slice(table, name, manifest).to_pylist()), key=str)

    def _check_files(self, table: str, manifest: Manifest) -> None:
        for name, file in manifest.files.items():
            content = (self.bench.folder(table) / name).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)

    def model(self, table: str) -> Content | dict[date, Rows]:
        return dict(self.sales) if table == "sales" else dict(self.product)

    def others(self, table: str) -> list[tuple[str, int, datetime]]:
        """Every file of the other tables."""
        mine = f"{table}/"
        return [
            (file.name, file.bytes, file.modified)
            for file in files_below(self.bench.root / self.bench.schema)
            if not file.name.startswith(mine)
        ]

    def kill_a_copy(self, way: str, table: str, day: date, readers: int = 1) -> str:
        """Start a copy, kill it, and tell what became of it."""
        fatal_step = self.chance.randrange(1, self.steps + 1) if way == "step" else None
        spec = self.spec(table, readers)
        arguments = (info_of(self.bench.server), self.bench.root, spec, day, str(day), LIMITS, fatal_step)
        copy = processes.Process(target=copy_until_killed, args=arguments)
        copy.start()
        delay = self.chance.uniform(0, self.seconds)
        if way == "process" and not wait([copy.sentinel], delay):
            copy.kill()
        elif way == "connection" and not wait([copy.sentinel], delay):
            self._kill_sessions()
        copy.join()
        # Nobody else publishes here, so to be overtaken would be a fault.
        assert copy.exitcode in {0, SOURCE_LOST, -signal.SIGKILL}, copy.exitcode
        return way if copy.exitcode else "too late"

    def _kill_sessions(self) -> None:
        owner = self.bench.server.connect()
        with owner.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'lakehouse'")
            for (session,) in cursor.fetchall():
                # It may have ended by itself.
                cursor.execute(f"BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 DO 0; KILL {session}; END")
        owner.close()

    def forget(self) -> None:
        """Remove the fact from bronze, so that the next copy is its first load."""
        shutil.rmtree(self.bench.folder("sales"))
        self.sales = {}

    def measure(self) -> None:
        """See how long a whole copy takes in a process of its own, and how many steps on the disk."""
        # The first process waits for the server that forks it to start.
        for _ in range(2):
            self.bench.sql("UPDATE sales SET amount = amount + 0.01")
            started = time.monotonic()
            assert self.kill_a_copy("none", "sales", self.today) == "too late"
            self.seconds = (time.monotonic() - started) * 1.1
        self.expect("sales", self.today)
        assert self.in_bronze("sales") == self.model("sales")
        # Every file is made and opened; then come the drafts, the manifest, the pointer and their partial files.
        self.steps = 4 * len(self.bench.visible("sales").files) + 12


@pytest.fixture
def world(logging_server: MySqlServer, tmp_path: Path) -> World:
    logging_server.create_schema("world")
    bench = Bench(logging_server, "world", tmp_path / "bronze", LIMITS)
    bench.sql(
        "CREATE TABLE sales (sold_on DATE NULL, qty INT, amount DECIMAL(14,2), note VARCHAR(200), KEY (sold_on)) "
        "ENGINE=InnoDB",
        f"INSERT INTO sales SELECT '{FIRST_DAY}' + INTERVAL (seq MOD {DATES}) DAY, seq, seq / 100, SHA2(seq, 224) "
        f"FROM {number_rows(1, ROWS)}",
        "ANALYZE TABLE sales",
        "CREATE TABLE product (code INT PRIMARY KEY, price INT) ENGINE=InnoDB",
        f"INSERT INTO product SELECT seq, seq FROM {number_rows(1, 40)}",
        "CREATE TABLE bystander (n INT) ENGINE=InnoDB",
        f"INSERT INTO bystander SELECT seq FROM {number_rows(1, 10)}",
    )
    world = World(bench, random.Random(20261120))
    for table in ("sales", "product", "bystander"):
        bench.copy(world.spec(table), world.today.isoformat(), "first")
    world.expect("sales", world.today)
    world.expect("product", world.today)
    return world


def test_killed_copies_leave_the_old_table_and_their_retries_bring_the_sources(
    world: World, pytestconfig: pytest.Config
) -> None:
    kills, tally, retries = pytestconfig.getoption("--kills"), Counter[str](), Counter[str]()
    world.measure()
    while tally.total() - tally["too late"] < kills:
        assert tally["too late"] < 20 + 3 * kills, tally
        world.change()
        table = world.chance.choice(["sales", "sales", "sales", "product"])
        day = world.today
        if table == "sales" and world.chance.random() < 0.15:
            world.forget()
        elif table == "sales" and world.chance.random() < 0.2:
            day = world.day(world.chance.randrange(DATES))
        elif world.chance.random() < 0.1:
            day = world.today = world.today + timedelta(days=1)
        before, others = world.model(table), world.others(table)

        readers = world.chance.choice([1, 2])
        tally[world.kill_a_copy(world.chance.choice(WAYS), table, day, readers)] += 1
        world.expect(table, day)
        assert world.in_bronze(table) in (before, world.model(table))

        retry = world.bench.copy(world.spec(table, readers), day.isoformat(), str(day))
        retries["that went on from a draft"] += retry.slices_resumed > 0
        retries["slices taken over"] += retry.slices_resumed
        retries["slices read"] += retry.slices_copied
        assert world.in_bronze(table) == world.model(table)
        assert world.others(table) == others
        if tally.total() % 50 == 0:
            sweep_and_check(world)
    sweep_and_check(world)
    print(f"killed: {dict(tally)}; retries: {dict(retries)}")


def test_a_retry_after_a_kill_reads_less_and_brings_the_same(world: World) -> None:
    world.forget()
    whole = world.bench.copy(world.spec("sales"), world.today.isoformat(), "whole")
    world.expect("sales", world.today)
    shutil.rmtree(world.bench.folder("sales"))
    spec, info = world.spec("sales"), info_of(world.bench.server)
    arguments = (info, world.bench.root, spec, world.today, "killed", LIMITS, world.steps // 2)
    copy = processes.Process(target=copy_until_killed, args=arguments)
    copy.start()
    copy.join()
    assert copy.exitcode == -signal.SIGKILL
    assert world.in_bronze("sales") == {}
    retry = world.bench.copy(spec, world.today.isoformat(), "retry")
    assert whole.rows_read == ROWS
    assert 0 < retry.rows_read < whole.rows_read - LIMITS.range_rows // 2
    assert world.in_bronze("sales") == world.model("sales")
    sweep_and_check(world)


def sweep_and_check(world: World) -> None:
    """After upkeep nothing is left but what readers come to."""
    later = datetime.now(NOW.tzinfo) + timedelta(days=30)
    assert [table.problem for table in sweep_bronze(world.bench.root, later, timedelta(days=7))] == [None] * 3
    for table in ("sales", "product"):
        assert world.in_bronze(table) == world.model(table)
        visible = world.bench.visible(table)
        manifests = {manifest_name(date.fromisoformat(visible.business_date)): visible}
        if table == "product":
            for day in world.days_landed():
                manifest = world.bench.landed(table, day.isoformat())
                assert manifest is not None
                manifests[manifest_name(day)] = manifest
        named = {name for manifest in manifests.values() for name in manifest.files}
        assert {file.name for file in files_below(world.bench.folder(table))} == {*manifests, *named, "_latest.json"}


def test_copies_at_once_cannot_both_win(world: World) -> None:
    """Four at a time, of the newest date and of older ones: who is refused loses nothing that another published."""
    tally = Counter[int]()
    for number in range(3):
        world.bench.sql("UPDATE sales SET qty = qty + 1")
        old = world.day(number)
        days = [world.today, world.today, old, old]
        copies = [
            processes.Process(
                target=copy_until_killed,
                args=(info_of(world.bench.server), world.bench.root, world.spec("sales"), day, f"{n}", LIMITS, None),
            )
            for n, day in enumerate(days)
        ]
        for copy in copies:
            copy.start()
        for copy in copies:
            copy.join()
        ended = [copy.exitcode for copy in copies]
        assert set(ended) <= {0, OVERTAKEN}
        assert 0 in ended
        won = {day for day, status in zip(days, ended, strict=True) if status == 0}
        found, before, now = world.in_bronze("sales"), world.sales, world.at_source()
        for name in before.keys() | now.keys():
            copied = world.today in won or name in {day.isoformat() for day in won}
            # A run of the newest date that is refused at the very end may have become visible all the same.
            assert found[name] in ([now[name]] if copied else [before[name], now[name]])
        tally.update(status for status in ended if status is not None)
        world.bench.copy(world.spec("sales"), world.today.isoformat(), "retry")
        world.sales = world.at_source()
        assert world.in_bronze("sales") == world.model("sales")
    assert tally[OVERTAKEN] >= 3
    sweep_and_check(world)


def test_a_write_load_on_the_source_never_breaks_a_copy(world: World) -> None:
    """Money moves between sales all the time: in every copy its sum is what it always was."""
    stopped, moves = threading.Event(), []
    total = world.bench.ask("SELECT SUM(amount) FROM sales")[0][0]

    def write() -> None:
        chance, connection = random.Random(7), world.bench.server.connect(world.bench.schema, autocommit=False)
        with connection.cursor() as cursor:
            while not stopped.is_set():
                first, second = chance.randrange(DATES), chance.randrange(DATES)
                for number, sign in ((first, "-"), (second, "+")):
                    cursor.execute(
                        f"UPDATE sales SET amount = amount {sign} 0.01 WHERE sold_on = '{world.day(number)}' LIMIT 1"
                    )
                cursor.execute(f"UPDATE sales SET sold_on = '{world.day(second)}' WHERE qty = {chance.randrange(ROWS)}")
                connection.commit()
                moves.append(1)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    copied = []
    try:
        for number in range(20):
            if number % 5 == 4:
                world.forget()
            written = len(moves)
            while len(moves) == written:
                assert writer.is_alive()
            outcome = world.bench.copy(world.spec("sales"), world.today.isoformat(), f"load-{number}")
            copied.append(outcome.slices_copied)
            assert Decimal(world.bench.visible("sales").sums["amount"]) == total
            # Reading back 25 slices of many files costs more than the copy: now and then is enough.
            assert number % 5 or sum(row[2] for row in world.bench.rows("sales")) == total
    finally:
        stopped.set()
        writer.join()
    assert min(copied) > 0
    assert len(moves) > 20
    world.bench.copy(world.spec("sales"), world.today.isoformat(), "at rest")
    assert world.in_bronze("sales") == world.at_source()
