"""What the ways need besides the project's environment: a compiled C client, the peers' packages, two drivers.

All of it is kept in `bench/` of the project's cache folder and made when first needed. What cannot be had makes its way
"not available here", and ends nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.worker_process import PROJECT

_BENCH = PROJECT / "bench"
_LOCK = _BENCH / "requirements-peers.txt"
_JDBC_DRIVER = "org.mariadb.jdbc:mariadb-java-client:3.5.6"
_ODBC_PACKAGES = ("odbc-mariadb", "libodbc2", "libodbcinst2", "libltdl7")
_ODBC_DRIVER = "libmaodbc.so"
_SECONDS = 900


class ToolMissingError(Exception):
    """A tool cannot be had on this machine; the message says why in one line."""


def cache_folder() -> Path:
    """Where tools are kept for all clones of the project."""
    root = os.environ.get("LAKEHOUSE_CACHE") or Path.home() / ".cache" / "lakehouse"
    return Path(root) / "bench"


def wire_program(cache: Path) -> Path:
    """The C program of wire.c, compiled.

    Raises:
        ToolMissingError: there is no compiler, or not the headers of MariaDB's client.
    """
    source = _BENCH / "wire.c"
    program = cache / f"wire-{_digest(source)}"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        flags = _run(["pkg-config", "--cflags", "--libs", "libmariadb"]).split()
        partial = program.with_suffix(f".{os.getpid()}")
        _run(["gcc", "-O2", "-o", str(partial), str(source), *flags])
        partial.rename(program)
    return program


def peers_python(cache: Path) -> Path:
    """Python with the packages of requirements-peers.txt.

    Raises:
        ToolMissingError: the packages cannot be installed.
    """
    folder = cache / f"peers-{_digest(_LOCK)}-{sys.version_info.major}.{sys.version_info.minor}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print("bench: installing the peers' packages (once)", file=sys.stderr, flush=True)
    if shutil.which("uv"):
        _run(["uv", "venv", "--python", sys.executable, str(folder)])
        _run(["uv", "pip", "sync", "--require-hashes", "--python", str(python), str(_LOCK)])
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", str(_LOCK)])
    # Written last: an installation that was interrupted is begun anew.
    complete.touch()
    return python


def odbc_driver(cache: Path) -> Path:
    """MariaDB's ODBC driver with its libraries beside it: the system's, or Debian's packages unpacked into the cache.

    Raises:
        ToolMissingError: neither is to be had.
    """
    folder = cache / "odbc"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            _run(["apt-get", "download", *_ODBC_PACKAGES], Path(work))
            unpacked = Path(work) / "unpacked"
            for package in Path(work).glob("*.deb"):
                _run(["dpkg", "--extract", str(package), str(unpacked)])
            unpacked.rename(folder)
    found = next(folder.rglob(_ODBC_DRIVER), None)
    if found is None:
        raise ToolMissingError(f"{folder} has no {_ODBC_DRIVER}")
    return found


def odbc_libraries(cache: Path) -> str:
    """The folders in which the ODBC driver's libraries are, as `LD_LIBRARY_PATH` takes them."""
    return os.pathsep.join(sorted({str(path.parent) for path in (cache / "odbc").rglob("*.so*")}))


def jdbc_jar(cache: Path) -> Path:
    """MariaDB's JDBC driver, fetched from Maven Central by Spark's own resolver, which honours its mirrors.

    Raises:
        ToolMissingError: there is no Spark, no Java, or the jar cannot be fetched.
    """
    group, name, version = _JDBC_DRIVER.split(":")
    jar = cache / f"{name}-{version}.jar"
    if not jar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            program = Path(work) / "nothing.py"
            program.touch()
            # An empty program: Spark resolves its packages, runs it, and starts no session.
            submit = Path(sys.executable).parent / "spark-submit"
            _run(
                [
                    *(str(submit), "--master", "local[1]", "--conf", f"spark.jars.ivy={work}/ivy"),
                    *("--packages", _JDBC_DRIVER, "--exclude-packages", "*:waffle-jna", str(program)),
                ]
            )
            fetched = next(Path(work).rglob(f"{group}_{name}-{version}.jar"), None)
            if fetched is None:
                raise ToolMissingError(f"Spark's resolver brought no {jar.name}")
            fetched.rename(jar)
    return jar


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    try:
        # Spark's programs find their home by the first Python on the path: it must be the one that runs here.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ToolMissingError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ToolMissingError(f"{command[0]} took more than {_SECONDS} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ToolMissingError(f"{command[0]} failed: {said[-1] if said else 'it said nothing'}"[:300])
    return done.stdout
