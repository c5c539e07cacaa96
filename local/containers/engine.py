"""Docker's engine for the stage `containers`: the one that runs, or a private one that ends with the stage."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalError
from local.private_server import PrivateServer
from local.processes import last_lines

# A socket's path may have some hundred characters alone, and containerd makes its own below this.
_RUN = Path("/run/lakehouse-docker")
_SCRIPT = Path(__file__).with_name("engine.sh")


class EngineError(LocalError):
    """Docker's engine cannot be started, or a command of it failed."""


class Engine(PrivateServer):
    """An engine to give commands to; a context manager.

    Where `docker info` is answered, that engine is used and left alone. Otherwise root starts one of its own, which
    keeps images under `home` and ends with the thread that started it; then this machine's network is as it was.
    """

    NAME = "Docker's engine"
    LOG_NAME = "dockerd.log"
    ERROR = EngineError
    STOP_SECONDS = 60.0

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.environment: dict[str, str] = {**os.environ}

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, if none runs, and wait until it answers.

        Raises:
            EngineError: none runs and this is not root, or the new one does not start; the message holds its log's end.
        """
        with contextlib.suppress(EngineError):
            self._ask()
            return
        if os.geteuid() != 0:
            raise EngineError("no Docker engine answers (docker info), and only root can start one: start it yourself")
        for folder in (self.home, _RUN):
            folder.mkdir(parents=True, exist_ok=True)
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{_RUN}/docker.sock"}
        self._launch(["bash", str(_SCRIPT), str(_RUN), str(self.home / "data")])
        try:
            self._wait_until_it_answers(self._ask, EngineError)
        except BaseException:
            self.stop()
            raise

    def docker(self, *words: str, seconds: float = 60.0, environment: Mapping[str, str] | None = None) -> str:
        """What a `docker` command says.

        Raises:
            EngineError: it failed, or lasted too long; the message holds the end of what it said.
        """
        return run(["docker", *words], {**self.environment, **(environment or {})}, seconds)

    def _ask(self) -> None:
        self.docker("info", seconds=10)


def run(command: list[str], environment: Mapping[str, str], seconds: float, stdin: bytes | None = None) -> str:
    """What a command says on its output; raises EngineError where it fails."""
    name = " ".join(command[:3])
    try:
        done = subprocess.run(command, env=environment, input=stdin or b"", capture_output=True, timeout=seconds)
    except FileNotFoundError:
        raise EngineError(f"{command[0]} was not found") from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"{name} did not end within {seconds:.0f} s") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise EngineError(f"{name} failed:\n{last_lines(said, 25)}")
    return done.stdout.decode(errors="replace")
