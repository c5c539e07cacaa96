"""Fixtures that several test folders share."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from local.mysql_lts_server import SERVERS, MySqlLtsServer, mysql_folder
from local.mysql_server import MySqlServer
from local.processes import free_port

PROJECT = Path(__file__).resolve().parents[1]

# A machine that is busy with other work is no fault of what is tested, so no example has a deadline, nor its making.
# Each run tries other examples; a soak, fifty times as many.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", _patient, max_examples=40)
settings.register_profile("soak", _patient, max_examples=2000)

# In the background of a shell without job control Ctrl-C is ignored, by Python and by all that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Each process of a run has an Airflow home of its own, which is no user's: bin/test's, where it started the run.
# Airflow reads it when it is first imported.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_home = Path(os.environ.get("AIRFLOW_HOME") or tempfile.mkdtemp(prefix="lakehouse-airflow-")) / _worker
_home.mkdir(parents=True, exist_ok=True)
os.environ["AIRFLOW_HOME"] = str(_home)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

# With two processes a long file that begins last leaves one of them idle.
_LONGEST_FILES = (
    "test_dimension_histories.py",
    "test_gold.py",
    "test_robustness.py",
    "test_catalog.py",
    "test_facts_in_turns.py",
    "test_silver_quality.py",
    "test_values.py",
    "test_kept_figures.py",
    "test_spark_connect.py",
    "test_upkeep.py",
    "test_with_databricks_sdk.py",
    "test_copy_survives_kills.py",
    "test_table_copy.py",
    "test_silver_dimensions.py",
    "test_confidential_values.py",
    "test_adding_a_table.py",
)


# Their tests share one server with its Spark, so that one process runs them all.
_ONE_SERVER = (
    "test_with_databricks_sdk.py",
    "test_with_airflow.py",
    "test_with_kpi_page.py",
    "test_spark_driver.py",
    "test_storage_account.py",
)


class _ByFile(LoadFileScheduling):
    """Gives each process whole files, and one of them all that share a server."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return _ONE_SERVER[0] if file.endswith(_ONE_SERVER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """How `--dist loadfile` shares the tests out."""
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the server that a test's markers say it does without, and what only a soak repeats; puts the longest
    files first where several processes share them; each file keeps the order of its tests.
    """
    for item in items:
        _refuse_unknown_fixtures(item)
    is_soak = config.getoption("--soak")
    left_out = [
        item for item in items if _does_without_its_server(item) or (not is_soak and item.get_closest_marker("soak"))
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    if _worker:
        places = {name: place for place, name in enumerate(_LONGEST_FILES)}
        items.sort(key=lambda item: places.get(item.path.name, len(places)))


EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]


def _refuse_unknown_fixtures(item: pytest.Item) -> None:
    """Ends a stage before its first test, and not at its end, where a test asks for a fixture that there is none of."""
    info = getattr(item, "_fixtureinfo", None)
    if info is None:
        return
    unknown = [name for name in info.names_closure if name != "request" and name not in info.name2fixturedefs]
    parameters = set(item.callspec.params) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else set()
    if missing := sorted(set(unknown) - parameters):
        raise pytest.UsageError(f"{item.nodeid} asks for {missing}, which no conftest.py above it makes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What makes a test longer than continuous integration has time for."""
    parser.addoption(
        "--soak",
        action="store_true",
        help="repeat what may depend on chance",
    )
    parser.addoption("--kills", type=int, default=12, help="copies that are killed (default: 12; the long run: 300)")
    parser.addoption(
        "--histories", type=int, default=60, help="random dimension histories on Spark; a soak takes thousands"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Chooses how many examples a property is tried with."""
    settings.load_profile("soak" if config.getoption("--soak") else "quick")


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether the long run was asked for."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture
def histories(request: pytest.FixtureRequest) -> int:
    """The number of random histories asked for."""
    return int(request.config.getoption("--histories"))


@pytest.fixture
def contracts_folder(tmp_path: Path) -> Path:
    """A copy of the shipped contracts that a test may spoil."""
    return Path(shutil.copytree(PROJECT / "contracts" / "atliqsale", tmp_path / "atliqsale"))


@pytest.fixture
def edit_contract(contracts_folder: Path) -> EditContract:
    """Change the document of one contract of `contracts_folder`: `edit_contract("customer", change)`."""

    def edit(name: str, change: Callable[[dict[str, Any]], None]) -> None:
        path = contracts_folder / f"{name}.odcs.yaml"
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        change(document)
        path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")

    return edit


# Why a test does without one kind of server.
_WITHOUT = {
    "mysql": {"mariadb_only", "one_server", "airflow", "spark", "end_to_end"},
    "mariadb": {"mysql_only"},
}


def _does_without_its_server(item: pytest.Item) -> bool:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return not {marker.name for marker in item.iter_markers()}.isdisjoint(_WITHOUT.get(params.get("mysql_server"), ()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a source on a MariaDB and on a MySQL."""
    if "mysql_server" in metafunc.fixturenames:
        metafunc.parametrize("mysql_server", list(SERVERS), indirect=True, scope="session")


@pytest.fixture(scope="session")
def source_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], MySqlServer]]:
    """Give the private server of a kind, which stays for the whole session."""
    started: dict[str, MySqlServer] = {}

    def server_of(kind: str) -> MySqlServer:
        if kind == "mysql" and not MySqlLtsServer.is_installed():
            pytest.skip(f"there is no MySQL in {mysql_folder()}: bin/test mysql fetches it, or says why it cannot")
        if kind not in started:
            # As each is unless somebody changes it: a MySQL keeps a binary log.
            server = SERVERS[kind](tmp_path_factory.mktemp(kind), free_port(), binary_log=kind == "mysql")
            server.start()
            started[kind] = server
        return started[kind]

    yield server_of
    for server in started.values():
        server.stop()


@pytest.fixture(scope="session")
def mysql_server(request: pytest.FixtureRequest, source_server: Callable[[str], MySqlServer]) -> MySqlServer:
    """A private MariaDB or MySQL server; mark tests that use it with `mysql`."""
    return source_server(request.param)


_schema_numbers = itertools.count(1)


@pytest.fixture
def fresh_schema(mysql_server: MySqlServer) -> Iterator[Callable[[], str]]:
    """Make empty schemas that only this test sees: call it, and get the name of a new one."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(_schema_numbers)}"
        mysql_server.create_schema(name)
        made.append(name)
        return name

    yield make
    connection = mysql_server.connect()
    for name in made:
        connection.query(f"DROP DATABASE IF EXISTS `{name}`")
    connection.close()


@pytest.fixture(scope="session")
def _migrated_airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an Airflow whose metadata database is migrated and empty, which is only ever copied."""
    home = tmp_path_factory.mktemp("airflow")
    migrated = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=_airflow_environment(home),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert migrated.returncode == 0, migrated.stderr
    return home


@pytest.fixture(scope="module")
def airflow_environment(_migrated_airflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with our plugins and an empty, migrated metadata database, which no other file has:
    what one wrote into it is no other's.
    """
    home = tmp_path_factory.mktemp("airflow") / "home"
    shutil.copytree(_migrated_airflow, home)
    return _airflow_environment(home)


def _airflow_environment(home: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LAKEHOUSE"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }
