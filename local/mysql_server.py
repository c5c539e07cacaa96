"""A private MariaDB server: the on-premises source system of the demo and of the tests.

It listens on the loopback address alone, keeps all it has under one folder, reads no system-wide option file, and so
runs beside any other MySQL or MariaDB of the machine.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import MySQLdb

from local.errors import MySqlServerError
from local.private_server import PrivateServer
from local.processes import is_port_free
from local.socket_folders import make_private, socket_folder

HOST = "127.0.0.1"
SOURCE_SCHEMA = "atliqsale"
OWNER = "owner"
READER = "lakehouse"
_SOCKET_NAME = "mariadb.sock"
_INSTALL_HINT = "install MariaDB's server (Debian, Ubuntu: apt-get install mariadb-server)"


@dataclass(frozen=True)
class Credentials:
    """Passwords of the two accounts: `owner` may do anything, `lakehouse` may only SELECT from the source schema."""

    owner: str
    lakehouse: str

    def password_of(self, user: str) -> str:
        """Give the password of `owner` or `lakehouse`.

        Raises:
            MySqlServerError: there is no such account.
        """
        passwords = asdict(self)
        if user not in passwords:
            raise MySqlServerError(f"the private MariaDB has no account {user!r}; it has {', '.join(passwords)}")
        return str(passwords[user])


class MySqlServer(PrivateServer):
    """One MariaDB server with its data, socket, log and credentials under `home`, on `127.0.0.1:port`.

    The server dies with the thread that called `start()`, so call that from a thread which stays.

    Args:
        home: the folder of all it has.
        port: where it listens.
        options: further options of the server, such as `--require-secure-transport=ON`.
        binary_log: keep a binary log, as servers in production do.
    """

    NAME = "MariaDB"
    LOG_NAME = "mariadb.log"
    ERROR = MySqlServerError

    def __init__(self, home: Path, port: int, options: Sequence[str] = (), binary_log: bool = False) -> None:
        super().__init__(home)
        self.binary_log = binary_log
        self.options = tuple(options)
        self.port = port
        self.host = HOST
        self.user = OWNER

    @property
    def public_key(self) -> Path | None:
        """The key that a login without TLS needs to have; None where none needs one."""
        return None

    @property
    def socket(self) -> Path:
        """The server's Unix socket; it is kept elsewhere when the path of `home` is too long for one."""
        return socket_folder(self.home, _SOCKET_NAME) / _SOCKET_NAME

    @property
    def credentials(self) -> Credentials:
        """The accounts' passwords, made at random when first asked for and kept in `home/credentials.json`."""
        file = self.home / "credentials.json"
        if not file.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            made = Credentials(owner=secrets.token_urlsafe(24), lakehouse=secrets.token_urlsafe(24))
            partial = file.with_suffix(f".{os.getpid()}.partial")
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                json.dump(asdict(made), stream)
            partial.replace(file)
        try:
            return Credentials(**json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise MySqlServerError(f"{file}: not the credentials of a private MariaDB; remove {self.home}") from error

    @property
    def password(self) -> str:
        """The password of `owner`."""
        return self.credentials.owner

    def start(self) -> None:
        """Start the server and wait until it answers; install its data folder first where there is none.

        Does nothing while the server runs.

        Raises:
            MySqlServerError: the server is not installed, the port or the folder is in use, or the server ends or stays
                silent; the message holds the last lines of its log.
        """
        if self.is_running():
            return
        command = self._command()
        self._wait_for_leftover(self._pid_file, f"--datadir={self.data_folder}")
        if not is_port_free(self.port):
            raise MySqlServerError(f"port {self.port} on {HOST} is taken: stop what listens there or choose another")
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        make_private(self.socket.parent)
        if not self.data_folder.exists():
            self._install()
        self._launch([*command, *self._options()])
        try:
            self._wait_until_it_answers(lambda: self._connect_as_administrator().close(), MySQLdb.OperationalError)
            self._create_accounts()
        except BaseException:
            self.stop()
            raise

    def connect(self, database: str | None = None, user: str = OWNER, **options: Any) -> MySQLdb.connections.Connection:
        """Connect over TCP in utf8mb4; every statement commits by itself unless `autocommit=False` is given.

        Raises:
            MySqlServerError: the server does not answer, or has no such account or database.
        """
        settings: dict[str, Any] = {"charset": "utf8mb4", "autocommit": True, "local_infile": 1, **options}
        if database is not None:
            settings["database"] = database
        password = self.credentials.password_of(user)
        try:
            return MySQLdb.connect(host=HOST, port=self.port, user=user, password=password, **settings)
        except MySQLdb.Error as error:
            raise MySqlServerError(f"cannot connect to {self.NAME} at {HOST}:{self.port} as {user}: {error}") from error

    def create_schema(self, name: str) -> None:
        """Create a schema afresh in utf8mb4, dropping an older one of that name, and let `lakehouse` SELECT from it."""
        quoted = "`" + name.replace("`", "``") + "`"
        # In a GRANT, _ and % are wildcards of the schema name.
        granted = quoted.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")
                cursor.execute(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4")
                cursor.execute(f"GRANT SELECT ON {granted}.* TO '{READER}'@'{HOST}'")
        finally:
            connection.close()

    def has_schema(self, name: str) -> bool:
        """Tell whether a schema exists."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s", (name,))
                return bool(cursor.fetchone() == (1,))
        finally:
            connection.close()

    def _command(self) -> list[str]:
        """The server's program; what it needs to find its own parts may follow."""
        return [_program("mariadbd", "mysqld")]

    def _options(self) -> list[str]:
        return [
            "--no-defaults",
            *user_option(),
            f"--datadir={self.data_folder}",
            f"--tmpdir={self._temporary_folder()}",
            f"--socket={self.socket}",
            f"--pid-file={self._pid_file}",
            f"--port={self.port}",
            f"--bind-address={HOST}",
            "--skip-name-resolve",
            *(["--log-bin=binlog", "--server-id=1", "--binlog-format=ROW"] if self.binary_log else ["--skip-log-bin"]),
            "--default-time-zone=+00:00",
            "--character-set-server=utf8mb4",
            "--local-infile=1",
            "--innodb-buffer-pool-size=256M",
            "--innodb-flush-log-at-trx-commit=2",
            "--max-connections=100",
            *self.options,
        ]

    def _temporary_folder(self) -> Path:
        folder = self.home / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def _pid_file(self) -> Path:
        return self.home / "mariadb.pid"

    def _install(self) -> None:
        installer = _program("mariadb-install-db", "mysql_install_db")
        self._install_data(
            installer,
            lambda folder: [
                installer,
                "--no-defaults",
                *user_option(),
                f"--datadir={folder}",
                "--auth-root-authentication-method=socket",
                f"--auth-root-socket-user={getpass.getuser()}",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            # A server clears the temporary tables of its folder when it starts: in /tmp those of another installation.
            {**os.environ, "TMPDIR": str(self._temporary_folder())},
        )

    def _connect_as_administrator(self) -> MySQLdb.connections.Connection:
        return MySQLdb.connect(unix_socket=str(self.socket), user=getpass.getuser(), charset="utf8mb4", autocommit=True)

    def _create_accounts(self) -> None:
        credentials = self.credentials
        connection = self._connect_as_administrator()
        try:
            with connection.cursor() as cursor:
                for user in (OWNER, READER):
                    password = [credentials.password_of(user)]
                    cursor.execute(f"CREATE USER IF NOT EXISTS '{user}'@'{HOST}' IDENTIFIED BY %s", password)
                    cursor.execute(f"ALTER USER '{user}'@'{HOST}' IDENTIFIED BY %s", password)
                cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO '{OWNER}'@'{HOST}' WITH GRANT OPTION")
                cursor.execute(f"GRANT SELECT ON `{SOURCE_SCHEMA}`.* TO '{READER}'@'{HOST}'")
        finally:
            connection.close()


def _program(*names: str) -> str:
    # Debian keeps the server in /usr/sbin, which an ordinary user's PATH lacks.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise MySqlServerError(f"{names[0]} was not found: {_INSTALL_HINT}")


def user_option() -> list[str]:
    """What a server wants to be told before it runs as root."""
    return ["--user=root"] if os.geteuid() == 0 else []
