"""Starting a way's process, asking it for copies, and measuring what each takes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.measure import SAMPLE_SECONDS, Usage, cpu_seconds, high_water_mb, resident_mb
from local.processes import die_with_parent

PROJECT = Path(__file__).resolve().parents[1]
_START_SECONDS = 120.0
_LINES_OF_LOG = 3


class WayFailedError(Exception):
    """A way could not copy; the message is one line."""


class WorkerLostError(WayFailedError):
    """The process of a way ended or was ended: it answers nothing any more."""


class WayTooSlowError(WorkerLostError):
    """A way took longer than it was given."""


class WorkerProcess:
    """One way's process; a context manager that starts it and ends it with everything that it started.

    Args:
        command: the program and its arguments.
        environment: environment variables besides this process's own.
        server_pid: the process of the MySQL server.
        greeting: the first line that it is sent, if any, before it answers that it is ready.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        server_pid: int,
        greeting: Mapping[str, Any] | None,
    ) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._server_pid = server_pid
        self._greeting = greeting
        self._unread = b""
        self.versions: Mapping[str, str] = {}

    def __enter__(self) -> WorkerProcess:
        self._resources = contextlib.ExitStack()
        self._log = self._resources.enter_context(tempfile.TemporaryFile())
        self._process = subprocess.Popen(
            self._command,
            cwd=PROJECT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # A group of its own, so that all that it started can be ended with it.
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        try:
            if self._greeting is not None:
                self._send(json.dumps(self._greeting))
            self.versions = self._answer(_START_SECONDS)["ready"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, line: str, limit_seconds: float) -> Usage:
        """Have it do what a line says, and give what that took.

        Raises:
            WayTooSlowError: it took longer than `limit_seconds`; it was ended.
            WorkerLostError: the process ended.
            WayFailedError: it answered with an error, and lives on.
        """
        pid = self._process.pid
        cpu_before, server_before, started = cpu_seconds(pid), cpu_seconds(self._server_pid), time.monotonic()
        self._send(line)
        self._peak_mb = 0.0
        self._answer(limit_seconds)
        seconds = time.monotonic() - started
        return Usage(
            seconds=seconds,
            client_cpu_seconds=cpu_seconds(pid) - cpu_before,
            server_cpu_seconds=cpu_seconds(self._server_pid) - server_before,
            peak_mb=max(self._peak_mb, high_water_mb(pid)),
        )

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _answer(self, limit_seconds: float) -> dict[str, Any]:
        """Wait for a line, and see on the way how much memory is used."""
        assert self._process.stdout is not None
        end = time.monotonic() + limit_seconds
        descriptor = self._process.stdout.fileno()
        self._peak_mb = 0.0
        while b"\n" not in self._unread:
            if time.monotonic() > end:
                raise WayTooSlowError(f"took more than {limit_seconds:.0f} s")
            if select.select([descriptor], [], [], SAMPLE_SECONDS)[0]:
                received = os.read(descriptor, 65_536)
                if not received:
                    raise WorkerLostError(self._why_it_ended())
                self._unread += received
            self._peak_mb = max(self._peak_mb, resident_mb(self._process.pid))
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WayFailedError(answer["error"])
        return answer

    def _why_it_ended(self) -> str:
        status = self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        self._log.seek(0)
        said = " ".join(self._log.read().decode(errors="replace").split("\n")[-_LINES_OF_LOG:]).strip()
        return f"its process {how}: {said}"[:300]

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        self._resources.close()
