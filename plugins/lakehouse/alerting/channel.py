"""Finds the channel that a connection leads to: each module of the package `channels` is one, and knows no other."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

from lakehouse.alerting import channels as package
from lakehouse.errors import NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakehouse.alerting.alerts import Alert


class Channel(Protocol):
    """What such a module has."""

    CONNECTION: str
    """The connections that lead to it, in words."""

    def takes(self, connection: Connection) -> bool:
        """Whether a connection leads to it; no other channel's does."""
        ...

    def send(self, connection: Connection, alert: Alert) -> None:
        """Sends an alert.

        Raises:
            NotificationError: the connection lacks something, or the channel refused the alert.
            Exception: what its client raises where the channel cannot be reached.
        """
        ...


def channels() -> tuple[Channel, ...]:
    """All channels, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(cast("Channel", importlib.import_module(f"{package.__name__}.{name}")) for name in names)


def send(connection: Connection, alert: Alert) -> None:
    """Sends an alert where a connection leads.

    Raises:
        NotificationError: it leads nowhere, or as the channel has it.
    """
    known = channels()
    channel = next((one for one in known if one.takes(connection)), None)
    if channel is None:
        kind, form = connection.conn_type, connection.extra_dejson.get("format")
        given = f"its type is {kind!r}" + (f" and its format {form!r}" if form else "")
        raise NotificationError(f"{given}, and alerts go to: {'; '.join(one.CONNECTION for one in known)}")
    channel.send(connection, alert)
