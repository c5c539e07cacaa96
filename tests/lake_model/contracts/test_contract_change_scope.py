"""What a contract may say about where to look for changes, and what is wrong about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from lakehouse.daily_run.planning import TablePlan, plan_tables
from lakehouse.errors import ContractError

from lake_model.contracts.copy_spec import ChangeScope, CopySpec
from lake_model.contracts.table_contracts import load_contracts
from tests.conftest import EditContract

SALES = "transactions.odcs.yaml: schema[transactions].customProperties"


def settings(**values: object) -> Any:
    """An edit of a contract's custom properties."""

    def edit(document: dict[str, Any]) -> None:
        table = document["schema"][0]
        kept = [entry for entry in table["customProperties"] if entry["property"] not in values]
        table["customProperties"] = [*kept, *({"property": k, "value": v} for k, v in values.items())]
        table["properties"].append(
            {
                "name": "updated_at",
                "physicalType": "datetime(6)",
                "logicalType": "timestamp",
                "description": "Set.",
            }
        )

    return edit


def scope_of(folder: Path) -> ChangeScope | None:
    contracts = load_contracts(folder)
    tables = [type("Shown", (), {"name": name, "is_view": False})() for name in contracts.tables]
    (plan,) = [plan for plan in plan_tables(tables, contracts) if plan.table == "transactions"]
    spec = msgspec.convert(msgspec.convert(plan.as_dict(), TablePlan).as_dict(), CopySpec)
    assert spec.change_scope == contracts.tables["transactions"].change_scope
    return spec.change_scope


def test_without_a_word_a_run_looks_everywhere(contracts_folder: Path) -> None:
    assert scope_of(contracts_folder) is None


@pytest.mark.parametrize(
    ("values", "scope"),
    [
        ({"trailingDays": 35}, ChangeScope(7, trailing_days=35)),
        ({"trailingDays": 3, "fullPassEveryDays": 30}, ChangeScope(30, trailing_days=3)),
        (
            {"changeDetection": "watermark", "watermarkColumn": "updated_at"},
            ChangeScope(7, watermark_column="updated_at", overlap_minutes=60),
        ),
        (
            {
                "changeDetection": "watermark",
                "watermarkColumn": "updated_at",
                "watermarkOverlapMinutes": 0,
                "fullPassEveryDays": 1,
            },
            ChangeScope(1, watermark_column="updated_at"),
        ),
    ],
)
def test_a_scope_comes_from_the_contract(
    contracts_folder: Path, edit_contract: EditContract, values: dict[str, object], scope: ChangeScope
) -> None:
    edit_contract("transactions", settings(**values))
    assert scope_of(contracts_folder) == scope


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"trailingDays": 0}, ".trailingDays: 0: must be a whole number, 1 or more"),
        ({"trailingDays": True}, ".trailingDays: True: must be a whole number, 1 or more"),
        (
            {"trailingDays": 5, "changeDetection": "full"},
            ".trailingDays: 5: belongs to changeDetection fingerprint: set that, or remove this",
        ),
        ({"fullPassEveryDays": 5}, ".fullPassEveryDays: 5: every run is a full pass without trailingDays or"),
        ({"watermarkColumn": "updated_at"}, ".watermarkColumn: 'updated_at': belongs to changeDetection watermark"),
        (
            {"changeDetection": "watermark", "watermarkColumn": "updated_at", "watermarkOverlapMinutes": "5"},
            ".watermarkOverlapMinutes: '5': must be a whole number, 0 or more",
        ),
        ({"changeDetection": "watermark"}, ".watermarkColumn: None: changeDetection watermark needs the source column"),
        (
            {"changeDetection": "watermark", "watermarkColumn": "changed"},
            ".watermarkColumn: 'changed': is no source column of this contract; it has",
        ),
        (
            {"changeDetection": "watermark", "watermarkColumn": "product_code"},
            ".watermarkColumn: 'product_code': must be DATETIME or TIMESTAMP at the source, not physicalType",
        ),
    ],
)
def test_a_wrong_scope_is_named(
    contracts_folder: Path, edit_contract: EditContract, values: dict[str, object], line: str
) -> None:
    edit_contract("transactions", settings(**values))
    with pytest.raises(ContractError) as caught:
        load_contracts(contracts_folder)
    assert [problem for problem in str(caught.value).splitlines()[1:] if line in problem], caught.value
    assert len(str(caught.value).splitlines()) == 2
