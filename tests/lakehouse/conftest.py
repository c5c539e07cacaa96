"""What the tests of the Airflow side share: a home for Airflow that is no user's, and contracts to spoil."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mysql_server import MySqlServer
from local.processes import free_port

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def logging_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    """A private MariaDB that keeps a binary log, as production's do; mark tests that use it with `mysql`."""
    server = MySqlServer(tmp_path_factory.mktemp("logging"), free_port(), binary_log=True)
    server.start()
    yield server
    server.stop()
