"""A lake as it would be some days later."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

_TIMES = ("timestamp", "inCommitTimestamp", "deletionTimestamp", "modificationTime")


def aged(lake: Path, target: Path, days: int) -> Path:
    """Copies a lake of Delta tables without checkpoints and makes all that it holds so much older."""
    shutil.copytree(lake, target)
    for log in target.rglob("_delta_log/*.json"):
        lines = [_older(json.loads(line), days) for line in log.read_text().splitlines()]
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for path in target.rglob("*"):
        if path.suffix == ".crc":
            path.unlink()
        elif path.is_file():
            # The copy of a log was just written; the log itself was when its commit was made.
            then = (lake / path.relative_to(target)).stat().st_mtime - days * 86400
            os.utime(path, (then, then))
    return target


def _older(action: dict[str, dict[str, object]], days: int) -> dict[str, dict[str, object]]:
    for content in action.values():
        for name in _TIMES:
            if isinstance(content.get(name), int):
                content[name] = int(str(content[name])) - days * 86400 * 1000
    return action
