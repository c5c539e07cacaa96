"""`bin/demo shell`: a shell, or one command, in the environment of the demo that is up."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

from local.demo.addresses import HOST, REPOSITORY, Home
from local.errors import LocalError

FILE = "environment.json"
_OURS = ("AIRFLOW", "LAKEHOUSE_", "PYTHONPATH")


class NoDemoError(LocalError):
    """There is no demo whose environment could be taken."""


def shell_environment(airflow: Mapping[str, str], mysql_port: int, owner_password: str) -> dict[str, str]:
    """What a shell needs beside its own environment: what Airflow's components have, and the way to the source.

    Args:
        airflow: the environment of Airflow's components.
        mysql_port: port of the source.
        owner_password: password of the source's account `owner`, for the clients of MySQL and MariaDB.
    """
    ours = {name: value for name, value in airflow.items() if name.startswith(_OURS)}
    return ours | {"MYSQL_HOST": HOST, "MYSQL_TCP_PORT": str(mysql_port), "MYSQL_PWD": owner_password}


def run(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Becomes the command, or the user's shell.

    Raises:
        NoDemoError: no demo is up in that home, or there is no such command.
    """
    options = _parser().parse_args(arguments)
    home = Home(options.home.resolve())
    try:
        environment = json.loads((home.root / FILE).read_text())
    except FileNotFoundError:
        raise NoDemoError(f"no demo is up in {home.root}: start one by bin/demo, or give its --home") from None
    path = os.pathsep.join([str(REPOSITORY / ".venv" / "bin"), environ.get("PATH", os.defpath)])
    command = options.command or [environ.get("SHELL") or "/bin/sh"]
    if not options.command:
        print("the demo's environment: try airflow dags list, mariadb -u owner, bin/lakehouse --help; leave it by exit")
    try:
        os.execvpe(command[0], command, {**environ, **environment, "PATH": path})
    except OSError as error:
        raise NoDemoError(f"cannot run {command[0]} ({error.strerror}): install it, or correct its name") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/demo shell", description="Open a shell in the demo's environment, or run one command in it."
    )
    parser.add_argument(
        "--home", type=Path, default=Path(".demo"), help="folder of the demo that is up (default .demo)"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="default: your shell")
    return parser
