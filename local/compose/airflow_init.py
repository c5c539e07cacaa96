"""Prepares Airflow before its components start: the login, the metadata database, the pools.

Run once by `docker-compose.yml`; running it again changes nothing but what has changed in its environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalError

REPOSITORY = Path(__file__).resolve().parents[2]
USER_VARIABLE = "LAKEHOUSE_AIRFLOW_USER"
PASSWORD_VARIABLE = "LAKEHOUSE_AIRFLOW_PASSWORD"
FILE_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
COMMANDS = (
    ("airflow", "db", "migrate"),
    # A task in a pool that does not exist is never started.
    ("airflow", "pools", "import", str(REPOSITORY / "infra" / "airflow" / "pools.json")),
)


class InitError(LocalError):
    """Airflow cannot be prepared."""


def write_login(environment: Mapping[str, str]) -> Path:
    """Write the password file of Airflow's SimpleAuthManager, readable by its owner alone.

    Raises:
        InitError: a variable is missing or empty.
    """
    missing = [name for name in (USER_VARIABLE, PASSWORD_VARIABLE, FILE_VARIABLE) if not environment.get(name)]
    if missing:
        raise InitError(f"{', '.join(missing)} must be set")
    file = Path(environment[FILE_VARIABLE])
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump({environment[USER_VARIABLE]: environment[PASSWORD_VARIABLE]}, stream)
    return file


def main() -> int:
    """Prepare Airflow; gives the exit status."""
    try:
        write_login(os.environ)
        for command in COMMANDS:
            if subprocess.run(command, check=False).returncode != 0:
                raise InitError(f"{' '.join(command)} failed; its messages are above")
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
