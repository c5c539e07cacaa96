"""Policies that every shipped contract keeps, judged by the standard's own tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from datacontract.data_contract import DataContract
from jsonschema import Draft201909Validator  # type: ignore[import-untyped] # ruff: ignore[banned-module-level-imports] - this is its test
from open_data_contract_standard.model import OpenDataContractStandard  # ruff: ignore[banned-module-level-imports] - this is its test

from lake_model.contracts.table_contracts import load_contracts

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FILES = sorted(CONTRACTS.rglob("*.odcs.yaml"))


def test_there_are_contracts_to_judge() -> None:
    assert len(FILES) >= 6
    assert {path.parent.parent for path in FILES} == {CONTRACTS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_contract_passes_datacontract_lint(path: Path) -> None:
    run = DataContract(data_contract_file=str(path)).lint()

    assert [(check.result, check.reason) for check in run.checks or ()] == [("passed", None)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_contract_fits_the_standards_json_schema(path: Path) -> None:
    schema = json.loads(OpenDataContractStandard.json_schema())  # type: ignore[no-untyped-call]

    errors = Draft201909Validator(schema).iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))

    assert [error.message for error in errors] == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda folder: folder.name)
def test_a_schemas_contracts_fit_together(folder: Path) -> None:
    contracts = load_contracts(folder)

    assert len(contracts.tables) + len(contracts.one_big_tables) == len(list(folder.glob("*.odcs.yaml")))
