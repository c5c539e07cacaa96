"""Where the source is and who asks: reading an Airflow connection or its parts, and opening it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import MySQLdb

from lakehouse.errors import SourceError

_CONNECT_SECONDS = 10
_SSL_OPTIONS = ("ca", "capath", "cert", "key", "cipher")
_SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}


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
    ssl, ssl_mode = _ssl(conn_id, extra), extra.get("ssl_mode")
    if ssl_mode is not None and ssl_mode not in _SSL_MODES:
        raise SourceError(f"connection {conn_id}: ssl_mode in its extra is {ssl_mode!r}: use {', '.join(_SSL_MODES)}")
    return ConnectionInfo(
        conn_id=conn_id,
        host=host or "localhost",
        port=port or 3306,
        user=user or "",
        password=password or "",
        database=database or None,
        unix_socket=extra.get("unix_socket"),
        ssl=ssl,
        ssl_mode=ssl_mode,
    )


def _ssl(conn_id: str, extra: Mapping[str, Any]) -> dict[str, str] | None:
    ssl = extra.get("ssl")
    if isinstance(ssl, str):
        try:
            ssl = json.loads(ssl)
        except ValueError as error:
            raise SourceError(f"connection {conn_id}: ssl in its extra must be a JSON object, not {ssl!r}") from error
    if ssl is None:
        return None
    if not isinstance(ssl, dict):
        raise SourceError(f"connection {conn_id}: ssl in its extra must be a JSON object, not {ssl!r}")
    # The driver ignores what it does not know, and would then check no certificate.
    for name, value in ssl.items():
        if name not in _SSL_OPTIONS or not isinstance(value, str):
            raise SourceError(
                f"connection {conn_id}: ssl in its extra has {name}: {value!r}: use {', '.join(_SSL_OPTIONS)}, "
                "each with a text"
            )
    return ssl


def connect(info: ConnectionInfo) -> Any:
    """Open a connection that gives every value as the bytes that the server sent.

    Raises:
        MySQLdb.Error: as the driver says it.
    """
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
    connection = MySQLdb.connect(**options)
    if not info.unix_socket:
        _keep_alive(connection)
    return connection


def _keep_alive(connection: Any) -> None:
    """Notice within two minutes that the server or the network is gone: a query may be silent for hours."""
    handle = socket.socket(fileno=os.dup(connection.fileno()))
    try:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            # Not every system has all of them.
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    finally:
        handle.close()
