"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# States of a process that its parent has yet to collect.
_ENDED = frozenset({"Z", "X"})


def die_with_parent(stop_signal: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Make a `preexec_fn` that has the kernel signal the child as soon as its parent is gone, even by SIGKILL.

    The kernel watches the *thread* that started the child, so start children from a thread that lives as long as
    they should. Elsewhere than on Linux the function does nothing.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    # Loaded here, not in the child: between fork and exec nothing may take a lock.
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def watch_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return watch_parent


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a TCP server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Find a TCP port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits for its parent to collect it does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return False
    return state not in _ENDED


def end_session(leader: int, seconds: float) -> None:
    """Kill all processes of a session, and return when none of them is left, or after so many seconds.

    Its process groups alone would not do: each task of Airflow runs in one of its own, and outlives a worker that was
    ended. Elsewhere than on Linux the function does nothing.
    """
    end = time.monotonic() + seconds
    while (members := _members(leader)) and time.monotonic() < end:
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _members(session: int) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # Behind the program's name, which may hold anything: state, parent, process group, session.
            state, _, _, one = (process / "stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError, ValueError):
            continue
        if int(one) == session and state not in _ENDED:
            found.append(int(process.name))
    return found


def last_lines(text: str, lines: int = 12) -> str:
    """The end of what a program said, for the message about its failure."""
    return "\n".join(text.strip().splitlines()[-lines:])
