"""Reading a MySQL or MariaDB server: connecting, looking tables and columns up, and streaming rows from one snapshot.

Values arrive as the bytes that the server sent; type_map.py knows what they mean.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import MySQLdb
import pyarrow as pa

from lake_model.bronze_manifest import Server
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.source.mysql_connect import connect
from lakehouse.source.source_connection import ConnectionInfo
from lakehouse.source.source_errors import TRANSIENT, source_error, without_values
from lakehouse.source.source_load import SourceLoad
from lakehouse.source.sql_text import quote_identifier, quote_text
from lakehouse.source.type_map import SourceColumn, one_form
from lakehouse.source.wire_rows import Columns, WireError, WireRows

Row = tuple[bytes | None, ...]

# A reader that waits for the disk must not be cut off, and a table that is being altered must not hold a task for ever.
# MySQL, and not MariaDB, reads what stands in such a comment: it would go by statistics that are up to a day old.
_SESSION = (
    "SET SESSION sql_mode='', time_zone='+00:00', net_write_timeout=3600, wait_timeout=28800, lock_wait_timeout=300"
    " /*!80000 , information_schema_stats_expiry=0 */",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
# A read-only transaction that sees one state of the server.
BEGIN_SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
_FIRST_BATCH_ROWS = 256
_FIRST_RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class SourceTable:
    """A table or view of a schema."""

    name: str
    is_view: bool


class MySqlSource:
    """One session on the source; a context manager that connects and closes.

    Args:
        info: where the source is and who asks.
        load: how the session behaves; sessions of one copy share one.
    """

    def __init__(self, info: ConnectionInfo, load: SourceLoad | None = None) -> None:
        self.info = info
        self.load = load or SourceLoad()
        self._connection: Any = None
        self._thread_id: int | None = None
        self._handle = -1
        self._cancelled = threading.Event()
        self._siblings: list[MySqlSource] = []

    def sibling(self) -> MySqlSource:
        """Another session on the same source, not connected yet; to cancel this one cancels it too."""
        sibling = MySqlSource(self.info, self.load)
        self._siblings.append(sibling)
        if self._cancelled.is_set():
            sibling.cancel()
        return sibling

    def __enter__(self) -> MySqlSource:
        attempt = 1
        while True:
            try:
                self._open()
                return self
            except SourceUnavailableError:
                seconds = _FIRST_RETRY_SECONDS * 2 ** (attempt - 1)
                if attempt >= self.load.connect_attempts or self._cancelled.wait(seconds):
                    raise
            attempt += 1

    def _open(self) -> None:
        try:
            with self._errors("connect"):
                self._connection = connect(self.info)
                self._thread_id = self._connection.thread_id()
                # Asked for here: the driver refuses it to another thread while a query is under way.
                self._handle = self._connection.fileno()
            for statement in (*_SESSION, *self.load.statements):
                with self._errors(f"connect ({statement})"):
                    self._connection.query(statement)
        except BaseException:
            self._close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(MySQLdb.Error):
                connection.close()

    def cancel(self) -> None:
        """End the session from another thread: a query under way stops with an error in the thread that runs it.

        Every later call fails too, so that a session which is yet to connect never reads anything.
        """
        self._cancelled.set()
        for sibling in self._siblings:
            sibling.cancel()
        if self._thread_id is None:
            return
        try:
            killer = connect(self.info)
            try:
                killer.query(f"KILL {self._thread_id}")
            finally:
                killer.close()
        except MySQLdb.Error:
            self._hang_up()

    def _hang_up(self) -> None:
        """End the session from this side, where the server takes no second one that could kill it."""
        if self._connection is not None:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._handle)) as wire:
                wire.shutdown(socket.SHUT_RDWR)

    def rows(self, sql: str) -> list[Row]:
        """Run a statement whose answer is small, and give all of it.

        Raises:
            SourceError: the server refuses it, or the connection is lost.
        """
        with self._errors("query"):
            self._connection.query(sql)
            result = self._connection.store_result()
            return [] if result is None else list(result.fetch_row(0, 0))

    def send(self, sql: str) -> None:
        """Send a statement that answers with no rows, and do not wait; `take_answer` must follow.

        Raises:
            SourceError: the connection is lost.
        """
        with self._errors("query"):
            self._connection.send_query(sql.encode())

    def take_answer(self) -> None:
        """Wait until the statement that was sent is done.

        Raises:
            SourceError: the server refuses it, or the connection is lost.
        """
        with self._errors("query"):
            self._connection.read_query_result()

    def stream(self, sql: str, batch_rows: int, batch_bytes: int) -> Iterator[Columns]:
        """Run a statement and give its rows in batches of columns, each a binary Arrow array of the server's bytes.

        One batch is held at a time. The answer is read from the connection's socket itself; where that is encrypted or
        compressed, through the driver: then a batch has up to `batch_rows` rows, fewer where rows are wide, so that it
        stays near `batch_bytes` bytes. A session whose stream is not read to its end is closed.

        Raises:
            SourceError: the server refuses it, or the connection is lost.
        """
        finished = False
        try:
            batches = self._from_socket(sql) if self._is_plain() else self._from_driver(sql, batch_rows, batch_bytes)
            for batch in batches:
                self._keep_pace(len(batch[0]), sum(column.nbytes for column in batch))
                yield batch
            finished = True
        finally:
            if not finished:
                self._close()

    def _is_plain(self) -> bool:
        """Whether the socket carries the protocol as it is."""
        states = self.rows("SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_cipher', 'Compression')")
        return all(value in {b"", b"OFF"} for _, value in states)

    def _from_socket(self, sql: str) -> Iterator[Columns]:
        with self._errors("read"):
            self._connection.send_query(sql.encode())
            handle = self._connection.fileno()
        batches = iter(WireRows(lambda space: os.readv(handle, [space])))
        while True:
            with self._errors("read"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _from_driver(self, sql: str, batch_rows: int, batch_bytes: int) -> Iterator[Columns]:
        with self._errors("read"):
            self._connection.query(sql)
            result = self._connection.use_result()
        wanted = min(batch_rows, _FIRST_BATCH_ROWS)
        while True:
            with self._errors("read"), _collector_off():
                rows = result.fetch_row(wanted, 0)
                batch = [pa.array(values, pa.binary()) for values in zip(*rows, strict=True)]
            if not rows:
                return
            width = sum(column.nbytes for column in batch) / len(rows)
            wanted = int(max(1, min(batch_rows, batch_bytes / max(width, 1), wanted * 4)))
            yield batch

    def _keep_pace(self, rows: int, size: float) -> None:
        if self.load.pace is not None:
            self._cancelled.wait(self.load.pace.seconds_to_wait(time.monotonic(), rows, size))

    def begin_snapshot(self, schema: str, table: str) -> None:
        """Start a read-only transaction that sees one state of the server, and hold the table's definition in it.

        Raises:
            SourceError: the table cannot be read.
        """
        self.rows(BEGIN_SNAPSHOT)
        self.hold_definition(schema, table)

    def hold_definition(self, schema: str, table: str) -> None:
        """Hold the table's definition until the transaction ends.

        Raises:
            SourceError: the table cannot be read, or was altered since the snapshot began.
        """
        # The first touch locks the definition: columns looked up from here on are those that the rows will have.
        self.rows(f"SELECT 1 FROM {quote_identifier(schema)}.{quote_identifier(table)} LIMIT 0")

    def tables(self, schema: str) -> tuple[SourceTable, ...]:
        """The tables and views of a schema, by name.

        Raises:
            SourceError: there is no such schema, or the account sees none of its tables.
        """
        known = self.rows(
            f"SELECT schema_name FROM information_schema.schemata WHERE schema_name = {quote_text(schema)}"
        )
        if not known:
            raise SourceError(
                f"{self.info.label}: there is no schema {schema} that the user may see: "
                "correct its name, or grant the user SELECT on it"
            )
        found = self.rows(
            "SELECT table_name, table_type FROM information_schema.tables "
            f"WHERE table_schema = {quote_text(schema)} ORDER BY table_name"
        )
        tables = tuple(
            SourceTable(_text(name), _text(kind) == "VIEW")
            for name, kind in found
            if _text(kind) in {"BASE TABLE", "VIEW", "SYSTEM VERSIONED"}
        )
        if not tables:
            raise SourceError(
                f"{self.info.label}: schema {schema} has no tables that the user may see: "
                "create them, or grant the user SELECT on them"
            )
        return tables

    def columns(self, schema: str, table: str) -> tuple[SourceColumn, ...]:
        """The columns of a table in their order, generated and invisible ones too.

        Raises:
            SourceError: there is no such table, or the account sees none of its columns.
        """
        found = self.rows(
            "SELECT column_name, column_type, is_nullable, column_key, character_set_name, table_name "
            "FROM information_schema.columns "
            f"WHERE table_schema = {quote_text(schema)} AND table_name = {quote_text(table)} ORDER BY ordinal_position"
        )
        columns = tuple(
            SourceColumn(
                _text(name),
                one_form(_text(kind)),
                _text(nullable) == "YES",
                _text(key) in {"PRI", "UNI"},
                None if character_set is None else _text(character_set),
            )
            for name, kind, nullable, key, character_set, owner in found
            # The comparison above may fold case, and the server may hold both `Sales` and `sales`.
            if _text(owner) == table or len({row[5] for row in found}) == 1
        )
        if not columns:
            raise SourceError(
                f"{self.info.label}: there is no table {schema}.{table} that the user may see: "
                "correct its name, remove its contract, or grant the user SELECT on it"
            )
        return columns

    def estimated_rows(self, schema: str, table: str) -> int:
        """How many rows the server believes that a table has; 0 where it does not say, as of a view."""
        found = self.rows(
            "SELECT table_rows FROM information_schema.tables "
            f"WHERE table_schema = {quote_text(schema)} AND table_name = {quote_text(table)}"
        )
        return int(found[0][0] or 0) if found else 0

    def server(self) -> Server:
        """The server's version and the position of its binary log, as far as the account may see them."""
        version = _text(self.rows("SELECT VERSION()")[0][0])
        # MariaDB and Percona show, to any account, the position that belongs to the snapshot exactly.
        status = {
            _text(name).lower(): _text(value) for name, value in self.rows("SHOW STATUS LIKE 'binlog_snapshot_%'")
        }
        file, position = status.get("binlog_snapshot_file", ""), status.get("binlog_snapshot_position", "")
        if file:
            gtid = self._first(f"SELECT BINLOG_GTID_POS({quote_text(file)}, {int(position)})")
            return Server(version, file, int(position), gtid or None)
        for statement in ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"):
            with contextlib.suppress(SourceError):
                rows = self.rows(statement)
                if rows:
                    gtid = self._first("SELECT @@GLOBAL.gtid_executed")
                    return Server(version, _text(rows[0][0]), int(rows[0][1] or 0), gtid or None)
        return Server(version)

    def _first(self, sql: str) -> str | None:
        with contextlib.suppress(SourceError):
            value = self.rows(sql)[0][0]
            return None if value is None else value.decode()
        return None

    @contextlib.contextmanager
    def _errors(self, action: str) -> Generator[None]:
        if self._cancelled.is_set():
            raise SourceUnavailableError(f"{self.info.label}: the copy was stopped: {TRANSIENT}")
        try:
            yield
        except MySQLdb.Error as error:
            shown = without_values(error)
            raise source_error(shown, self.info.label, action) from shown
        except WireError as error:
            shown = without_values(MySQLdb.OperationalError(error.code, error.message))
            raise source_error(shown, self.info.label, action) from shown
        except ConnectionError as error:
            raise source_error(MySQLdb.OperationalError(2013, str(error)), self.info.label, action) from error
        except (AttributeError, TypeError) as error:
            if self._connection is not None:
                raise
            raise SourceUnavailableError(f"{self.info.label}: the connection was closed: {TRANSIENT}") from error


def list_tables(info: ConnectionInfo, schema: str) -> tuple[SourceTable, ...]:
    """Connect, and give the tables and views of a schema, by name.

    Raises:
        SourceUnavailableError: the server does not answer.
        SourceError: the login is refused, or there is no such schema, or it shows no tables.
    """
    with MySqlSource(info) as source:
        return source.tables(schema)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode()


@contextlib.contextmanager
def _collector_off() -> Generator[None]:
    """Keep the garbage collector from walking every row of a batch while it is fetched: a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
