"""A private Azurite: Microsoft's own stand-in for a storage account's blob service, for the tests of the lake on Azure.

It listens on the loopback address alone and keeps all it has under one folder. npm brings it, once for all clones.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from local.errors import AzuriteServerError
from local.private_server import PrivateServer

HOST = "127.0.0.1"
ACCOUNT = "lakehouse"
_LOCK_FOLDER = Path(__file__).with_name("azurite")
_INSTALL_SECONDS = 300.0


class AzuriteServer(PrivateServer):
    """One Azurite with its blobs and log under `home`, on `127.0.0.1:port`; it dies with the thread that started it.

    Args:
        home: the folder of all it has.
        port: where it listens.
        program: as `installed_azurite` gives it.
    """

    NAME = "Azurite"
    LOG_NAME = "azurite.log"
    ERROR = AzuriteServerError
    ENDED = "did not start"
    STOP_SECONDS = 15.0

    def __init__(self, home: Path, port: int, program: Path) -> None:
        super().__init__(home)
        self.port = port
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._program = program

    def connection_string(self, port: int | None = None) -> str:
        """What a client needs to know; another `port` leads through a proxy."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={self.key};"
            f"BlobEndpoint=http://{HOST}:{port or self.port}/{ACCOUNT};"
        )

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            AzuriteServerError: it ended or stayed silent; the message holds the end of its log.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self._launch(
            [
                *(str(self._program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"),
                *("--location", str(self.home), "--blobHost", HOST, "--blobPort", str(self.port)),
            ],
            {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self.key}"},
        )
        try:
            self._wait_until_it_answers(lambda: socket.create_connection((HOST, self.port), 1).close(), OSError)
        except BaseException:
            self.stop()
            raise


def installed_azurite(cache: Path | None = None) -> Path:
    """The program of Azurite; where it is missing, npm brings what the lock file names, and runs no script of it.

    Args:
        cache: where downloads are kept (default: the environment variable LAKEHOUSE_CACHE, or ~/.cache/lakehouse).

    Raises:
        AzuriteServerError: there is no npm, or it cannot install Azurite.
    """
    root = cache or Path(os.environ.get("LAKEHOUSE_CACHE") or Path.home() / ".cache" / "lakehouse")
    # One for each state of the lock, so that what another lock brought is never taken.
    digest = hashlib.sha256((_LOCK_FOLDER / "package-lock.json").read_bytes()).hexdigest()
    folder = root / f"azurite-{digest[:12]}"
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        raise AzuriteServerError("npm was not found: install Node.js with npm (Debian, Ubuntu: apt-get install npm)")
    root.mkdir(parents=True, exist_ok=True)
    with (root / "azurite.lock").open("w") as lock:
        # Two test runs at once: the second waits here, and then finds it done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _install(npm, folder)
    return program


def _install(npm: str, folder: Path) -> None:
    # Installed beside and renamed, so that an interrupted installation is never taken for a complete one.
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(_LOCK_FOLDER, partial)
    command = [npm, "ci", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise AzuriteServerError(f"npm did not install Azurite within {_INSTALL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise AzuriteServerError(f"npm cannot install Azurite:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    partial.rename(folder)
