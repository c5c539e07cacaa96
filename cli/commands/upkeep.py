"""`upkeep`: removes from bronze what no reader can come to."""

from __future__ import annotations

import argparse
import os

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.lake_argument import add_lake_argument, environment_with_lake


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_lake_argument(parser)
    parser.add_argument(
        "--grace-days",
        metavar="N",
        help="keep files younger than N days, 1 or more (default: the setting bronze_grace_days)",
    )
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, and show what would go")


def run(arguments: argparse.Namespace) -> int:
    """Sweep bronze, one line per table; a damaged table is reported and left, and makes the end `FOUND_WRONG`."""
    from lakehouse.bronze.bronze_upkeep import sweep_lake
    from lakehouse.lake.lake_root import lake_at
    from lakehouse.settings import setting_value

    environ = environment_with_lake(arguments.lake_root, os.environ)
    if arguments.grace_days is not None:
        environ["LAKEHOUSE_BRONZE_GRACE_DAYS"] = arguments.grace_days
    lake = lake_at(setting_value("lake_root", environ), setting_value("lake_conn_id", environ))
    days = setting_value("bronze_grace_days", environ)
    return FOUND_WRONG if sweep_lake(lake, days, print, dry_run=arguments.dry_run) else DONE


COMMAND = Command(
    words=("upkeep",),
    summary="remove from bronze what no reader can come to",
    description="Removes files of copies that failed, and replaced indexes of facts, once they are old enough.",
    add_arguments=_add_arguments,
    run=run,
)
