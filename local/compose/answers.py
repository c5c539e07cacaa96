"""A health check by HTTP: `python -m local.compose.answers URL` ends with status 0 if the URL answers with 200."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

_SECONDS = 8.0


def answers(url: str) -> bool:
    """Tell whether the URL answers with 200 within a few seconds."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
