"""Packages of npm for tests: what a lock file names, installed once for all clones of the repository."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from local.errors import NpmError

_INSTALL_SECONDS = 300.0


def installed_packages(lock_folder: Path, name: str, cache: Path | None = None) -> Path:
    """The folder with the packages of a lock file; where they are missing, npm brings them, and runs no script of them.

    Args:
        lock_folder: has package.json and package-lock.json.
        name: what is installed, for messages and, in lower case, for its folder.
        cache: where downloads are kept (default: the environment variable LAKEHOUSE_CACHE, or ~/.cache/lakehouse).

    Raises:
        NpmError: there is no npm, or it cannot install them.
    """
    root = cache or Path(os.environ.get("LAKEHOUSE_CACHE") or Path.home() / ".cache" / "lakehouse")
    # One for each state of the lock, so that what another lock brought is never taken.
    digest = hashlib.sha256((lock_folder / "package-lock.json").read_bytes()).hexdigest()
    folder = root / f"{name.lower()}-{digest[:12]}"
    if folder.exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("npm was not found: install Node.js with npm (Debian, Ubuntu: apt-get install npm)")
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name.lower()}.lock").open("w") as lock:
        # Two test runs at once: the second waits here, and then finds it done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(npm, lock_folder, name, folder)
    return folder


def _install(npm: str, lock_folder: Path, name: str, folder: Path) -> None:
    # Installed beside and renamed, so that an interrupted installation is never taken for a complete one.
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(lock_folder, partial)
    command = [npm, "ci", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NpmError(f"npm did not install {name} within {_INSTALL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise NpmError(f"npm cannot install {name}:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    partial.rename(folder)
