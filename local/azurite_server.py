"""A private Azurite: Microsoft's own stand-in for a storage account's blob service, for the tests of the lake on Azure.

It listens on the loopback address alone and keeps all it has under one folder. npm brings it, once for all clones.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
from pathlib import Path

from local.errors import AzuriteServerError, NpmError
from local.npm_packages import installed_packages
from local.private_server import PrivateServer

HOST = "127.0.0.1"
ACCOUNT = "lakehouse"
_LOCK_FOLDER = Path(__file__).with_name("azurite")


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
    try:
        return installed_packages(_LOCK_FOLDER, "Azurite", cache) / "node_modules" / ".bin" / "azurite-blob"
    except NpmError as error:
        raise AzuriteServerError(str(error)) from error
