"""The server's side of the task interpreters: starts them, kills them, and tells how they ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.databricks_api.task_program import TaskRequest
from local.processes import die_with_parent

OnEnd = Callable[[int], None]
"""Called with a task's exit status; negative: the signal that ended it."""

LOST = -9
RESTART_SECONDS = 1.0


class TaskProcesses:
    """Runs each task in an interpreter forked from one warm process, which is started again where it dies.

    All of them end with this process, even where it is killed.
    """

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        """Prepare; `log` takes what the warm process itself prints, `environment` is what it is started with."""
        self._log = log
        self._environment = environment
        self._lock = threading.Lock()
        self._waiting: dict[str, OnEnd] = {}
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="task-processes", daemon=True)

    def start(self) -> None:
        """Begin to warm up; returns at once. Tasks may be started at once, too: they wait."""
        self._connect()
        self._thread.start()

    def start_task(self, request: TaskRequest, on_end: OnEnd) -> None:
        """Run a task in an interpreter of its own; `on_end` is called from another thread when it has ended."""
        with self._lock:
            self._waiting[request.task_id] = on_end
            self._send({"start": asdict(request)})

    def kill_task(self, task_id: str) -> None:
        """End a task and all that it started, at once; its `on_end` is called as usual."""
        with self._lock:
            if task_id in self._waiting:
                self._send({"kill": task_id})

    def stop(self) -> None:
        """End all tasks and the warm process. No `on_end` is called any more."""
        with self._lock:
            self._stopping.set()
            self._waiting.clear()
            if self._channel is not None:
                with suppress(OSError):
                    self._channel.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.databricks_api.interpreter_zygote", str(theirs.fileno())],
                cwd=Path(__file__).parents[2],
                env=dict(self._environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # While it still imports it does not watch its socket. Both threads that start it live as long as we do.
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self._channel = ours

    def _send(self, message: Mapping[str, Any]) -> None:
        # Where the warm process is gone, its reader notices as well and reports the task as lost.
        if self._channel is not None:
            with suppress(OSError):
                self._channel.sendall(json.dumps(message).encode() + b"\n")

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._read_messages()
            with self._lock:
                lost, self._waiting = self._waiting, {}
                if self._stopping.is_set():
                    return
                if self._process is not None:
                    self._process.kill()
                    self._process.wait()
                self._connect()
            for on_end in lost.values():
                on_end(LOST)
            # One that cannot even start must not be started over and over at full speed.
            self._stopping.wait(RESTART_SECONDS)

    def _read_messages(self) -> None:
        if self._channel is None:
            return
        with suppress(OSError), self._channel.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                if "ended" in message:
                    with self._lock:
                        on_end = self._waiting.pop(message["ended"], None)
                    if on_end is not None:
                        on_end(message["exit_status"])


def task_environment(environment: Mapping[str, str], secrets: frozenset[str]) -> dict[str, str]:
    """The environment for tasks, made of the server's: without its secrets and its own import path."""
    return {
        name: value for name, value in environment.items() if name not in secrets | {"PYTHONPATH", "PYTHONSTARTUP"}
    } | {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1")}
