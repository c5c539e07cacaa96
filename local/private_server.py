"""What all private servers have in common: one process under a folder of its own, which never outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from local.errors import LocalError
from local.processes import die_with_parent, is_alive, last_lines

POLL_SECONDS = 0.05
_START_SECONDS = 60.0
_LEFTOVER_SECONDS = 15.0


class PrivateServer:
    """One server process with its data and log under `home`; it ends with the thread that started it."""

    NAME: ClassVar[str]
    LOG_NAME: ClassVar[str]
    ERROR: ClassVar[type[LocalError]]
    ENDED: ClassVar[str] = "ended while starting"
    STOP_SIGNAL: ClassVar[signal.Signals] = signal.SIGTERM
    STOP_SECONDS: ClassVar[float] = 30.0

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
        return self.home / self.LOG_NAME

    def stop(self) -> None:
        """Shut the server down and wait for its end; does nothing when it does not run."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.STOP_SIGNAL)
        try:
            process.wait(self.STOP_SECONDS)
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

    def _launch(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C at the terminal must reach the demo alone, which then stops us in order.
                start_new_session=True,
                preexec_fn=die_with_parent(self.STOP_SIGNAL),
            )

    def _wait_until_it_answers(self, ask: Callable[[], object], silent: type[Exception]) -> None:
        """Ask until there is an answer; `silent` is what `ask` raises while there is none."""
        end = time.monotonic() + _START_SECONDS
        while True:
            if not self.is_running():
                raise self.ERROR(f"{self.NAME} {self.ENDED}; {self.log_file} says:\n{self._log_tail()}")
            try:
                ask()
                return
            except silent as error:
                if time.monotonic() > end:
                    raise self.ERROR(
                        f"{self.NAME} did not answer within {_START_SECONDS:.0f} s; {self.log_file} says:\n"
                        f"{self._log_tail()}"
                    ) from error
            time.sleep(POLL_SECONDS)

    def _install_data(
        self, program: str, command: Callable[[Path], Sequence[str]], environment: Mapping[str, str] | None = None
    ) -> None:
        """Fill the data folder by `command`, which is given the folder to fill; `program` names it in messages."""
        # Installed beside and renamed, so that an interrupted installation is never taken for a complete one.
        partial = self.data_folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        done = subprocess.run(
            command(partial),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=die_with_parent(),
        )
        if done.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            raise self.ERROR(f"{program} failed in {self.home}:\n{last_lines(done.stdout + done.stderr)}")
        partial.rename(self.data_folder)

    def _wait_for_leftover(self, pid_file: Path, argument: str) -> None:
        """Wait for the server of a demo that was killed: it is shutting down and still holds the folder.

        `argument` is what the command line of a server of this folder has, and no other program's.
        """
        end = time.monotonic() + _LEFTOVER_SECONDS
        while (pid := _server_of(pid_file, argument)) is not None:
            if time.monotonic() > end:
                raise self.ERROR(
                    f"{self.home} is in use by the {self.NAME} server with process id {pid}: "
                    "stop what started it, or choose another folder"
                )
            time.sleep(POLL_SECONDS)

    def _log_tail(self) -> str:
        return last_lines(self.log_file.read_text(errors="replace")) if self.log_file.exists() else "(nothing)"


def _server_of(pid_file: Path, argument: str) -> int | None:
    """The living process that a pid file names, if the argument is on its command line."""
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if is_alive(pid) and os.fsencode(argument) in command else None
