"""Makes the env file of `docker-compose.yml`, with random secrets: `python -m local.compose.env_file .env`."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

from local.errors import LocalError

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
_FERNET = "AIRFLOW_FERNET_KEY"


class EnvFileError(LocalError):
    """The env file cannot be written."""


def filled(example: str) -> str:
    """Give the example with a random value in each line that has none."""
    return "\n".join(_filled_line(line) for line in example.splitlines()) + "\n"


def write(target: Path) -> None:
    """Write the env file, readable by its owner alone.

    Raises:
        EnvFileError: it exists already (its secrets may be in use), or its folder cannot be written.
    """
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(filled(EXAMPLE.read_text()))
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
    return f"{name}={secrets.token_urlsafe(32)}"


def main() -> int:
    """Write the file named by the only argument; gives the exit status."""
    if len(sys.argv) != 2:
        print("usage: python -m local.compose.env_file FILE", file=sys.stderr)
        return 2
    try:
        write(Path(sys.argv[1]))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
