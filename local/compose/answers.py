"""A health check by HTTP.

`python -m local.compose.answers URL` ends with status 0 if the URL answers with 200; with the name of a component of
Airflow behind it, if the answer says that this component is healthy. Airflow's own check (`airflow jobs check`) starts
Airflow anew each time, which takes seconds of a processor.
"""

from __future__ import annotations

import json
import sys
import urllib.request

_SECONDS = 8.0


def answers(url: str, component: str | None = None) -> bool:
    """Tell whether the URL answers with 200 within a few seconds, and calls the component healthy."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            if answer.status != 200:
                return False
            return component is None or json.load(answer)[component]["status"] == "healthy"
    except (OSError, ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(*sys.argv[1:]) else 1)
