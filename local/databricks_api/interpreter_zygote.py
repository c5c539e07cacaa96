"""A process that has imported Spark Connect once and forks an interpreter for each task: none waits for imports.

Started by `TaskProcesses` with one end of a socket. It reads {"start": request} and {"kill": task_id}, one JSON object
a line, and answers {"ended": task_id, "exit_status": n} (negative: the signal that ended it) for each task. It ends,
and ends all tasks, as soon as the other end of the socket is closed, however the server died.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.databricks_api.task_program import TaskRequest, prepare_interpreter, run_program
from local.processes import die_with_parent

PRE_IMPORTED = (
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "grpc",
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "pyspark.sql.functions",
    "pyspark.sql.types",
    "pyspark.sql.window",
    # What reading a contract takes.
    "yaml",
    "open_data_contract_standard.model",
    "jsonschema.validators",
    "sqlglot.dialects.spark",
)


class Zygote:
    """Forks task interpreters on request. It has one thread and opens no connection, so that forking is safe."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._tasks: dict[int, str] = {}
        self._unread = b""
        self._wakeup_reader, self._wakeup_writer = os.pipe()
        for end in (self._wakeup_reader, self._wakeup_writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wakeup_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def serve(self) -> TaskRequest | None:
        """Answer requests until the server is gone.

        Returns:
            In a forked interpreter: the task to run. In the zygote itself: None, at the end.
        """
        while True:
            sources: list[socket.socket | int] = [self._channel, self._wakeup_reader]
            readable, _, _ = select.select(sources, [], [])
            if self._wakeup_reader in readable:
                os.read(self._wakeup_reader, 4096)
                self._report_ended()
            if self._channel in readable:
                received = self._channel.recv(65536)
                if not received:
                    self._kill_all()
                    return None
                request = self._handle(received)
                if request is not None:
                    return request

    def _handle(self, received: bytes) -> TaskRequest | None:
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "kill" in message:
                self._kill(message["kill"])
                continue
            request = TaskRequest.from_json(message["start"])
            watch_parent = die_with_parent(signal.SIGKILL)
            process_id = os.fork()
            if process_id == 0:
                self._become_task(watch_parent)
                return request
            self._tasks[process_id] = request.task_id
        return None

    def _become_task(self, watch_parent: Callable[[], None]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch_parent()
        os.setsid()
        self._channel.close()
        os.close(self._wakeup_reader)
        os.close(self._wakeup_writer)

    def _report_ended(self) -> None:
        while self._tasks:
            process_id, status = os.waitpid(-1, os.WNOHANG)
            if process_id == 0:
                return
            task_id = self._tasks.pop(process_id, None)
            if task_id is not None:
                self._kill_group(process_id)
                self._send({"ended": task_id, "exit_status": os.waitstatus_to_exitcode(status)})

    def _kill(self, task_id: str) -> None:
        for process_id, candidate in self._tasks.items():
            if candidate == task_id:
                self._kill_group(process_id)
                os.kill(process_id, signal.SIGKILL)

    def _kill_all(self) -> None:
        for process_id in self._tasks:
            self._kill_group(process_id)
            os.kill(process_id, signal.SIGKILL)

    def _kill_group(self, process_id: int) -> None:
        # Whatever the job started and left behind goes with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process_id, signal.SIGKILL)

    def _send(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")


def main() -> int:
    """Serve as zygote; in a forked interpreter, run the task. Returns the exit status."""
    # Ctrl-C reaches the whole terminal group; the server decides when the tasks end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=int(sys.argv[1]))
    project = str(Path(__file__).parents[2])
    for module in PRE_IMPORTED:
        importlib.import_module(module)
    sys.path[:] = [entry for entry in sys.path if entry not in {"", project}]
    request = Zygote(channel).serve()
    if request is None:
        return 0
    prepare_interpreter(request)
    return run_program(request)


if __name__ == "__main__":
    sys.exit(main())
