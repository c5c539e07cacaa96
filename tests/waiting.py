"""Waits for a condition, and says what did not come when it waited in vain."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.05


def wait_until(condition: Callable[[], object], otherwise: str | Callable[[], str], seconds: float = 60) -> None:
    """Returns as soon as the condition is true.

    Args:
        condition: is asked twenty times a second.
        otherwise: what to say in vain, or what tells it then.
        seconds: how long to wait.

    Raises:
        AssertionError: the condition did not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            said = otherwise if isinstance(otherwise, str) else otherwise()
            raise AssertionError(f"not within {seconds} seconds: {said}")
        time.sleep(PAUSE_SECONDS)
