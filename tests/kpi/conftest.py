"""A lake that the page can read, and the page over it."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kpi.desk import Desk
from kpi.guard import Guard
from kpi.origins import Origins, read_origins
from kpi.read_model import Limits
from kpi.read_model_files import open_or_make
from kpi.readers import Reader, RoleNames
from kpi.shelf import Shelf
from kpi.web_app import app_of
from lakehouse.lake.delta_table import delta_state, folder_lake
from lakehouse.lake.tables import Lake
from lakehouse.trace import Trace, trace_date

from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from tests.kpi.browser import chromium
from tests.kpi.sample_lake import demo_rows, source_tables, write_gold, write_reconciliation
from tests.kpi.sample_silver import plant_faults, write_dimensions, write_refused

if TYPE_CHECKING:
    import duckdb
    from playwright.sync_api import Browser

PROJECT = Path(__file__).resolve().parents[2]
ROLES = RoleNames({"Admin"}, {"Viewer": ["sales_analysts"]})
LOGINS = {
    name: Reader(name, frozenset(roles.split()))
    for name, roles in {
        "admin": "admin",
        "viewer": "viewer",
        "steward": "data_stewards",
        "north": "sales_north",
        "both": "sales_north sales_south",
        "nobody": "op",
    }.items()
}


@pytest.fixture(scope="session")
def source() -> duckdb.DuckDBPyConnection:
    """The source's rows, and what gold is made of them."""
    return source_tables(demo_rows())


@pytest.fixture(scope="session")
def shared_lake(tmp_path_factory: pytest.TempPathFactory, source: duckdb.DuckDBPyConnection) -> Path:
    """A lake that no test changes."""
    lake = tmp_path_factory.mktemp("lake")
    write_gold(source, lake)
    write_reconciliation(lake)
    return lake


@pytest.fixture
def lake(shared_lake: Path, tmp_path: Path) -> Path:
    """A lake of a test's own."""
    return Path(shutil.copytree(shared_lake, tmp_path / "lake"))


@dataclass
class Site:
    """The page behind its guard, as a test asks it.

    Attributes:
        clock: seconds, which a test moves on.
        read: how the lake is read.
    """

    lake: Path
    models: Path
    contracts: Path = PROJECT / "contracts"
    clock: list[float] = field(default_factory=lambda: [0.0])
    read: Callable[[Any], Lake] = folder_lake

    def __post_init__(self) -> None:
        self.shelf = Shelf(
            lambda: self.read(self.lake), self.models, Limits(), self.origins, clock=lambda: self.clock[0]
        )
        self.desk = Desk(
            lambda: read_kpi_contracts(self.contracts),
            self.shelf,
            ROLES,
            self.trace,
            lambda: self.read(self.lake).tables,
        )
        self.app = Guard(lambda: app_of(lambda: self.desk), _authorize)

    def origins(self, contract: KpiContract) -> Origins:
        """What a table of these contracts is made of."""
        return read_origins(self.contracts / contract.schema, contract.table)

    def trace(self, contract: KpiContract, day: dt.date) -> Trace:
        """The way of a date's rows in this lake."""
        return trace_date(self.read(self.lake), self.contracts / contract.schema, contract.table, day)

    def client(self, login: str | None = "admin") -> Any:
        """A client that sends a login."""
        from starlette.testclient import TestClient

        return TestClient(self.app, cookies={"login": login} if login else {}, raise_server_exceptions=False)

    def settle(self) -> None:
        """Waits for the looks at the lake that have begun."""
        for entry in self.shelf._entries.values():
            if entry.worker is not None:
                entry.worker.join()

    def view(self, query: str = "", login: str = "admin") -> Any:
        """The answer of a view."""
        answer = self.client(login).get(f"/api/view?{query}")
        if answer.json().get("state") == "preparing":
            # A busy machine takes longer than a reader waits.
            self.settle()
            answer = self.client(login).get(f"/api/view?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def _authorize(request: Any) -> Reader:  # ruff: ignore[unused-async] - Airflow's is one
    login = request.cookies.get("login")
    if login not in LOGINS:
        raise PermissionError(401, "log in to Airflow to see this page")
    return LOGINS[login]


@pytest.fixture(scope="session")
def shared_site(shared_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A page over the lake that no test changes."""
    return Site(shared_lake, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def faulty_source() -> duckdb.DuckDBPyConnection:
    """The source's rows, some of which are wrong in every way that the contract refuses."""
    return source_tables(demo_rows(), plant_faults)


@pytest.fixture(scope="session")
def faulty_lake(tmp_path_factory: pytest.TempPathFactory, faulty_source: duckdb.DuckDBPyConnection) -> Path:
    """What a run makes of them; no test changes it."""
    lake = tmp_path_factory.mktemp("faulty_lake")
    write_gold(faulty_source, lake)
    write_reconciliation(lake)
    write_dimensions(faulty_source, lake)
    write_refused(faulty_source, lake)
    return lake


@pytest.fixture(scope="session")
def faulty_site(faulty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The page over that lake."""
    return Site(faulty_lake, tmp_path_factory.mktemp("faulty_models"))


@pytest.fixture(scope="session")
def shared_models(shared_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The read model of the lake that no test changes, which is only ever copied."""
    folder = tmp_path_factory.mktemp("shared_models")
    state = delta_state(shared_lake / "gold" / "sales_obt")
    assert state
    open_or_make(folder, read_kpi_contracts(PROJECT / "contracts")[0], state, Limits()).close()
    return folder


@pytest.fixture
def site(lake: Path, shared_models: Path, tmp_path: Path) -> Site:
    """A page over a lake of a test's own, whose read model is there."""
    return Site(lake, Path(shutil.copytree(shared_models, tmp_path / "models")))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a file."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def serve() -> Callable[[Any], contextlib.AbstractContextManager[str]]:
    """Serve an application below /kpi at an address of this machine."""
    return serving


@contextlib.contextmanager
def serving(app: Any) -> Generator[str]:
    """Serves an application below /kpi while it is looked at."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Mount("/kpi", app)]), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/kpi/"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
