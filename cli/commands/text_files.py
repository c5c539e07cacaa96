"""Files that commands write: each whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Writes a file in one step, in place of one that is there."""
    # The lake's packages take their time to load, so that commands that write nothing do without.
    from lakehouse.lake.lake_path import publish

    publish(file, text.encode())
