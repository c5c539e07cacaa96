"""Several sessions in one snapshot: never of two states, whatever is written meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lakehouse.bronze.row_copy import CopyLimits
from lakehouse.bronze.table_copy import copy_table
from lakehouse.errors import SourceUnavailableError
from lakehouse.source import shared_snapshot as module
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.shared_snapshot import shared_snapshot

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of, slices

pytestmark = pytest.mark.mysql

ACCOUNTS = 400
TOTAL = ACCOUNTS * 100
LIMITS = CopyLimits(large_table_rows=100)


@pytest.fixture
def bench(logging_server: MySqlServer, tmp_path: Path) -> Bench:
    """Accounts of a hundred each, opened on eight dates: whatever is transferred between them, their sum stays."""
    logging_server.create_schema("bank")
    bench = Bench(logging_server, "bank", tmp_path / "bronze", LIMITS)
    bench.sql(
        "CREATE TABLE account (id INT PRIMARY KEY, opened DATE, balance DECIMAL(12,2), KEY (opened)) ENGINE=InnoDB",
        "INSERT INTO account SELECT seq, '2026-11-11' + INTERVAL (seq DIV 50) DAY, 100 "
        f"FROM {number_rows(0, ACCOUNTS - 1)}",
        "CREATE TABLE plain (id INT PRIMARY KEY, balance DECIMAL(12,2)) ENGINE=InnoDB",
        "INSERT INTO plain SELECT id, balance FROM account",
        "CREATE TABLE loose (name VARCHAR(9), balance DECIMAL(12,2)) ENGINE=InnoDB",
        "INSERT INTO loose SELECT id, balance FROM account",
        "ANALYZE TABLE account, plain, loose",
    )
    return bench


@contextmanager
def transfers(bench: Bench, logged: bool = True) -> Generator[list[int]]:
    """Money moves between accounts all the time; gives a list that grows with each transfer."""
    stopped, made = threading.Event(), list[int]()

    def write() -> None:
        chance, connection = random.Random(7), bench.server.connect(bench.schema, autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION sql_log_bin = {int(logged)}")
            while not stopped.is_set():
                for table in ("account", "plain"):
                    amount = chance.randrange(1, 90)
                    for sign in "-+":
                        account = chance.randrange(ACCOUNTS)
                        cursor.execute(f"UPDATE {table} SET balance = balance {sign} {amount} WHERE id = {account}")
                connection.commit()
                made.append(1)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield made
    finally:
        stopped.set()
        writer.join()


def balance(session: MySqlSource) -> Decimal:
    return Decimal((session.rows("SELECT SUM(balance) FROM bank.account")[0][0] or b"0").decode())


def state(session: MySqlSource) -> list[tuple[bytes | None, ...]]:
    return session.rows("SELECT id, balance FROM bank.account ORDER BY id")


@pytest.mark.parametrize("logged", [True, False], ids=["logged", "past the binary log"])
def test_sessions_see_one_state_under_a_write_load(bench: Bench, logged: bool) -> None:
    with transfers(bench, logged) as made, MySqlSource(info_of(bench.server)) as source:
        shared = 0
        for _ in range(15):
            before = len(made)
            with shared_snapshot(source, "bank", "account", 3) as snapshot:
                shared += len(snapshot.sessions) == 3
                assert len(snapshot.sessions) == (3 if snapshot.refusal is None else 1)
                # The sessions are asked one after the other, while the writer goes on.
                states = []
                for session in snapshot.sessions:
                    states.append(state(session))
                    while len(made) == before:
                        pass
                    before = len(made)
                assert all(one == states[0] for one in states)
        assert shared > 0


def test_a_transaction_past_the_binary_log_is_noticed_though_its_position_stands_still(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, owner = list[int](), bench.server.connect("bank")
    send = MySqlSource.send

    def send_and_write(session: MySqlSource, sql: str) -> None:
        send(session, sql)
        session.take_answer()
        began.append(1)
        with owner.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute("UPDATE account SET balance = balance + 1 WHERE id = 1")

    monkeypatch.setattr(MySqlSource, "send", send_and_write)
    monkeypatch.setattr(module, "_answers", lambda _: None)
    with MySqlSource(info_of(bench.server)) as source, shared_snapshot(source, "bank", "account", 2, 5) as snapshot:
        assert snapshot.sessions == (source,)
        assert snapshot.refusal == (
            "the server was written to during each of 5 attempts to begin on all sessions at once"
        )
    owner.close()
    assert len(began) == 10


def test_where_sessions_are_not_told_their_place_in_the_log_one_reads_and_that_is_said(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path
) -> None:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze", LIMITS)
    bench.sql(
        "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB",
        f"INSERT INTO t SELECT seq FROM {number_rows(1, 500)}",
        "ANALYZE TABLE t",
    )
    outcome = bench.copy(bench.spec("t", parallel_ranges=2), "2026-11-20")
    assert outcome.rows_written == 500
    assert outcome.notes == (
        "parallelRanges: one session reads: the server does not show the binary log's position of a snapshot",
    )


def test_where_the_account_has_no_further_connection_one_session_reads(bench: Bench) -> None:
    bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        outcome = bench.copy(bench.spec("account", "opened", parallel_ranges=2), "2026-11-20")
    finally:
        bench.sql("ALTER USER 'lakehouse'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")
    assert outcome.rows_written == ACCOUNTS
    assert outcome.notes[0].startswith("parallelRanges: one session reads: no further session could be opened (")


def copy_counting_sessions(bench: Bench, spec: CopySpec) -> set[int | None]:
    """Copy, and give the sessions that streamed rows."""
    used = set[int | None]()
    stream = MySqlSource.stream
    barrier = threading.Barrier(2, timeout=30)

    def counted(session: MySqlSource, *arguments: object) -> object:
        if session._thread_id not in used:
            used.add(session._thread_id)
            # Both are under way at once, or this breaks.
            barrier.wait()
        return stream(session, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch, MySqlSource(info_of(bench.server)) as source:
        patch.setattr(MySqlSource, "stream", counted)
        outcome = copy_table(source, bench.root, spec, date(2026, 11, 20), "run", lambda: NOW, bench.limits)
    assert outcome.notes == ()
    return used


@pytest.mark.parametrize(
    ("table", "date_column", "again"),
    [("account", "opened", False), ("account", "opened", True), ("plain", None, False)],
    ids=["first load by dates", "dates by fingerprint", "by primary key"],
)
def test_two_sessions_read_ranges_of_one_instant(
    bench: Bench, table: str, date_column: str | None, again: bool
) -> None:
    spec = bench.spec(table, date_column, parallel_ranges=2)
    if again:
        bench.copy(spec, "2026-11-20")
        spec = replace(spec, everything=True)
    with transfers(bench) as made:
        while not made:
            pass
        assert len(copy_counting_sessions(bench, spec)) == 2
    rows = bench.rows(table)
    assert len({row[0] for row in rows}) == len(rows) == ACCOUNTS
    assert sum(row[-1] for row in rows) == TOTAL
    assert Decimal(bench.visible(table).sums["balance"]) == TOTAL
    bench.copy(spec, "2026-11-20", "at rest")
    assert sorted(bench.rows(table)) == sorted(bench.ask(f"SELECT * FROM {table}"))


def test_a_table_that_cannot_be_cut_is_read_by_one_session_and_that_is_said(bench: Bench) -> None:
    outcome = bench.copy(bench.spec("loose", parallel_ranges=2), "2026-11-20")
    assert outcome.notes == (
        "parallelRanges: no index begins with the date column, and no primary key with a whole number: "
        "one session reads",
    )
    assert slices(bench.visible("loose")) == {"all": ACCOUNTS}


def test_a_session_that_is_lost_stops_the_others_and_leaves_nothing(bench: Bench) -> None:
    stream, streamed = MySqlSource.stream, list[int]()

    def lost(session: MySqlSource, *arguments: object) -> object:
        streamed.append(1)
        if len(streamed) == 2:
            bench.sql(f"KILL {session._thread_id}")
        return stream(session, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch, MySqlSource(info_of(bench.server)) as source:
        patch.setattr(MySqlSource, "stream", lost)
        with pytest.raises(SourceUnavailableError):
            copy_table(
                source,
                bench.root,
                bench.spec("account", "opened", parallel_ranges=2),
                date(2026, 11, 20),
                "run",
                lambda: NOW,
                bench.limits,
            )
    assert not (bench.folder("account") / "_latest.json").exists()
    assert bench.files("account") == set()
