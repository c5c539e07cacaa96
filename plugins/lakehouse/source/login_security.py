"""How the password is kept from what answers in the server's place: TLS modes, login methods, what is proved first.

The driver falls back to plain text where a server offers no TLS (unless it verifies), and gives the password by
any method that a server asks for. So the methods are always restricted, by what is known of the server.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import MySQLdb

from lakehouse.errors import SourceError

if TYPE_CHECKING:
    from lakehouse.source.source_connection import ConnectionInfo

CONNECT_SECONDS = 10
_VERIFYING_MODES = frozenset({"VERIFY_CA", "VERIFY_IDENTITY"})
# These prove that the client knows the password, and do not give it.
_PROVING_METHODS = ("mysql_native_password", "client_ed25519", "parsec")
# These may give it: in clear where the connection is secure, else encrypted by the server's public key.
_GIVING_METHODS = ("caching_sha2_password", "sha256_password")
_OPTION_GROUP = "lakehouse"

_CLIENT_TLS = 0x0800
# Long password, protocol 4.1, TLS, secure connection, plugin authentication: what the driver says too.
_TLS_REQUEST = (0x00088A01).to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + bytes(23)


@contextmanager
def login_options(info: ConnectionInfo) -> Generator[Mapping[str, Any]]:
    """The driver's options for a login at `info`'s server; valid within the block, as they name a file.

    Raises:
        MySQLdb.OperationalError: TLS is required, and the server does not offer it or does not answer.
        SourceError: there is no public key in the file that is named.
    """
    options: dict[str, Any] = {"local_infile": 0}
    mode = "VERIFY_IDENTITY" if info.ssl is not None and info.ssl_mode is None else info.ssl_mode
    known = info.unix_socket is not None or mode in _VERIFYING_MODES
    methods: tuple[str, ...] = _PROVING_METHODS
    if known or info.server_public_key is not None:
        methods += _GIVING_METHODS
    else:
        # A server's first choice may be a method that is refused, though the account's own is not.
        options["auth_plugin"] = _PROVING_METHODS[0]
    restrictions = {"restricted-auth": ",".join(methods)}
    if info.ssl is not None:
        options["ssl"] = dict(info.ssl)
    if mode is not None:
        options["ssl_mode"] = mode
    if info.server_public_key is not None:
        _check_public_key(info.server_public_key, info.label)
        options |= {"server_public_key_path": info.server_public_key, "ssl_mode": "DISABLED"}
    if mode == "REQUIRED" and not known:
        restrictions["ssl-fp"] = _fingerprint(_certificate(info))
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".cnf") as file:
        file.write(f"[{_OPTION_GROUP}]\n" + "".join(f"{name}={value}\n" for name, value in restrictions.items()))
        file.flush()
        yield {**options, "read_default_file": file.name, "read_default_group": _OPTION_GROUP}


def _check_public_key(path: str, label: str) -> None:
    # The driver would ask the server for one instead.
    try:
        problem = "" if b"-----BEGIN PUBLIC KEY-----" in Path(path).read_bytes() else "is no public key in PEM form"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if problem:
        raise SourceError(f"{label}: the file server_public_key in its extra {problem}: {path}")


def _certificate(info: ConnectionInfo) -> bytes:
    """The certificate that the server shows over TLS, unverified.

    The driver, asked to expect it, gives up before the login where the server offers no TLS; asked only for TLS, it
    goes on without.
    """
    try:
        with socket.create_connection((info.host, info.port), timeout=CONNECT_SECONDS) as plain:
            _check_greeting(_packet(plain))
            plain.sendall(len(_TLS_REQUEST).to_bytes(3, "little") + b"\x01" + _TLS_REQUEST)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True) or b""
    except ssl.SSLError as error:
        raise MySQLdb.OperationalError(2026, f"TLS/SSL error: {error.reason or error}") from error
    except socket.gaierror as error:
        raise MySQLdb.OperationalError(2005, f"Unknown server host '{info.host}'") from error
    except OSError as error:
        raise MySQLdb.OperationalError(2003, f"Can't connect to server on '{info.host}' ({error})") from error


def _packet(plain: socket.socket) -> bytes:
    def exactly(length: int) -> bytes:
        received = b""
        while len(received) < length:
            received += (part := plain.recv(length - len(received)))
            if not part:
                raise MySQLdb.OperationalError(2013, "Lost connection to server at its greeting")
        return received

    return exactly(int.from_bytes(exactly(4)[:3], "little"))


def _check_greeting(greeting: bytes) -> None:
    if greeting[:1] == b"\xff":
        text = greeting[3:].decode("utf-8", "replace")
        raise MySQLdb.OperationalError(int.from_bytes(greeting[1:3], "little"), text)
    # Protocol, version, NUL, thread (4 bytes), salt (8), a zero, capabilities (2).
    at = greeting.find(b"\0", 1) + 14
    if greeting[:1] != b"\x0a" or not int.from_bytes(greeting[at : at + 2], "little") & _CLIENT_TLS:
        raise MySQLdb.OperationalError(2026, "TLS/SSL error: TLS is required, but the server does not offer it")


def _fingerprint(certificate: bytes) -> str:
    """As the driver's version knows it: Connector/C 3.3 and older know SHA-1 alone."""
    version = tuple(int(part) for part in MySQLdb.get_client_info().split(".")[:2])
    return hashlib.new("sha256" if version >= (3, 4) else "sha1", certificate).hexdigest()
