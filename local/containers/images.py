"""Images for the stage `containers`: the official ones where a registry has them, else stand-ins made of Debian.

A stand-in is Debian 12 from the mirror of this machine's apt, by debootstrap, and on it a Dockerfile of `stand_ins/`.
Certificates that this machine trusts beside the usual ones go along, since it may reach its registries through a proxy.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local.containers.engine import Engine, EngineError, run

_FOLDER = Path(__file__).with_name("stand_ins")
_BASE = "lakehouse-stand-in/debian:12"
_TRUSTED = Path("/usr/local/share/ca-certificates")
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_PULL_SECONDS = 900.0
_BUILD_SECONDS = 3600.0
# What stands in for which image of the env file.
_KINDS = {
    "MARIADB_IMAGE": "mariadb", "NODE_IMAGE": "node", "POSTGRES_IMAGE": "postgres", "PYTHON_IMAGE": "python",
}  # fmt: skip

# Its builder takes images that only this engine has, and no registry is asked.
LEGACY_BUILDER = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "1"}


def usable_images(engine: Engine, official: Mapping[str, str], say: Callable[[str], None]) -> dict[str, str]:
    """What can be had for each variable of the env file that names an image: the image itself, or its stand-in.

    Args:
        engine: runs.
        official: image by variable.
        say: takes a line of progress.

    Raises:
        EngineError: an image can neither be pulled nor made.
    """
    return {
        name: image if _is_pulled(engine, image) else _stand_in(engine, name, say) for name, image in official.items()
    }


def _is_pulled(engine: Engine, image: str) -> bool:
    for words in (("image", "inspect", image), ("pull", "--quiet", image)):
        try:
            engine.docker(*words, seconds=_PULL_SECONDS)
        except EngineError:
            continue
        return True
    return False


def _stand_in(engine: Engine, variable: str, say: Callable[[str], None]) -> str:
    kind = _KINDS[variable]
    name = f"lakehouse-stand-in/{kind}:{_digest(_FOLDER / kind)}"
    if not _is_here(engine, name):
        if not _is_here(engine, _BASE):
            _make_base(engine, say)
        started = time.monotonic()
        engine.docker("build", "--tag", name, str(_FOLDER / kind), seconds=_BUILD_SECONDS, environment=LEGACY_BUILDER)
        say(f"image {name}: {time.monotonic() - started:.0f} s")
    return name


def _make_base(engine: Engine, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lakehouse-debian.") as folder:
        root = Path(folder) / "root"
        # What it mounts is gone with its name space, whatever becomes of it.
        command = ["unshare", "--mount", "debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm"]
        run([*command, str(root), _mirror()], engine.environment, _BUILD_SECONDS)
        shutil.copytree(_TRUSTED, root / _TRUSTED.relative_to("/"), dirs_exist_ok=True)
        run(["chroot", str(root), "update-ca-certificates"], engine.environment, 60)
        changes = [f"--change=ENV {name}={_BUNDLE}" for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")]
        with subprocess.Popen(
            ["tar", "--create", "--directory", str(root), "--one-file-system", "."], stdout=subprocess.PIPE
        ) as tar:
            done = subprocess.run(
                ["docker", "import", *changes, "-", _BASE],
                env=engine.environment, stdin=tar.stdout, capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode or tar.returncode:
            raise EngineError(f"docker import failed: {done.stderr}")
    say(f"image {_BASE}: {time.monotonic() - started:.0f} s")


def _mirror() -> str:
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"]
    try:
        listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        listed = ""
    for line in listed.splitlines():
        if line.rstrip("/").endswith("/debian"):
            return line
    raise EngineError("images cannot be pulled, nor made: apt's sources name no mirror of Debian")


def _is_here(engine: Engine, image: str) -> bool:
    return bool(engine.docker("image", "ls", "--quiet", image).strip())


def _digest(folder: Path) -> str:
    """Other files make another image."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
