"""The setup before Python: silent when nothing is missing, and clear about what is."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = (
    "bash", "cat", "chmod", "dirname", "env", "flock", "grep", "id", "ln", "mkdir", "mktemp", "mv", "readlink", "rm",
    "sha256sum", "tail",
)  # fmt: skip


class Machine:
    """A pretended machine: a clone of the setup, and a PATH on which only chosen programs exist."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clone = root / "clone"
        self.programs = root / "bin"
        self.calls = root / "calls.log"
        self.calls.touch()
        (self.clone / "local").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copytree(REPOSITORY / "local" / "setup", self.clone / "local" / "setup")
        (self.clone / "requirements.txt").write_text("nothing==1\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.programs / tool).symlink_to(found)

    def has(self, name: str, script: str = "") -> None:
        """Put a program on PATH that notes its call and runs the script."""
        file = self.programs / name
        file.unlink(missing_ok=True)
        file.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.calls}\n{script}\n')
        file.chmod(0o755)

    def has_java(self, version: str = "17.0.15", folder: str = "java-17") -> Path:
        """Install a pretended JDK."""
        home = self.root / "jvm" / folder
        (home / "bin").mkdir(parents=True)
        (home / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
        (home / "bin" / "java").write_text("#!/bin/bash\n")
        (home / "bin" / "java").chmod(0o755)
        return home

    def has_mariadb(self) -> None:
        """Install a pretended MariaDB server."""
        self.has("mariadbd")
        self.has("mariadb-install-db")

    def has_environment(self) -> None:
        """Install a pretended .venv that fits the lock."""
        python = self.clone / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/bash\n")
        python.chmod(0o755)
        digest = subprocess.run(
            ["sha256sum"], stdin=(self.clone / "requirements.txt").open(), capture_output=True, text=True, check=True
        ).stdout
        (self.clone / ".venv" / "requirements.sha256").write_text(digest)

    def has_jars(self) -> None:
        """Put Delta's jars into the cache."""
        (self.root / "cache" / "jars" / "delta-4.4.0-azure").mkdir(parents=True)

    def run(self, then: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Source the setup, then run a command in the same shell."""
        return subprocess.run(
            [str(self.programs / "bash"), "-c", f". local/setup/install.sh; {then}"],
            cwd=self.clone,
            env={
                "PATH": str(self.programs),
                "HOME": str(self.root),
                "LAKEHOUSE_CACHE": str(self.root / "cache"),
                "SETUP_JVM_FOLDER": str(self.root / "jvm"),
                "SETUP_SBIN": "",
                "SETUP_BIN": "",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A bare machine."""
    return Machine(tmp_path)


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine on which nothing is missing."""
    machine.has_java()
    machine.has_mariadb()
    machine.has_environment()
    machine.has_jars()
    return machine


def cpu_seconds_of_children() -> float:
    """Unlike time on the clock it does not depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_where_nothing_is_missing_it_is_silent_and_quick(ready: Machine) -> None:
    before = cpu_seconds_of_children()
    done = ready.run('echo "$JAVA_HOME $LAKEHOUSE_DELTA_JARS"')
    assert cpu_seconds_of_children() - before < 1
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(ready.root / "jvm/java-17"), str(ready.root / "cache/jars/delta-4.4.0-azure")]
    assert ready.calls.read_text() == ""


@pytest.mark.parametrize(
    ("version", "fits"),
    [("17.0.15", True), ("17", True), ("21.0.2", True), ("11.0.1", False), ("25", False), ("1.8.0", False)],
)
def test_only_the_javas_that_spark_runs_on_are_taken(machine: Machine, version: str, fits: bool) -> None:
    home = machine.has_java(version, "some-jdk")
    machine.has_mariadb()
    machine.has_environment()
    machine.has_jars()
    machine.has("id", "echo 1000")
    machine.has("apt-get")
    done = machine.run('echo "$JAVA_HOME"', JAVA_HOME=str(home))
    assert (done.returncode == 0) is fits
    if fits:
        assert done.stdout.strip() == str(home)


def test_an_unsuited_java_home_gives_way_to_an_installed_jdk(ready: Machine) -> None:
    other = ready.has_java("25.0.1", "temurin-25")
    assert ready.run('echo "$JAVA_HOME"', JAVA_HOME=str(other)).stdout.strip() == str(ready.root / "jvm/java-17")


def test_a_user_is_told_what_is_missing_and_the_command(machine: Machine) -> None:
    machine.has("apt-get")
    machine.has("id", "echo 1000")
    done = machine.run("echo not reached")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: these are missing, and only root may install them; run: sudo apt-get update && sudo apt-get install "
        "--yes --no-install-recommends openjdk-17-jre-headless mariadb-server-core mariadb-client-core "
        "python3 python3-venv python3-dev gcc libc6-dev pkg-config libmariadb-dev\n"
    )
    assert "apt-get" not in machine.calls.read_text()
    assert not (machine.clone / ".venv").exists()


def test_a_system_without_apt_names_the_missing_packages(ready: Machine) -> None:
    (ready.programs / "mariadbd").unlink()
    done = ready.run()
    assert done.returncode == 1
    assert done.stderr == (
        "error: these are missing (by their Debian names), and there is no apt-get to install them: "
        "mariadb-server-core mariadb-client-core\n"
    )


def test_root_installs_just_what_is_missing(ready: Machine) -> None:
    (ready.programs / "mariadbd").unlink()
    ready.has("id", "echo 0")
    ready.has("apt-cache", "echo '  Candidate: 1:10.11'")
    ready.has("apt-get", f'[ "$1" = update ] || ln -s mariadb-install-db {ready.programs}/mariadbd')
    done = ready.run("echo went on")
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert [call for call in ready.calls.read_text().splitlines() if call.startswith("apt-get")] == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends mariadb-server-core mariadb-client-core",
    ]
    assert "setup: installing mariadb-server-core mariadb-client-core" in done.stderr


def test_a_release_without_java_17_gets_21(machine: Machine) -> None:
    machine.has_mariadb()
    machine.has_environment()
    machine.has_jars()
    machine.has("id", "echo 0")
    machine.has("apt-cache", 'case "$2" in *17*) echo "  Candidate: (none)" ;; *) echo "  Candidate: 21.0" ;; esac')
    machine.has("apt-get")
    done = machine.run()
    assert "apt-get install --yes --no-install-recommends openjdk-21-jre-headless" in machine.calls.read_text()
    assert done.returncode == 1
    assert "error: no Java 17 or 21 was found after the installation; set JAVA_HOME to one" in done.stderr


@pytest.mark.parametrize("program", ["npm", "chromium"])
def test_root_installs_what_tests_want(ready: Machine, program: str) -> None:
    wanted = {f"SETUP_{program.upper()}": "wanted"}
    ready.has("id", "echo 0")
    ready.has("apt-cache", "echo '  Candidate: 9.2'")
    ready.has("apt-get", f'[ "$1" = update ] || ln -s mariadbd {ready.programs}/{program}')
    assert ready.run().returncode == 0
    assert "apt-get" not in ready.calls.read_text()
    done = ready.run("echo went on", **wanted)
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert f"apt-get install --yes --no-install-recommends {program}" in ready.calls.read_text()
    assert ready.run(**wanted).stderr == ""


@pytest.mark.parametrize("program", ["npm", "chromium"])
def test_a_user_without_what_tests_want_goes_without(ready: Machine, program: str) -> None:
    ready.has("id", "echo 1000")
    ready.has("apt-get")
    done = ready.run("echo went on", **{f"SETUP_{program.upper()}": "wanted"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_root_gets_an_engine_of_docker_where_none_answers_and_it_is_wanted(ready: Machine) -> None:
    ready.has("id", "echo 0")
    ready.has("apt-cache", "echo '  Candidate: 9.2'")
    ready.has("docker", "exit 1")
    ready.has("uv", '[ "$1" = --version ] || { while [ "$1" != --target ]; do shift; done; mkdir "$2/bin"; }')
    ready.has("python3.11", "echo python3.11")
    installed = "".join(
        f"ln -s mariadbd {ready.programs}/{one};" for one in ("dockerd", "iptables", "ip", "debootstrap")
    )
    ready.has("apt-get", f'[ "$1" = update ] || {{ {installed} }}')
    done = ready.run('echo "$LAKEHOUSE_COMPOSE"', SETUP_CONTAINERS="wanted")
    assert (done.returncode, Path(done.stdout.strip()).is_dir()) == (0, True), done.stderr
    calls = ready.calls.read_text()
    assert "apt-get install --yes --no-install-recommends docker.io iptables iproute2 debootstrap\n" in calls
    assert re.search(r"^uv pip install .*--require-hashes .*local/setup/containers\.txt$", calls, re.MULTILINE)
    assert ready.run(SETUP_CONTAINERS="wanted").stderr == ""


def test_an_engine_of_docker_that_answers_is_enough(ready: Machine) -> None:
    ready.has("docker")
    assert ready.run("docker_is_ready", SETUP_CONTAINERS="wanted", LAKEHOUSE_COMPOSE=str(ready.root)).returncode == 0
    assert ready.calls.read_text() == "docker info\n" * 2


def test_a_user_is_told_what_of_docker_is_missing(ready: Machine) -> None:
    ready.has("id", "echo 1000")
    ready.has("apt-get")
    done = ready.run(SETUP_CONTAINERS="wanted")
    assert done.returncode == 1
    assert done.stderr.endswith("--no-install-recommends docker.io iptables iproute2 debootstrap\n")


MIRROR = "echo http://mirror.example/debian/"
PACKAGES = ': >"${APT_CONFIG%/apt.conf}/cache/archives/mysql.deb"'
UNPACK = 'mkdir -p "$3/usr/sbin"; : >"$3/usr/sbin/mysqld"; chmod 755 "$3/usr/sbin/mysqld"'


def test_mysql_is_fetched_from_debian_where_it_is_wanted(ready: Machine) -> None:
    ready.has(
        "apt-get",
        f'case "$1" in indextargets) {MIRROR} ;; install) cat "${{APT_CONFIG%apt.conf}}sid.list"; {PACKAGES} ;; esac',
    )
    ready.has("dpkg-deb", UNPACK)
    assert ready.run().stderr == ""
    done = ready.run('echo "$LAKEHOUSE_MYSQL:$SETUP_MYSQL_MISSING"', SETUP_MYSQL="wanted")
    folder = ready.root / "cache" / "mysql"
    assert (done.returncode, done.stdout) == (0, f"{folder}:\n")
    assert (folder / "usr/sbin/mysqld").exists()
    assert " http://mirror.example/debian/ sid main" in (ready.root / "cache" / "mysql.log").read_text()
    assert not list((ready.root / "cache").glob("partial.*"))
    assert ready.run(SETUP_MYSQL="wanted").stderr == ""


@pytest.mark.parametrize(
    ("apt_get", "reason"),
    [
        (None, "there is no apt-get to fetch Debian's packages with"),
        ("echo http://mirror.example/ubuntu/", "apt's sources name no mirror of Debian"),
        (
            f'[ "$1" = indextargets ] && {MIRROR} || {{ echo "E: no sid" >&2; exit 100; }}',
            "E: no sid (all of it is in ",
        ),
    ],
)
def test_where_mysql_cannot_be_had_it_is_told_and_gone_without(
    ready: Machine, apt_get: str | None, reason: str
) -> None:
    if apt_get is not None:
        ready.has("apt-get", apt_get)
    ready.has("dpkg-deb", UNPACK)
    done = ready.run('echo "$SETUP_MYSQL_MISSING"', SETUP_MYSQL="wanted")
    assert done.returncode == 0
    assert reason in done.stdout
    assert f"setup: going without MySQL: {done.stdout}" in done.stderr
    assert not (ready.root / "cache" / "mysql").exists()
    assert not list((ready.root / "cache").glob("partial.*"))


def test_a_failing_apt_is_shown(ready: Machine) -> None:
    (ready.programs / "mariadbd").unlink()
    ready.has("id", "echo 0")
    ready.has("apt-get", "echo 'Temporary failure resolving somewhere'; exit 100")
    done = ready.run("echo not reached")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Temporary failure resolving somewhere" in done.stderr
    assert "error: this command failed" in done.stderr


def test_a_changed_lock_makes_the_environment_stale(ready: Machine) -> None:
    (ready.clone / "requirements.txt").write_text("nothing==2\n")
    ready.has("apt-get")
    ready.has("id", "echo 1000")
    done = ready.run()
    assert done.returncode == 1
    assert done.stderr.endswith("python3 python3-venv python3-dev gcc libc6-dev pkg-config libmariadb-dev\n")


def lock_entries(lock: Path) -> dict[str, int]:
    """How many SHA-256 hashes each package of a lock has."""
    entries: dict[str, int] = {}
    name = ""
    for line in lock.read_text().splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            name = line.partition("==")[0]
            entries[name] = 0
        elif re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line):
            entries[name] += 1
    return entries


LOCKS = (
    "requirements.txt", "bench/requirements-peers.txt", "local/setup/uv.txt", "local/setup/containers.txt",
    "local/compose/edge_worker.txt",
)  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_known_by_its_hashes_and_no_address(lock: str) -> None:
    entries = lock_entries(REPOSITORY / lock)
    assert entries
    assert [name for name, hashes in entries.items() if not hashes] == []
    assert "://" not in (REPOSITORY / lock).read_text()


@pytest.fixture
def stale(ready: Machine) -> Machine:
    """A machine that lacks nothing but the packages of a newer lock."""
    (ready.clone / "requirements.txt").write_text("nothing==2\n")
    for name in ("gcc", "pkg-config"):
        ready.has(name)
    ready.has("python3.11", "echo python3.11")
    python = ready.clone / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/bash\necho "venv-python $*" >>{ready.calls}\n')
    return ready


def test_uv_takes_no_package_without_its_hash(stale: Machine) -> None:
    stale.has("uv")
    assert stale.run().returncode == 0
    assert f"uv pip sync --require-hashes {stale.clone}/requirements.txt" in stale.calls.read_text().splitlines()


def test_pip_takes_no_package_without_its_hash_nor_does_it_for_uv_itself(stale: Machine) -> None:
    uv = stale.root / "cache" / "uv" / "bin" / "python"
    uv.parent.mkdir(parents=True)
    uv.write_text(f'#!/bin/bash\necho "uv-python $*" >>{stale.calls}\nexit 1\n')
    uv.chmod(0o755)
    assert stale.run().returncode == 0
    calls = stale.calls.read_text().splitlines()
    pip = "-m pip install --disable-pip-version-check --require-hashes --requirement"
    assert f"venv-python {pip} {stale.clone}/requirements.txt" in calls
    assert f"uv-python {pip.replace('install', 'install --quiet')} {stale.clone}/local/setup/uv.txt" in calls


def test_jars_that_are_not_the_known_ones_are_not_taken(ready: Machine) -> None:
    jars = ready.root / "cache" / "jars" / "delta-4.4.0-azure"
    jars.rmdir()
    submit = ready.clone / ".venv" / "bin" / "spark-submit"
    submit.write_text(
        '#!/bin/bash\nfor word in "$@"; do case "$word" in spark.jars.ivy=*) folder="${word#*=}/jars"; '
        'mkdir -p "$folder"; echo other >"$folder/io.delta_delta-storage-4.4.0.jar" ;; esac; done\n'
    )
    submit.chmod(0o755)
    done = ready.run()
    assert done.returncode == 1
    assert "error: Spark's resolver brought other jars than" in done.stderr
    assert not jars.exists()

    digest = hashlib.sha256(b"other\n").hexdigest()
    (ready.clone / "local/setup/delta_jars.sha256").write_text(f"{digest}  io.delta_delta-storage-4.4.0.jar\n")
    assert ready.run().returncode == 0
    assert jars.is_dir()


def test_the_scripts_name_no_registry() -> None:
    scripts = [*(REPOSITORY / "local" / "setup").iterdir(), REPOSITORY / "bin" / "test", REPOSITORY / ".ci" / "run"]
    assert len(scripts) >= 6
    for script in scripts:
        assert "://" not in script.read_text(), script


@pytest.mark.parametrize("script", ["bin/test", ".ci/run"])
def test_commands_are_executable_and_parse(script: str) -> None:
    assert os.access(REPOSITORY / script, os.X_OK)
    subprocess.run(["bash", "-n", str(REPOSITORY / script)], check=True)


def test_an_unknown_stage_is_named() -> None:
    done = subprocess.run(
        [str(REPOSITORY / "bin" / "test"), "unitt"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: bin/test has no stage 'unitt'; there are: "
        "lint unit browser mysql airflow spark end_to_end terraform containers\n"
    )
