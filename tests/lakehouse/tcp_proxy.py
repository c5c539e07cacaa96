"""A proxy before a server: it counts the HTTP requests that go through, and cuts every connection when told to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter
from types import TracebackType

_REQUEST = re.compile(rb"(GET|PUT|HEAD|DELETE|POST) /[^ \r\n]+ HTTP/1\.1\r\n")


class TcpProxy:
    """Listens on a port of its own and hands every connection on to `target`; a context manager.

    Attributes:
        requests: how many HTTP requests of each method went through.
    """

    def __init__(self, target: int) -> None:
        self.requests: Counter[str] = Counter()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        # Bytes from the client after which everything is cut; None: never.
        self._left: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def cut_after(self, size: int) -> None:
        """Once clients have sent that many bytes more, close every connection and accept no further one."""
        with self._lock:
            self._left = size

    def heal(self) -> None:
        """Hand connections on again."""
        with self._lock:
            self._left = None

    @property
    def is_cut(self) -> bool:
        """Whether connections are refused now."""
        return self._left == 0

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._close_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._hand_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._hand_on, args=(server, client, False), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if from_client and not self._may_pass(data):
                    self._close_all()
                    return
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may_pass(self, data: bytes) -> bool:
        with self._lock:
            if self._left is not None:
                self._left = max(0, self._left - len(data))
                if self._left == 0:
                    return False
            self.requests.update(method.decode() for method in _REQUEST.findall(data))
        return True

    def _close_all(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
