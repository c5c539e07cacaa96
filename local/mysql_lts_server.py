"""A private MySQL, beside MariaDB the other kind of source; local/setup/mysql.sh brings its programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import MySQLdb

from local.errors import MySqlServerError
from local.mysql_server import MySqlServer, user_option

_ADMINISTRATOR = "root"


def mysql_folder() -> Path:
    """Where MySQL is unpacked: `LAKEHOUSE_MYSQL`, or its place in the cache."""
    cache = Path(os.environ.get("LAKEHOUSE_CACHE") or "~/.cache/lakehouse").expanduser()
    return Path(os.environ.get("LAKEHOUSE_MYSQL") or cache / "mysql")


class MySqlLtsServer(MySqlServer):
    """One MySQL server, like the MariaDB of `MySqlServer`: the same accounts, options and folder."""

    NAME = "MySQL"
    LOG_NAME = "mysql.log"

    @staticmethod
    def is_installed() -> bool:
        """Whether there is a MySQL to start."""
        return (mysql_folder() / "usr/sbin/mysqld").exists()

    @property
    def public_key(self) -> Path | None:
        """The key that the server makes in its data folder when that is installed."""
        return self.data_folder / "public_key.pem"

    def _command(self) -> list[str]:
        if not self.is_installed():
            raise MySqlServerError(
                f"there is no MySQL in {mysql_folder()}: run SETUP_MYSQL=wanted bash local/setup/install.sh, or set "
                "LAKEHOUSE_MYSQL to a folder with usr/sbin/mysqld"
            )
        folder = mysql_folder()
        # Built for a newer C library than the machine may have: it is started by its own.
        loader = next(folder.glob("usr/lib*/**/ld-linux-*.so.*"), None)
        if loader is None:
            return [str(folder / "usr/sbin/mysqld")]
        return [str(loader), "--library-path", str(loader.parent), str(folder / "usr/sbin/mysqld")]

    def _options(self) -> list[str]:
        return [
            *super()._options(),
            *_parts_options(),
            "--mysqlx=OFF",
            *(["--sync-binlog=0"] if self.binary_log else []),
            "--secure-file-priv=",
        ]

    @property
    def _pid_file(self) -> Path:
        return self.home / "mysql.pid"

    def _install(self) -> None:
        # The administrator has a password from the first moment on.
        statements = self.home / "install.sql"
        with os.fdopen(os.open(statements, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(f"ALTER USER '{_ADMINISTRATOR}'@'localhost' IDENTIFIED BY '{self.credentials.owner}';\n")
        try:
            command = self._command()
            self._install_data(
                command[-1],
                lambda folder: [
                    *command,
                    "--no-defaults",
                    *user_option(),
                    f"--datadir={folder}",
                    *_parts_options(),
                    "--initialize-insecure",
                    f"--init-file={statements}",
                ],
            )
        finally:
            statements.unlink()

    def _connect_as_administrator(self) -> MySQLdb.connections.Connection:
        return MySQLdb.connect(
            unix_socket=str(self.socket),
            user=_ADMINISTRATOR,
            password=self.credentials.owner,
            charset="utf8mb4",
            autocommit=True,
        )


SERVERS: Mapping[str, type[MySqlServer]] = {"mariadb": MySqlServer, "mysql": MySqlLtsServer}


def _parts_options() -> list[str]:
    folder = mysql_folder()
    return [f"--lc-messages-dir={folder / 'usr/share/mysql'}", f"--plugin-dir={folder / 'usr/lib/mysql/plugin'}"]
