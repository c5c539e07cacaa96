"""The process in which one way runs: `python -m bench.worker MODULE`, spoken to in lines of JSON.

The first line read describes the source; the answer is `{"ready": {package: version}}`. Each further line is
`{"tables": […], "folder": …}`, with `"business_date"` for the way that knows one; the answer is `{"done": true}`.
An answer `{"error": …}` tells what went wrong. The process ends when its input does.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from bench.peers.way import Source, Way


def main(module: str) -> None:
    """Serve requests until standard input ends."""
    # Libraries print what they like: the answers go out on a descriptor of their own, all else to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")

    try:
        way = importlib.import_module(module).Copy(Source(**json.loads(sys.stdin.readline())))
        answer(ready={name: importlib.metadata.version(name) for name in way.packages})
    except BaseException as error:
        answer(error=describe(error))
        raise
    for line in sys.stdin:
        try:
            _copy(way, json.loads(line))
        # A panic of a Rust library is no Exception.
        except BaseException as error:
            answer(error=describe(error))
        else:
            answer(done=True)


def _copy(way: Way, request: dict[str, Any]) -> None:
    tables, folder = request["tables"], Path(request["folder"])
    if "business_date" in request:
        way.copy_on(date.fromisoformat(request["business_date"]), tables[0], folder)
    elif len(tables) == 1:
        way.copy(tables[0], folder)
    else:
        way.copy_all(tables, folder)


def describe(error: BaseException) -> str:
    """An error in one line of moderate length."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300]


if __name__ == "__main__":
    main(sys.argv[1])
