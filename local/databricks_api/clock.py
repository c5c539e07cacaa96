"""Time as the Jobs API counts it. Whoever needs the time is given a clock, so that tests can give their own."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since 1970-01-01 UTC."""


def system_clock() -> int:
    """The machine's time in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000
