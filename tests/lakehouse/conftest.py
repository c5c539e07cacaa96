"""What the tests of the Airflow side share: a home for Airflow that is no user's, and contracts to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.mysql_server import MySqlServer
from local.processes import free_port

PROJECT = Path(__file__).resolve().parents[2]

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture(scope="session")
def logging_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    """A private MariaDB that keeps a binary log, as production's do; mark tests that use it with `mysql`."""
    server = MySqlServer(tmp_path_factory.mktemp("logging"), free_port(), binary_log=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def contracts_folder(tmp_path: Path) -> Path:
    """A copy of the shipped contracts that a test may spoil."""
    return Path(shutil.copytree(PROJECT / "contracts" / "atliqsale", tmp_path / "atliqsale"))


@pytest.fixture
def edit_contract(contracts_folder: Path) -> EditContract:
    """Change the document of one contract of `contracts_folder`: `edit_contract("customer", change)`."""

    def edit(name: str, change: Callable[[dict[str, Any]], None]) -> None:
        path = contracts_folder / f"{name}.odcs.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    return edit
