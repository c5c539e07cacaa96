"""Where the lake of a command is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import SettingError

if TYPE_CHECKING:
    from lakehouse.lake.lake_path import LakePath
    from lakehouse.lake.tables import Lake


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


def chosen_lake(place: str | None) -> LakePath:
    """The lake's root: the place that a person named, or that of the setting.

    Raises:
        SettingError: it cannot be reached as the settings say.
    """
    from lakehouse.lake.lake_root import lake_at
    from lakehouse.settings import setting_value

    environ = environment_with_lake(place, os.environ)
    return lake_at(setting_value("lake_root", environ), setting_value("lake_conn_id", environ))


def chosen_tables(place: str | None) -> Lake:
    """The lake with its tables: the folders that a person named, or what the settings say.

    Raises:
        SettingError: it cannot be reached as the settings say.
    """
    from lakehouse.lake.delta_table import folder_lake
    from lakehouse.readable_lake import readable_lake
    from lakehouse.settings import setting_value

    if place is not None:
        return folder_lake(chosen_lake(place))
    return readable_lake(lambda name: setting_value(name, os.environ))
