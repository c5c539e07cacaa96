"""Gold on a storage account, by the lake's Airflow connection; Microsoft's Azurite stands in for Azure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lakehouse.lake.delta_table import delta_state
from lakehouse.lake.lake_root import lake_at

from local.azurite_server import AzuriteServer, installed_azurite
from local.errors import AzuriteServerError
from local.processes import free_port
from tests.kpi.conftest import Site

# Needs no source; it runs where Azurite's other tests do.
pytestmark = [pytest.mark.mysql, pytest.mark.one_server]


def test_the_page_reads_gold_from_a_storage_account(
    tmp_path: Path, shared_lake: Path, shared_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        program = installed_azurite()
    except AzuriteServerError as error:
        pytest.skip(f"Azurite is not to be had: {error}")
    server = AzuriteServer(tmp_path / "azurite", free_port(), program)
    server.start()
    try:
        extra = {"connection_string": server.connection_string()}
        monkeypatch.setenv("AIRFLOW_CONN_KPI_TEST", json.dumps({"conn_type": "adls", "extra": extra}))
        lake = lake_at("abfs://lake/some/folder", "kpi_test")
        lake.fs.mkdir("lake")
        lake.fs.put(f"{shared_lake}/gold", "lake/some/folder/gold", recursive=True)
        assert delta_state(lake / "gold" / "nothing") is None
        site = Site(lake, tmp_path / "models")  # type: ignore[arg-type]
        found, expected = site.view("f.zone=North"), shared_site.view("f.zone=North")
        assert found["cards"] == expected["cards"]
        assert found["leaderboards"] == expected["leaderboards"]
    finally:
        server.stop()
