"""The bench of the KPI page: it measures, and all ways that it compares give the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kpi.read_model import Limits
from kpi.read_model_files import open_or_make
from lakehouse.lake.delta_table import delta_state

from bench.kpi_bench import _PEERS, _questions, _view, _write_gold, main
from lake_model.contracts.kpi_contract import read_kpi_contracts
from tests.conftest import PROJECT


def test_its_last_line_holds_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rows", "20000", "--views", "12"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["rows"], found["errors"]) == (20000, 0)
    assert set(found["peers"]) == {"duckdb_table", "star_schema", "deltalake"}
    assert 0 < found["view_p50_ms"] <= found["view_p95_ms"]


def test_all_ways_give_the_same_figures(tmp_path: Path) -> None:
    contract = read_kpi_contracts(PROJECT / "contracts")[0]
    _write_gold(tmp_path / "gold", 20_000)
    state = delta_state(tmp_path / "gold")
    assert state
    model = open_or_make(tmp_path / "models", contract, state, Limits())
    for way in _PEERS.values():
        other = way(tmp_path, contract, state, model.about)
        for question in _questions(6):
            assert _view(contract, other, question) == _view(contract, model, question)
        other.close()
