"""What keeps the copy from being a burden on a busy production server: its pace, and the settings of its sessions."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.setting_forms import SessionValue
from lakehouse.settings import Settings
from lakehouse.source.sql_text import quote_text


class Pace:
    """Bounds rows and bytes per second; sessions that share one are bounded together.

    Args:
        rows_per_second, bytes_per_second: 0 sets no bound.
    """

    def __init__(self, rows_per_second: int = 0, bytes_per_second: int = 0) -> None:
        self._rows_per_second = rows_per_second
        self._bytes_per_second = bytes_per_second
        self._due: float | None = None
        self._lock = threading.Lock()

    def seconds_to_wait(self, now: float, rows: int, size: float) -> float:
        """How long to wait after rows were fetched, so that the pace is kept.

        Time in which less was fetched is not saved up: a stall is not followed by a rush.

        Args:
            now: seconds on a clock that never goes back.
            rows: how many were fetched.
            size: their bytes.
        """
        cost = max(
            rows / self._rows_per_second if self._rows_per_second else 0.0,
            size / self._bytes_per_second if self._bytes_per_second else 0.0,
        )
        with self._lock:
            self._due = (now if self._due is None else max(now, self._due)) + cost
            return self._due - now


@dataclass(frozen=True)
class SourceLoad:
    """How sessions on the source behave.

    Attributes:
        connect_attempts: how often a connection is tried before the server counts as away; between two tries one
            second passes, then two, then four.
        session_settings: set for each session (`SET SESSION name = value`), as the setting allows them.
        pace: bounds what is fetched, or None.
    """

    connect_attempts: int = 1
    session_settings: Mapping[str, SessionValue] = field(default_factory=dict)
    pace: Pace | None = None

    @property
    def statements(self) -> tuple[str, ...]:
        """What sets the session up."""
        return tuple(f"SET SESSION {name} = {_literal(value)}" for name, value in self.session_settings.items())


def source_load(settings: Settings) -> SourceLoad:
    """How sessions behave by the settings; the pace is shared by all sessions that are given this object."""
    rows, size = settings.copy_rows_per_second, settings.copy_bytes_per_second
    return SourceLoad(
        connect_attempts=settings.source_connect_attempts,
        session_settings=settings.copy_session_settings,
        pace=Pace(rows, size) if rows or size else None,
    )


def _literal(value: SessionValue) -> str:
    return quote_text(value) if isinstance(value, str) else repr(value)
