"""The names of bronze's files, without what differs between any two attempts."""

from __future__ import annotations

import re
from collections.abc import Iterable


def without_attempt(names: Iterable[str]) -> list[str]:
    """The names in order, as though an attempt had no number of its own."""
    return sorted(re.sub(r"-[0-9a-f]{12}-(\d+)\.parquet$", r"-\1.parquet", name) for name in names)
