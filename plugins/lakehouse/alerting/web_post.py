"""Posts JSON to the address that an http connection names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.errors import NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

WEB = ("http", "https", "webhook")
SECONDS_TO_WAIT = 15.0
_NO_HEADERS: Mapping[str, str] = {}


def leads_to(connection: Connection, form: str | None) -> bool:
    """Whether it is a connection to a web address whose extra names this `format`; None: none."""
    return connection.conn_type in WEB and connection.extra_dejson.get("format") == form


def post(connection: Connection, payload: Any, headers: Mapping[str, str] = _NO_HEADERS) -> None:
    """Posts a payload as JSON, and once more where the connection breaks.

    Raises:
        NotificationError: the connection has no address, or the answer is an error.
        httpx.HTTPError: the address cannot be reached.
    """
    import httpx

    transport = httpx.HTTPTransport(retries=2)
    with httpx.Client(transport=transport, timeout=SECONDS_TO_WAIT) as client:
        response = client.post(_address(connection), json=payload, headers=headers)
    if response.is_error:
        # Not response.raise_for_status: its message holds the address, which is a secret for most webhooks.
        raise NotificationError(f"the webhook answered {response.status_code} {response.text[:200]}")


def _address(connection: Connection) -> str:
    if not connection.host:
        raise NotificationError("it has no host: put the webhook's address there")
    host = connection.host
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    if connection.port:
        address += f":{connection.port}"
    path = str(connection.extra_dejson.get("path", ""))
    return f"{address.rstrip('/')}/{path.lstrip('/')}" if path else address
