"""Reading a MySQL or MariaDB server: connecting, looking tables and columns up, and streaming rows from one snapshot.

Values arrive as the bytes that the server sent; type_map.py knows what they mean.
"""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import MySQLdb

from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.manifest import Server
from lakehouse.sql_text import quote_identifier, quote_text
from lakehouse.type_map import SourceColumn

Row = tuple[bytes | None, ...]

_CONNECT_SECONDS = 10
# A reader that waits for the disk must not be cut off, and a table that is being altered must not hold a task for ever.
_SESSION = (
    "SET SESSION sql_mode='', time_zone='+00:00', net_write_timeout=3600, lock_wait_timeout=300",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
_FIRST_BATCH_ROWS = 256
_TRANSIENT = "nothing was changed; the task tries again"
_CURES: Mapping[int, str] = {
    1040: f"the server has no free connection: {_TRANSIENT}",
    1044: "grant the user SELECT on the schema",
    1045: "correct the login and password of the connection",
    1049: "correct the schema's name, or create it on the server",
    1130: "let the user connect from this host (CREATE USER … @'host')",
    1142: "grant the user SELECT on the table",
    1143: "grant the user SELECT on every column of the table",
    1146: "correct the table's name, or remove its contract",
    1205: f"another session holds a lock on the table: {_TRANSIENT}",
    1317: "the query was killed on the server: clear the task to copy again",
    1356: "mend the view on the server, or remove its contract",
    1412: f"the table was altered during the copy: {_TRANSIENT}",
    1698: "correct the login and password of the connection",
    1969: "the server's time limit for a query was reached: raise max_statement_time for the user",
    2002: "see that the server runs and that host, port and socket are right",
    2003: "see that the server runs, and that host, port and firewall let this machine reach it",
    2005: "correct the host of the connection",
    2006: f"the connection was lost: {_TRANSIENT}",
    2013: f"the connection was lost: {_TRANSIENT}",
    2026: "correct the TLS options in the connection's extra",
    3024: "the server's time limit for a query was reached: raise max_execution_time for the user",
}
_PASSING = {1040, 1053, 1205, 1213, 1317, 1412, 1927, 2002, 2003, 2005, 2006, 2013, 2055, 4031}


@dataclass(frozen=True)
class ConnectionInfo:
    """Where the source is and who asks; `conn_id` names it in messages, `ssl` holds mysqlclient's TLS options."""

    conn_id: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str | None = None
    unix_socket: str | None = None
    ssl: Mapping[str, Any] | None = None
    ssl_mode: str | None = None

    @property
    def label(self) -> str:
        """The connection in messages: its id, address and user, never the password."""
        place = self.unix_socket or f"{self.host}:{self.port}"
        return f"connection {self.conn_id} ({self.user}@{place})"


@dataclass(frozen=True)
class SourceTable:
    """A table or view of a schema."""

    name: str
    is_view: bool


class MySqlSource:
    """One session on the source; a context manager that connects and closes."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.info = info
        self._connection: Any = None
        self._thread_id: int | None = None
        self._cancelled = False

    def __enter__(self) -> MySqlSource:
        try:
            with self._errors("connect"):
                self._connection = _connect(self.info)
                self._thread_id = self._connection.thread_id()
            for statement in _SESSION:
                with self._errors("connect"):
                    self._connection.query(statement)
        except BaseException:
            self._close()
            raise
        return self

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
        self._cancelled = True
        if self._thread_id is None:
            return
        with contextlib.suppress(MySQLdb.Error):
            killer = _connect(self.info)
            try:
                killer.query(f"KILL {self._thread_id}")
            finally:
                killer.close()

    def rows(self, sql: str) -> list[Row]:
        """Run a statement whose answer is small, and give all of it.

        Raises:
            SourceError: the server refuses it, or the connection is lost.
        """
        with self._errors("query"):
            self._connection.query(sql)
            result = self._connection.store_result()
            return [] if result is None else list(result.fetch_row(0, 0))

    def stream(self, sql: str, batch_rows: int, batch_bytes: int) -> Iterator[tuple[Row, ...]]:
        """Run a statement and give its rows in batches, holding one batch at a time.

        A batch has up to `batch_rows` rows, fewer where rows are wide, so that it stays near `batch_bytes` bytes.

        Raises:
            SourceError: the server refuses it, or the connection is lost.
        """
        with self._errors("read"):
            self._connection.query(sql)
            result = self._connection.use_result()
        wanted = min(batch_rows, _FIRST_BATCH_ROWS)
        while True:
            with self._errors("read"), _collector_off():
                batch = result.fetch_row(wanted, 0)
            if not batch:
                return
            # A sample is enough, and measuring every value would cost as much as fetching it.
            sample = batch[:: max(1, len(batch) // 16)]
            width = sum(len(value) for row in sample for value in row if value is not None) / len(sample)
            wanted = int(max(1, min(batch_rows, batch_bytes / max(width, 1), wanted * 4)))
            yield batch

    def begin_snapshot(self, schema: str, table: str) -> None:
        """Start a read-only transaction that sees one state of the server, and hold the table's definition in it.

        Raises:
            SourceError: the table cannot be read.
        """
        self.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
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
            "SELECT column_name, column_type, is_nullable, column_key, table_name FROM information_schema.columns "
            f"WHERE table_schema = {quote_text(schema)} AND table_name = {quote_text(table)} ORDER BY ordinal_position"
        )
        columns = tuple(
            SourceColumn(_text(name), _text(kind), _text(nullable) == "YES", _text(key) in {"PRI", "UNI"})
            for name, kind, nullable, key, owner in found
            # The comparison above may fold case, and the server may hold both `Sales` and `sales`.
            if _text(owner) == table or len({row[4] for row in found}) == 1
        )
        if not columns:
            raise SourceError(
                f"{self.info.label}: there is no table {schema}.{table} that the user may see: "
                "correct its name, remove its contract, or grant the user SELECT on it"
            )
        return columns

    def server(self) -> Server:
        """The server's version and the position of its binary log, as far as the account may see them."""
        version = _text(self.rows("SELECT VERSION()")[0][0])
        # MariaDB and Percona tell, to anybody, the position that belongs to the snapshot exactly.
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
        if self._cancelled:
            raise SourceUnavailableError(f"{self.info.label}: the copy was stopped: {_TRANSIENT}")
        try:
            yield
        except MySQLdb.Error as error:
            raise _speaking(error, self.info, action) from error
        except (AttributeError, TypeError) as error:
            if self._connection is not None:
                raise
            raise SourceUnavailableError(f"{self.info.label}: the connection was closed: {_TRANSIENT}") from error


def list_tables(info: ConnectionInfo, schema: str) -> tuple[SourceTable, ...]:
    """Connect, and give the tables and views of a schema, by name.

    Raises:
        SourceUnavailableError: the server does not answer.
        SourceError: the login is refused, or there is no such schema, or it shows no tables.
    """
    with MySqlSource(info) as source:
        return source.tables(schema)


def connection_info(conn_id: str) -> ConnectionInfo:
    """Read an Airflow connection of type `mysql`, its extra's `ssl`, `ssl_mode` and `unix_socket` too.

    Raises:
        SourceError: there is no such connection, or its extra cannot be used.
    """
    # Here, not above: everything else in this module works without Airflow.
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise SourceError(
            f"there is no Airflow connection {conn_id}: add it with type mysql, host, login, password and schema"
        ) from error
    return info_from_parts(
        conn_id,
        host=connection.host,
        port=connection.port,
        user=connection.login,
        password=connection.password,
        database=connection.schema,
        extra=connection.extra_dejson,
    )


def info_from_parts(
    conn_id: str,
    *,
    host: str | None,
    port: int | None,
    user: str | None,
    password: str | None,
    database: str | None,
    extra: Mapping[str, Any],
) -> ConnectionInfo:
    """A connection from the parts that Airflow, or a `mysql://` URL, holds of it; `conn_id` names it in messages.

    Raises:
        SourceError: the extra cannot be used.
    """
    ssl = extra.get("ssl")
    if isinstance(ssl, str):
        try:
            ssl = json.loads(ssl)
        except ValueError as error:
            raise SourceError(f"connection {conn_id}: ssl in its extra must be a JSON object, not {ssl!r}") from error
    if ssl is not None and not isinstance(ssl, dict):
        raise SourceError(f"connection {conn_id}: ssl in its extra must be a JSON object, not {ssl!r}")
    return ConnectionInfo(
        conn_id=conn_id,
        host=host or "localhost",
        port=port or 3306,
        user=user or "",
        password=password or "",
        database=database or None,
        unix_socket=extra.get("unix_socket"),
        ssl=ssl,
        ssl_mode=extra.get("ssl_mode"),
    )


def _connect(info: ConnectionInfo) -> Any:
    options: dict[str, Any] = {
        "host": info.host,
        "port": info.port,
        "user": info.user,
        "password": info.password,
        "charset": "utf8mb4",
        "use_unicode": False,
        "conv": {},
        "connect_timeout": _CONNECT_SECONDS,
        "autocommit": None,
    }
    if info.database:
        options["database"] = info.database
    if info.unix_socket:
        options["unix_socket"] = info.unix_socket
    if info.ssl:
        options["ssl"] = dict(info.ssl)
    if info.ssl_mode:
        options["ssl_mode"] = info.ssl_mode
    return MySQLdb.connect(**options)


def _speaking(error: MySQLdb.Error, info: ConnectionInfo, action: str) -> SourceError:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    detail = error.args[-1] if error.args else error
    text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
    kind = SourceUnavailableError if code in _PASSING else SourceError
    return kind(f"{info.label}: cannot {action}: {text} (error {code}): {_CURES.get(code, 'see the error')}")


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
