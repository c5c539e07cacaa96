"""Where the lake of a command is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from lakehouse.errors import SettingError


def add_lake_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--lake-root`."""
    parser.add_argument(
        "--lake-root",
        metavar="PLACE",
        help="a folder, or a URI such as abfs://connection@container/folder (default: the setting lake_root)",
    )


def environment_with_lake(place: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the lake that a person named, if any, as its setting `lake_root`.

    Raises:
        SettingError: it is a folder that no URI can name.
    """
    if place is None:
        return dict(environ)
    if "://" not in place:
        if "#" in place or "?" in place:
            raise SettingError(f"--lake-root {place!r} holds # or ?, which no URI can: rename the folder")
        place = f"file://{Path(place).absolute()}"
    return {**environ, "LAKEHOUSE_LAKE_ROOT": place}
