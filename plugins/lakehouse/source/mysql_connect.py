"""Opens a connection to the source."""

from __future__ import annotations

import os
import socket
from typing import Any

import MySQLdb

from lakehouse.source.login_security import CONNECT_SECONDS, login_options
from lakehouse.source.source_connection import ConnectionInfo

_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}


def connect(info: ConnectionInfo) -> Any:
    """Open a connection that gives every value as the bytes that the server sent.

    The password is given in clear to no one, nor in a form that can be undone to a server that is not verified.

    Raises:
        MySQLdb.Error: as the driver says it.
    """
    options: dict[str, Any] = {
        # With any other host the driver ignores the socket.
        "host": "localhost" if info.unix_socket else info.host,
        "port": info.port,
        "user": info.user,
        "password": info.password,
        "charset": "utf8mb4",
        "use_unicode": False,
        "conv": {},
        "connect_timeout": CONNECT_SECONDS,
        "autocommit": None,
    }
    if info.database:
        options["database"] = info.database
    if info.unix_socket:
        options["unix_socket"] = info.unix_socket
    with login_options(info) as login:
        connection = MySQLdb.connect(**options, **login)
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
