"""What a copy asks of the source: SELECT on the schema, two connections at most, no lock, the pace it is given."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lakehouse.errors import SourceError
from lakehouse.source.mysql_source import MySqlSource, SourceTable, list_tables
from lakehouse.source.source_load import Pace, SourceLoad

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import Bench, info_of
from tests.lakehouse.slow_copy import Slowly
from tests.waiting import wait_until

pytestmark = pytest.mark.mysql

DEPLOYING = Path(__file__).resolve().parents[3] / "docs" / "guides" / "deploying.md"
ROWS = 12_000


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    bench.sql(
        "CREATE TABLE sales (sold_on DATE, qty INT, note VARCHAR(2000)) ENGINE=InnoDB",
        f"INSERT INTO sales SELECT '2026-11-19', seq, REPEAT('x', 1500) FROM {number_rows(1, ROWS)}",
        "CREATE VIEW totals AS SELECT sold_on, SUM(qty) AS qty FROM sales GROUP BY sold_on",
    )
    return bench


@pytest.fixture
def spec(bench: Bench) -> CopySpec:
    return bench.spec("sales", "sold_on")


@pytest.fixture
def least(bench: Bench) -> Iterator[Bench]:
    """The same, by an account that has what `docs/guides/deploying.md` says and nothing else."""
    (documented,) = re.findall(r"```sql\n(CREATE USER .*?)```", DEPLOYING.read_text(), re.DOTALL)
    statements = documented.replace("'10.1.2.%'", "'127.0.0.1'").replace("'lakehouse'", "'least'")
    statements = statements.replace("REQUIRE SSL", "REQUIRE NONE").replace(
        "atliqsale", bench.schema.replace("_", r"\_")
    )
    statements = statements.replace("'…'", "'a password'")
    bench.sql(*filter(None, map(str.strip, statements.split(";"))))
    bench.connection = {"user": "least", "password": "a password"}
    yield bench
    bench.sql("DROP USER 'least'@'127.0.0.1'")


def test_the_documented_grant_is_all_that_a_copy_needs(least: Bench, spec: CopySpec) -> None:
    grants = [row[0] for row in least.ask("SHOW GRANTS FOR 'least'@'127.0.0.1'")]
    assert len(grants) == 2
    assert grants[0].startswith("GRANT USAGE ON *.* TO `least`@`127.0.0.1`")
    assert re.match(r"GRANT SELECT ON `test\\_\d+`\.\* TO ", grants[1])
    assert list_tables(info_of(least.server, **least.connection), least.schema) == (
        SourceTable("sales", False),
        SourceTable("totals", True),
    )
    assert least.copy(spec, "2026-11-20").rows_written == ROWS
    assert least.copy(least.spec("totals", "sold_on"), "2026-11-20").rows_written == 1
    assert least.copy(spec, "2026-11-20").outcome == "unchanged"


def test_the_account_can_end_its_own_copy(least: Bench, spec: CopySpec) -> None:
    with MySqlSource(info_of(least.server, **least.connection)) as source:
        source.begin_snapshot(least.schema, "sales")
        assert least.ask("SELECT 1 FROM information_schema.processlist WHERE user = 'least'")
        source.cancel()
        wait_until(
            lambda: not least.ask("SELECT 1 FROM information_schema.processlist WHERE user = 'least'"),
            "the session ended",
        )


def test_whoever_writes_never_waits_for_a_copy(bench: Bench, spec: CopySpec) -> None:
    writer = bench.server.connect(bench.schema)
    with Slowly(bench, spec) as copy, writer.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1")
        cursor.execute("UPDATE sales SET qty = qty + 1000000")
        cursor.execute("INSERT INTO sales VALUES ('2026-11-19', 0, 'new')")
        cursor.execute("DELETE FROM sales WHERE qty > 1000000")
        assert copy.is_running
    writer.close()
    assert copy.error is None
    # The copy is of the instant at which it began, whatever was written since.
    assert sorted(row[1] for row in bench.rows("sales")) == list(range(1, ROWS + 1))
    assert bench.ask("SELECT COUNT(*) FROM sales") == [(1,)]


def test_a_copy_has_two_connections_at_most(bench: Bench, spec: CopySpec) -> None:
    seen = set()
    with Slowly(bench, spec, rows_per_second=6000) as copy:
        while copy.is_running:
            ((connections,),) = bench.ask(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lakehouse'"
            )
            seen.add(connections)
    assert max(seen) <= 2
    assert not bench.ask("SELECT 1 FROM information_schema.processlist WHERE user = 'lakehouse'")


def test_a_copy_keeps_the_pace_that_it_is_given(bench: Bench, spec: CopySpec) -> None:
    bench.load = SourceLoad(pace=Pace(rows_per_second=ROWS * 2))
    started = time.monotonic()
    assert bench.copy(spec, "2026-11-20").rows_written == ROWS
    assert time.monotonic() - started >= 0.5


def test_a_paced_copy_that_is_stopped_ends_at_once(bench: Bench) -> None:
    failures: list[SourceError] = []
    with MySqlSource(info_of(bench.server), SourceLoad(pace=Pace(rows_per_second=1))) as source:

        def read() -> None:
            try:
                list(source.stream(f"SELECT * FROM `{bench.schema}`.sales", 4096, 8 * 2**20))
            except SourceError as error:
                failures.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        while not bench.ask(
            "SELECT 1 FROM information_schema.processlist "
            "WHERE user = 'lakehouse' AND state IN ('Writing to net', 'Sending to client')"
        ):
            assert thread.is_alive()
        source.cancel()
        # By its pace it would wait for minutes after the first rows.
        thread.join(20)
        assert not thread.is_alive()
    assert "the copy was stopped" in str(failures[0])


def test_a_session_has_the_settings_that_it_is_given(bench: Bench) -> None:
    settings = {"net_retry_count": 7, "lock_wait_timeout": 11, "join_buffer_size": 131072}
    with MySqlSource(info_of(bench.server), SourceLoad(session_settings=settings)) as source:
        asked = "SELECT @@net_retry_count, @@lock_wait_timeout, @@join_buffer_size, @@sql_mode, @@time_zone"
        assert source.rows(asked) == [(b"7", b"11", b"131072", b"", b"+00:00")]
