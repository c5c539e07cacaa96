"""A server that speaks MySQL's greeting and is none: it notes all that a client gives it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SALT = b"abcdefghijklmnopqrst"
_CAPABILITIES = 0x012BA20D
_TLS = 0x0800
_OK = b"\0\0\0\x02\0\0\0"
_FULL_LOGIN = b"\x01\x04"
_KEY_WANTED = b"\x02"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Rogue:
    """What the server does: `greets_with` one login method, `asks_for` another, answers queries that begin as told.

    `certificate` is a folder with `cert.pem` and `key.pem`; without one there is no TLS.
    """

    greets_with: str = "mysql_native_password"
    asks_for: str | None = None
    certificate: Path | None = None
    answer: bytes = _OK
    answer_to: bytes = b""


@dataclass
class Heard:
    """What clients gave: each packet after the greeting; `client` is the newest of them."""

    port: int = 0
    client: socket.socket | None = None
    packets: list[bytes] = field(default_factory=list)
    encrypted: bool = False

    def knows(self, secret: str) -> bool:
        """Whether the rogue can tell the password from what it was given."""
        return any(secret.encode() in packet or _undone(packet) == secret.encode() for packet in self.packets)

    def queries(self) -> list[bytes]:
        """What was asked."""
        return [packet[1:] for packet in self.packets if packet[:1] == b"\x03"]


@contextmanager
def rogue_server(rogue: Rogue, address: str = "127.0.0.1") -> Generator[Heard]:
    """Serve any number of clients, one after the other, until the block ends."""
    heard = Heard()
    with socket.create_server((address, 0)) as listener:
        heard.port = listener.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listener, rogue, heard), daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            # A client that gave up may be kept open by the error that it was given up with.
            for open_socket in (listener, heard.client):
                if open_socket is not None:
                    with suppress(OSError):
                        open_socket.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _serve(listener: socket.socket, rogue: Rogue, heard: Heard) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        heard.client = client
        client.settimeout(10)
        try:
            _Session(client, rogue, heard).run()
        except (EOFError, OSError):
            client.close()


class _Session:
    def __init__(self, client: socket.socket, rogue: Rogue, heard: Heard) -> None:
        self.client, self.rogue, self.heard, self.number = client, rogue, heard, -1

    def run(self) -> None:
        self.send(self.greeting())
        if len(self.receive()) == 32 and self.rogue.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.rogue.certificate / "cert.pem", self.rogue.certificate / "key.pem")
            self.client = context.wrap_socket(self.client, server_side=True)
            self.heard.encrypted = True
            self.receive()
        method = self.rogue.greets_with
        if self.rogue.asks_for is not None:
            method = self.rogue.asks_for
            self.send(b"\xfe" + method.encode() + b"\0" + _SALT + b"\0")
            self.receive()
        if method == "caching_sha2_password":
            self.send(_FULL_LOGIN)
            if self.receive() == _KEY_WANTED:
                public = _KEY.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
                self.send(b"\x01" + public)
                self.receive()
        self.send(_OK)
        while True:
            question = self.receive()
            self.send(self.rogue.answer if question.startswith(b"\x03" + self.rogue.answer_to) else _OK)

    def greeting(self) -> bytes:
        flags = _CAPABILITIES | (_TLS if self.rogue.certificate is not None else 0)
        return (
            b"\x0a8.0.36\0"
            + struct.pack("<I8sxHBHHB10x", 7, _SALT[:8], flags & 0xFFFF, 45, 2, flags >> 16, 21)
            + _SALT[8:]
            + b"\0"
            + self.rogue.greets_with.encode()
            + b"\0"
        )

    def send(self, body: bytes) -> None:
        self.client.sendall(len(body).to_bytes(3, "little") + bytes([(self.number + 1) % 256]) + body)

    def receive(self) -> bytes:
        head = self.exactly(4)
        self.number = head[3]
        body = self.exactly(int.from_bytes(head[:3], "little"))
        self.heard.packets.append(body)
        return body

    def exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            part = self.client.recv(length - len(received))
            if not part:
                raise EOFError
            received += part
        return received


def _undone(packet: bytes) -> bytes | None:
    if len(packet) != _KEY.key_size // 8:
        return None
    try:
        mixed = _KEY.decrypt(packet, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    except ValueError:
        return None
    return bytes(byte ^ _SALT[at % len(_SALT)] for at, byte in enumerate(mixed)).rstrip(b"\0")
