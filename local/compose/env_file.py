"""Makes the env file of `docker-compose.yml`, with random secrets: `python -m local.compose.env_file [--prod] .env`.

With `--prod` neither demo data nor a storage account nor a local Databricks is started, and the places of source, lake
and Databricks are left empty, to be filled in by hand.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
from pathlib import Path

from local.errors import LocalError

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
_FERNET = "AIRFLOW_FERNET_KEY"
# What a platform of one's own needs.
PLACES = ("MYSQL_ONPREM", "DATABRICKS_DEFAULT", "LAKE_ROOT", "SPARK_LAKE_ROOT", "ADLS_GEN2")


class EnvFileError(LocalError):
    """The env file cannot be written."""


def filled(example: str, *, prod: bool = False) -> str:
    """Give the example with a random value in each line that has none; for `prod` its places have none either."""
    lines = [_filled_line(line) for line in example.splitlines()]
    return "\n".join(map(_prod_line, lines) if prod else lines) + "\n"


def write(target: Path, *, prod: bool = False) -> None:
    """Write the env file, readable by its owner alone.

    Raises:
        EnvFileError: it exists already (its secrets may be in use), or its folder cannot be written.
    """
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(filled(EXAMPLE.read_text(), prod=prod))
    except FileExistsError as error:
        raise EnvFileError(f"{target} exists: its secrets may be in use; remove it first if they are not") from error
    except OSError as error:
        raise EnvFileError(f"{target} cannot be written: {error.strerror}") from error


def _filled_line(line: str) -> str:
    name, equals, value = line.partition("=")
    if not equals or value or line.startswith("#"):
        return line
    if name == _FERNET:
        return f"{name}={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"
    # 64 characters: what signs tokens by SHA-512 should be as long as that. It is base64, as the key of a storage
    # account must be, and fits into URLs.
    return f"{name}={secrets.token_hex(32)}"


def _prod_line(line: str) -> str:
    name = line.partition("=")[0]
    return "COMPOSE_PROFILES=prod" if name == "COMPOSE_PROFILES" else f"{name}=" if name in PLACES else line


def main() -> int:
    """Write the file that the arguments name; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.compose.env_file")
    parser.add_argument("--prod", action="store_true", help="for your own source, lake and Databricks")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    try:
        write(options.file, prod=options.prod)
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.prod:
        print(f"{options.file}: fill in {', '.join(PLACES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
