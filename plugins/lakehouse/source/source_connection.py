"""Where the source is and who asks: reading an Airflow connection or its parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse.errors import SourceError

_SSL_OPTIONS = ("ca", "capath", "cert", "key", "cipher")
_SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")


@dataclass(frozen=True)
class ConnectionInfo:
    """Where the source is and who asks; `conn_id` names it in messages.

    `ssl` holds mysqlclient's TLS options, and verifies where `ssl_mode` says nothing else; `server_public_key` is the
    path of the key by which a password is encrypted where there is no TLS.
    """

    conn_id: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str | None = None
    unix_socket: str | None = None
    ssl: Mapping[str, Any] | None = None
    ssl_mode: str | None = None
    server_public_key: str | None = None

    @property
    def label(self) -> str:
        """The connection in messages: its id, address and user, never the password."""
        place = self.unix_socket or f"{self.host}:{self.port}"
        return f"connection {self.conn_id} ({self.user}@{place})"


def connection_info(conn_id: str) -> ConnectionInfo:
    """Read an Airflow connection of type `mysql`; in its extra `ssl`, `ssl_mode`, `server_public_key`, `unix_socket`.

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
        SourceError: host or extra cannot be used.
    """
    # The driver takes such a host for a list of options.
    if host is not None and any(character in host for character in ";=/"):
        raise SourceError(f"connection {conn_id}: its host must be a name or an address, without ; = and /")
    ssl, ssl_mode = _ssl(conn_id, extra), extra.get("ssl_mode")
    if ssl_mode is not None and ssl_mode not in _SSL_MODES:
        raise SourceError(f"connection {conn_id}: ssl_mode in its extra is {ssl_mode!r}: use {', '.join(_SSL_MODES)}")
    if ssl is not None and ssl_mode == "DISABLED":
        raise SourceError(f"connection {conn_id}: its extra asks for TLS by ssl, and for none by ssl_mode: drop one")
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
        server_public_key=_server_public_key(conn_id, extra, ssl_mode),
    )


def _server_public_key(conn_id: str, extra: Mapping[str, Any], ssl_mode: str | None) -> str | None:
    path = extra.get("server_public_key")
    if path is None:
        return None
    if extra.get("ssl") is not None or ssl_mode not in {None, "DISABLED"}:
        # Over TLS the password is not encrypted once more.
        raise SourceError(
            f"connection {conn_id}: server_public_key in its extra is for connections without TLS: "
            "drop it, and use ssl_mode VERIFY_CA or VERIFY_IDENTITY"
        )
    if not isinstance(path, str):
        raise SourceError(f"connection {conn_id}: server_public_key in its extra must be a file's path, not {path!r}")
    return path


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
