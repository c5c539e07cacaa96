"""What keeps the copy from being a burden on a busy production server: its pace, and the settings of its sessions."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.source.sql_text import quote_text

if TYPE_CHECKING:
    from lakehouse.settings import Settings

SessionValue = str | int | float

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The copy sets these itself, or is exact only because of what they are: another value would change what rows say, or
# leave rows out in silence.
_FORBIDDEN = re.compile(
    r"sql_mode|old_mode|time_zone|timestamp|autocommit|sql_select_limit|sql_auto_is_null|sql_safe_updates"
    r"|completion_type|(tx|transaction)_(isolation|read_only)|(character_set|collation)_.*|big_tables|max_join_size"
    r"|sql_big_selects|system_versioning_.*|sql_quote_show_create|lc_.*|default_.*|pseudo_.*|gtid_.*|rand_seed.*"
)


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
        session_settings: set for each session (`SET SESSION name = value`), as `check_session_settings` allows them.
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


def check_session_settings(document: object) -> dict[str, SessionValue]:
    """The session settings of a JSON document.

    Raises:
        ValueError: it is no object of names and plain values, or names what the copy's exactness rests on.
    """
    if not isinstance(document, dict):
        raise ValueError('must be a JSON object of session settings, such as {"max_statement_time": 0}')
    for name, value in document.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"names {name!r}, which is no name of a session setting: use small letters, digits and _")
        if _FORBIDDEN.fullmatch(name):
            raise ValueError(f"names {name}, which the copy sets itself or is exact only because of: leave it out")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"gives {name} the value {value!r}: use a text or a number (ON and OFF are texts)")
    return document


def _literal(value: SessionValue) -> str:
    return quote_text(value) if isinstance(value, str) else repr(value)
