"""The MySQL connection of a command outside Airflow: a `mysql://` URL, or the variable that Airflow reads too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lakehouse.errors import SourceError

if TYPE_CHECKING:
    from lakehouse.source.source_connection import ConnectionInfo

URL_FORM = "mysql://user:password@host:3306/schema (special characters percent-encoded)"
_DEFAULT_LABEL = "--mysql"


def find_connection(url: str | None, conn_id: str, environ: Mapping[str, str]) -> ConnectionInfo:
    """The source's connection: the URL if given, else `AIRFLOW_CONN_<ID>` in the environment, else Airflow's own.

    Only the last way imports Airflow, which takes seconds.

    Raises:
        SourceError: the connection is nowhere, or cannot be used.
    """
    if url is not None:
        return connection_from_text(url, _DEFAULT_LABEL)
    variable = environment_name(conn_id)
    if environ.get(variable):
        return connection_from_text(environ[variable], conn_id)
    return _airflows(conn_id, variable)


def environment_name(conn_id: str) -> str:
    """The environment variable in which Airflow looks for a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def connection_from_text(text: str, conn_id: str) -> ConnectionInfo:
    """Read a `mysql://` URL, or the JSON object that Airflow takes in its place.

    The URL's query holds the connection's extra: `unix_socket`, `ssl_mode`, `ssl` (a JSON object), or all of it as JSON
    in `__extra__`.

    Args:
        text: the URL or JSON.
        conn_id: names the connection in messages, which never show the text: it holds the password.

    Raises:
        SourceError: it is neither, or says things that cannot be used.
    """
    from lakehouse.source.source_connection import info_from_parts

    parts = _parts_of_json(text, conn_id) if text.lstrip().startswith("{") else _parts_of_url(text, conn_id)
    return info_from_parts(conn_id, **parts)


def _parts_of_url(text: str, conn_id: str) -> dict[str, Any]:
    try:
        url = urlsplit(text.strip())
        port = url.port
    except ValueError:
        raise SourceError(f"connection {conn_id}: its address is no URL: write it as {URL_FORM}") from None
    if url.scheme not in {"mysql", "mariadb"} or url.fragment:
        raise SourceError(f"connection {conn_id}: its address must be written as {URL_FORM}")
    query = dict(parse_qsl(url.query))
    extra = _object(query.pop("__extra__", "{}"), conn_id, "__extra__")
    return {
        "host": unquote(url.hostname or ""),
        "port": port,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "database": unquote(url.path.lstrip("/")),
        "extra": {**extra, **query},
    }


def _parts_of_json(text: str, conn_id: str) -> dict[str, Any]:
    document = _object(text, conn_id, "the connection")
    extra = document.get("extra") or {}
    try:
        port = int(document.get("port") or 0)
    except (TypeError, ValueError):
        raise SourceError(f"connection {conn_id}: port must be a number, not {document['port']!r}") from None
    return {
        "host": document.get("host"),
        "port": port,
        "user": document.get("login"),
        "password": document.get("password"),
        "database": document.get("schema"),
        "extra": extra if isinstance(extra, dict) else _object(extra, conn_id, "extra"),
    }


def _object(text: str, conn_id: str, what: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise SourceError(f"connection {conn_id}: {what} must be a JSON object")
    return document


def _airflows(conn_id: str, variable: str) -> ConnectionInfo:
    from lakehouse.source.source_connection import connection_info

    try:
        return connection_info(conn_id)
    except SourceError as error:
        raise SourceError(f"{error}; without Airflow set {variable}, or give --mysql, to {URL_FORM}") from error
