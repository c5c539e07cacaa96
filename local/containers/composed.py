"""docker-compose.yml, started for a test: its own project, env file and ports, on one engine."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.compose import env_file
from local.containers.engine import Engine, EngineError, run
from local.containers.images import LEGACY_BUILDER, usable_images

REPOSITORY = Path(__file__).resolve().parents[2]
_BUILD_SECONDS = 5400.0
_HEALTHY_SECONDS = 1500
_POLL_SECONDS = 1.0
_LINE = re.compile(r"([A-Z_0-9]+)=(.*)")


class Composed:
    """The services of docker-compose.yml as one project.

    Args:
        engine: runs.
        compose: the program of Docker Compose.
        folder: for the env file.
        changes: values of the env file that differ from those of the example.
        further: a second compose file's content, laid over the first one.
        say: takes a line of progress.
        project: names containers, networks and volumes.
        prod: for a source, a lake and a Databricks that are somewhere else; `changes` must have their places.
    """

    def __init__(
        self,
        engine: Engine,
        compose: Path,
        folder: Path,
        changes: Mapping[str, str],
        further: Mapping[str, Any],
        say: Callable[[str], None],
        *,
        project: str = "lakehouse-test",
        prod: bool = False,
    ) -> None:
        self.engine = engine
        self.program = compose
        self.say = say
        self.project = project
        file, over = folder / ".env", folder / "further.json"
        env_file.write(file, prod=prod)
        over.write_text(json.dumps(further))
        images = {name: value for name, value in _lines(file.read_text()) if name.endswith("_IMAGE")}
        changes = {**changes, **usable_images(engine, images, say)}
        text = "".join(f"{name}={changes.get(name, value)}\n" for name, value in _lines(file.read_text()))
        file.write_text(text)
        self.settings = dict(_lines(text))
        self._command = [
            *(str(compose), "--project-name", project, "--project-directory", str(REPOSITORY)),
            *("--env-file", str(file), "--file", str(REPOSITORY / "docker-compose.yml"), "--file", str(over)),
        ]

    def compose(self, *words: str, seconds: float = 120.0) -> str:
        """What a command of Compose says; raises EngineError where it fails."""
        return run([*self._command, *words], {**self.engine.environment, **LEGACY_BUILDER}, seconds)

    def build(self) -> None:
        """Build the image that most services have, and Azurite's; from the engine's cache what has not changed."""
        with self.timed("docker compose build"):
            self.compose("build", "airflow-init", "azurite", seconds=_BUILD_SECONDS)

    def up(self, *services: str) -> None:
        """Start the services, or all of them, and wait until each is healthy."""
        with self.timed(f"docker compose up {' '.join(services)}".rstrip()):
            words = ("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(_HEALTHY_SECONDS), *services)
            try:
                self.compose(*words, seconds=_HEALTHY_SECONDS + 60)
            except EngineError as error:
                raise EngineError(f"{error}\n{self.compose('ps', '--all')}\n{self.logs('--tail=25')}") from None

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        with self.timed("docker compose down"):
            self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10", seconds=300)

    def logs(self, *words: str) -> str:
        """What services printed."""
        return self.compose("logs", "--no-color", *words)

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        name = self.compose("ps", "--all", "--quiet", service).strip()
        return dict(json.loads(self.engine.docker("inspect", name))[0])

    def run_in(self, service: str, *command: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command in a service's container; gives its status and what it said, standard error last."""
        options = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        shell = ("sh", "-c", '"$@" 2>&1; echo "status $?"', "sh", *command)
        said, _, status = self.compose("exec", "--no-TTY", *options, service, *shell).rstrip().rpartition("status ")
        return int(status), said

    def kill(self, service: str, signal: str = "KILL") -> str:
        """Have the kernel send a signal to a service's first process; gives when it was started last.

        By KILL all its processes are gone, as though it had crashed. `docker kill` would not do: the engine takes it
        for a wish, and does not start the container again.
        """
        found = self.inspect(service)
        words = ("run", "--rm", "--pid=host", "--user=0", "--entrypoint=sh", found["Config"]["Image"])
        self.engine.docker(*words, "-c", f"kill -{signal} {found['State']['Pid']}")
        self.say(f"{signal} to {service}")
        return str(found["State"]["StartedAt"])

    def wait_until_back(self, service: str, started: str) -> None:
        """Wait until a killed service, which started last then, was started by the engine and is healthy."""
        with self.timed(f"{service} is back"):
            self.wait_until_healthy(service, started)

    def wait_until_healthy(self, service: str, started: str = "") -> None:
        """Wait until a service is healthy, by a start that is not the given one."""
        end = time.monotonic() + _HEALTHY_SECONDS
        while True:
            state = self.inspect(service)["State"]
            if state["StartedAt"] != started and state["Health"]["Status"] == "healthy":
                return
            if time.monotonic() > end:
                raise EngineError(f"{service} is not healthy: {state}\n{self.logs('--tail=40', service)}")
            time.sleep(_POLL_SECONDS)

    def peak_memory(self, services: Sequence[str]) -> dict[str, int]:
        """Megabytes that each running service has had at most since it started, files that were read among them."""
        command = "cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
        return {one: int(self.run_in(one, "sh", "-c", command)[1]) // 2**20 for one in services}

    @contextmanager
    def timed(self, what: str) -> Generator[None, None, None]:
        """Say how long something took."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.say(f"{what}: {time.monotonic() - started:.0f} s")


def _lines(text: str) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in map(_LINE.fullmatch, text.splitlines()) if found]
