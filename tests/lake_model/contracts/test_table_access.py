"""Who sees what of a One Big Table, as its contract's roles say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake_model.contracts.kpi_contract import read_kpi_contracts
from lake_model.contracts.table_access import OPEN, WHOLE, Access, RoleRule, access_of
from lake_model.contracts.table_contracts import read_one_big_table_contract
from lake_model.errors import ContractError

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]

NORTH, SOUTH = (("zone", ("North",)),), (("zone", ("South",)),)
SECRET = frozenset({"secret"})
RULES = (
    RoleRule("all"),
    RoleRule("steward", SECRET),
    RoleRule("north", frozenset(), NORTH),
    RoleRule("south", frozenset(), SOUTH),
    RoleRule("north_steward", SECRET, NORTH),
)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("", None),
        ("stranger", None),
        ("all stranger", Access(frozenset({()}), frozenset())),
        ("steward", Access(frozenset({()}), SECRET)),
        ("north", Access(frozenset({NORTH}), frozenset())),
        ("north south", Access(frozenset({NORTH, SOUTH}), frozenset())),
        ("north all", Access(frozenset({()}), frozenset())),
        ("north_steward", Access(frozenset({NORTH}), SECRET)),
        ("north_steward north", Access(frozenset({NORTH}), SECRET)),
        ("steward north", Access(frozenset({()}), SECRET)),
        # Together they would show the secret in rows where neither of them shows it.
        ("north_steward all", Access(frozenset({()}), frozenset())),
        ("north_steward south", Access(frozenset({NORTH, SOUTH}), frozenset())),
    ],
)
def test_several_roles_show_the_rows_of_each_and_no_column_where_none_of_them_shows_it(
    roles: str, expected: Access | None
) -> None:
    assert access_of(RULES, roles.split()) == expected


def test_a_table_whose_contract_names_no_roles_is_open_but_for_its_classified_columns() -> None:
    assert access_of((), []) == OPEN
    seen = {word: OPEN.sees(word) for word in ("", "public", "Internal", "confidential", "anything")}
    assert seen == {"": True, "public": True, "Internal": True, "confidential": False, "anything": False}
    assert WHOLE.sees("anything")


def test_the_shipped_contract_has_readers_of_all_of_regions_and_of_confidential_columns(contracts_folder: Path) -> None:
    (contract,) = read_kpi_contracts(contracts_folder.parent)
    assert contract.roles == (
        RoleRule("sales_analysts"),
        RoleRule("data_stewards", frozenset({"confidential"})),
        RoleRule("sales_north", frozenset(), NORTH),
        RoleRule("sales_south", frozenset(), SOUTH),
    )
    analyst = access_of(contract.roles, ["sales_analysts"])
    assert analyst
    assert "customer_name" not in [level.column for level in contract.seen_by(analyst).levels]


def test_who_sees_what_makes_neither_gold_nor_a_copy_of_it_anew(
    contracts_folder: Path, edit_contract: EditContract
) -> None:
    gold = read_one_big_table_contract(contracts_folder, "sales_obt").content_hash
    (before,) = read_kpi_contracts(contracts_folder.parent)
    edit_contract("sales_obt", lambda document: document["roles"].append({"role": "guests", "access": "read"}))
    (after,) = read_kpi_contracts(contracts_folder.parent)
    assert (len(after.roles), after.digest) == (len(before.roles) + 1, before.digest)
    assert read_one_big_table_contract(contracts_folder, "sales_obt").content_hash == gold
    # But a copy must have the columns that tell rows apart.
    region = RoleRule("delhi", frozenset(), (("market_code", ("Mark004",)),))
    assert dataclasses.replace(before, roles=(region,)).digest != before.digest


def role(**properties: object) -> dict[str, object]:
    return {
        "role": "guests",
        "access": "read",
        "customProperties": [{"property": name, "value": value} for name, value in properties.items()],
    }


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (role() | {"access": "write"}, "roles[guests].access: 'write': must be read"),
        (role() | {"role": "Sales_Analysts"}, "roles: 'sales_analysts': is there more than once"),
        (role(colour="red"), "roles[guests].customProperties.colour: 'red': is not known for a role; known are clas"),
        (role(classifications="confidential"), "customProperties.classifications: 'confidential': must be a list"),
        (role(classifications=["secret"]), "classifications: 'secret': is the classification of no column; there are"),
        (role(rows=["North"]), "customProperties.rows: ['North']: must be columns with their values"),
        (role(rows={"region": ["North"]}), "rows: 'region': is no column of this contract; it has order_date"),
        (role(rows={"order_date": ["2026-01-01"]}), "rows: 'order_date': is date: rows are told apart by"),
        (role(rows={"zone": "North"}), "rows.zone: 'North': must be a list of at least one value, each of them of"),
        (role(rows={"zone": []}), "rows.zone: []: must be a list of at least one value"),
        (role(rows={"zone": [False]}), "rows.zone: [False]: must be a list of at least one value"),
        (role(rows={"year": ["2026"]}), "rows.year: ['2026']: must be a list of at least one value"),
        (role(rows={"sales_qty": [1]}), "sales_qty is a level of a hierarchy or says whose a row is, and so a text"),
    ],
)
def test_what_is_wrong_with_a_role_is_told_with_its_field_and_cure(
    contracts_folder: Path, edit_contract: EditContract, added: dict[str, object], told: str
) -> None:
    edit_contract("sales_obt", lambda document: document["roles"].append(added))
    with pytest.raises(ContractError) as error:
        read_kpi_contracts(contracts_folder.parent)
    assert told in str(error.value)
    # The day's run and the check of contracts tell the same.
    with pytest.raises(ContractError) as error:
        read_one_big_table_contract(contracts_folder, "sales_obt")
    assert told in str(error.value)
