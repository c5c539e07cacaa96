"""Where everything of one demo lives: ports, folders and logins, kept under its home."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from local.errors import LocalError
from local.processes import is_port_free

HOST = "127.0.0.1"
AIRFLOW_USER = "admin"
REPOSITORY = Path(__file__).resolve().parents[2]


class PortTakenError(LocalError):
    """Something else listens on a port that the demo needs."""


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one demo. Each is bound on the loopback address alone."""

    airflow: int
    mysql: int
    databricks: int
    spark: int

    @classmethod
    def from_base(cls, base: int) -> Ports:
        """Four ports in a row, so that a second demo needs only another base."""
        return cls(base, base + 1, base + 2, base + 3)

    def require_free(self) -> None:
        """Raises PortTakenError, naming every port that is taken, before anything is started."""
        taken = [f"{port} ({name})" for name, port in asdict(self).items() if not is_port_free(port)]
        if taken:
            raise PortTakenError(
                f"port {', '.join(taken)} on {HOST} is taken by another program; "
                "stop it, or give another first port with --port (four in a row are used)"
            )

    def wait_until_free(self, seconds: float) -> None:
        """Waits for what a killed demo left to end; raises PortTakenError when a port is still taken after that."""
        deadline = time.monotonic() + seconds
        while not all(map(is_port_free, asdict(self).values())) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.require_free()


@dataclass(frozen=True)
class Secrets:
    """Random secrets of one demo, made at its first start and kept in a file that only its owner may read."""

    airflow_password: str
    databricks_token: str
    fernet_key: str
    jwt_secret: str
    api_secret: str

    @classmethod
    def of(cls, home: Path) -> Secrets:
        """The secrets of this home; made if they are not there yet."""
        path = home / "secrets.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        from cryptography.fernet import Fernet

        made = cls(
            airflow_password=secrets.token_urlsafe(12),
            databricks_token=secrets.token_urlsafe(24),
            fernet_key=Fernet.generate_key().decode(),
            jwt_secret=secrets.token_urlsafe(48),
            api_secret=secrets.token_urlsafe(32),
        )
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(made), file)
        return made


@dataclass(frozen=True)
class Home:
    """The folder layout of one demo."""

    root: Path

    @property
    def lake(self) -> Path:
        """Root of bronze, silver, gold and the ledger."""
        return self.root / "lake"

    @property
    def mysql(self) -> Path:
        """The source server's own folder."""
        return self.root / "mysql"

    @property
    def postgres(self) -> Path:
        """The private PostgreSQL's own folder."""
        return self.root / "postgres"

    @property
    def databricks(self) -> Path:
        """State and logs of the local Databricks."""
        return self.root / "databricks"

    @property
    def airflow(self) -> Path:
        """Airflow's home: its logs."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """Output of the processes that the demo starts."""
        return self.root / "logs"
