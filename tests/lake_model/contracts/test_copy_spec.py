"""What a contract may choose of its table's copy is declared once, and reaches the copy from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lake_model.contracts.copy_spec import COPY_CHOICES, CopySpec
from lake_model.contracts.table_contracts import load_contracts
from lake_model.errors import ContractError
from tests.lake_model.contracts.spoiling import setting

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]
FIELDS = {one.metadata["property"]: one.name for one in fields(CopySpec) if one.metadata}


@pytest.mark.parametrize("name", COPY_CHOICES)
def test_a_choice_reaches_the_copy_and_another_value_is_refused(
    name: str, contracts_folder: Path, edit_contract: EditContract
) -> None:
    chosen = COPY_CHOICES[name][-1]
    edit_contract("transactions", lambda document: setting(document, name, chosen))
    tables = load_contracts(contracts_folder).tables
    assert getattr(tables["transactions"], FIELDS[name]) == chosen
    assert getattr(tables["product"], FIELDS[name]) == getattr(CopySpec("s", "t"), FIELDS[name])

    edit_contract("transactions", lambda document: setting(document, name, 4711))
    with pytest.raises(ContractError, match=rf"customProperties\.{name}: 4711: must be "):
        load_contracts(contracts_folder)
