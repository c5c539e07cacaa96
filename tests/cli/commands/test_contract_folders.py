"""Where commands look for contracts."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse.errors import ContractError

from cli.commands.contract_folders import contract_folders, contracts_root


def test_the_root_is_the_settings() -> None:
    assert contracts_root({"LAKEHOUSE_CONTRACTS_ROOT": "/some/where"}) == Path("/some/where")
    assert contracts_root({}).name == "contracts"


def test_folders_without_contracts_are_left_out(tmp_path: Path) -> None:
    for name in ("shop/sale.odcs.yaml", "crm/supplier.odcs.yaml", "notes/read.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    assert contract_folders(tmp_path) == [tmp_path / "crm", tmp_path / "shop"]
    assert contract_folders(tmp_path, "shop") == [tmp_path / "shop"]
    with pytest.raises(ContractError, match=r"no contract of schema hr below .*; there are crm, shop"):
        contract_folders(tmp_path, "hr")


def test_a_root_without_contracts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="there is no contract below") as caught:
        contract_folders(tmp_path)

    assert "one folder per MySQL schema" in str(caught.value)
