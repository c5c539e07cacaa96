"""infra/terraform against the providers' schemas: nothing is wrong, and whatever could be misspelt would be found."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.terraform.configuration_check import configuration_faults

TERRAFORM = Path(__file__).parents[3] / "infra" / "terraform"
FOLDERS = sorted({str(file.parent.relative_to(TERRAFORM)) for file in TERRAFORM.rglob("*.tf")})


@pytest.fixture(scope="module")
def schemas() -> Mapping[str, Any]:
    """What the providers take, as bin/test sets it up."""
    found: Mapping[str, Any] = json.loads((Path(os.environ["LAKEHOUSE_INFRA"]) / "schemas.json").read_text())
    return found


def test_there_are_three_modules_and_two_environments() -> None:
    assert FOLDERS == [
        "environments/dev",
        "environments/prod",
        "modules/azure",
        "modules/governance",
        "modules/unity_catalog",
    ]


def test_the_schemas_are_of_the_versions_that_the_configuration_asks_for(schemas: Mapping[str, Any]) -> None:
    assert {name: schema["version"] for name, schema in schemas.items()} == {
        "azurerm": "5.10.0",
        "databricks": "1.138.0",
    }
    for folder in FOLDERS:
        asked = dict(re.findall(r'source  = "\w+/(\w+)"\n +version = "([^"]+)"', _text(TERRAFORM / folder)))
        assert asked.items() <= {"azurerm": "~> 5.0", "databricks": "~> 1.138"}.items()
        assert asked


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_wrong_in(folder: str, schemas: Mapping[str, Any]) -> None:
    assert configuration_faults(TERRAFORM / folder, schemas) == []


@pytest.mark.parametrize("folder", [one for one in FOLDERS if one.startswith("modules/")])
def test_each_misspelt_argument_and_block_is_found_in(folder: str, schemas: Mapping[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "modules" / Path(folder).name
    shutil.copytree(TERRAFORM / folder, copy)
    spoilt: list[tuple[str, str, int]] = []
    for file in copy.glob("*.tf"):
        file.write_text(_misspelt(file.read_text(), spoilt))
    faults = "\n".join(configuration_faults(copy, schemas))
    assert len(spoilt) > 10
    assert [one for one in spoilt if f"{one[0]} {one[1]}x" not in faults] == []


def test_nothing_in_the_lake_the_vault_or_the_clusters_is_public() -> None:
    text = _text(TERRAFORM / "modules" / "azure")
    closed = {
        "public_network_access": '"Disabled"',
        "shared_access_key_enabled": "false",
        "allow_nested_items_to_be_public": "false",
        "local_user_enabled": "false",
        "container_access_type": '"private"',
        "default_action": '"Deny"',
        "no_public_ip": "true",
        "default_outbound_access_enabled": "false",
        "rbac_authorization_enabled": "true",
        "local_authentication_enabled": "false",
    }
    given = {name: set(re.findall(rf"^ +{name} += (.+)$", text, re.MULTILINE)) for name in closed}
    assert given == {name: {value} for name, value in closed.items()}
    assert re.findall(r"^ +public_network_access_enabled += (.+)$", text, re.MULTILINE) == [
        "false",
        "var.workspace_public",
    ]


def test_roles_are_the_least_that_each_one_needs() -> None:
    text = _text(TERRAFORM / "modules" / "azure")
    assignments = re.findall(
        r'resource "azurerm_role_assignment" "(\w+)" \{.*?scope += ([^\n]+)\n +role_definition_name = "([^"]+)"',
        text,
        re.DOTALL,
    )
    assert {name: (scope, role) for name, scope, role in assignments} == {
        "airflow_writes_bronze": ('azurerm_storage_container.layer["bronze"].id', "Storage Blob Data Contributor"),
        "connector_on_layer": ("azurerm_storage_container.layer[each.key].id", "Storage Blob Data Contributor"),
        "connector_delegates": ("azurerm_storage_account.lake.id", "Storage Blob Delegator"),
        "airflow_reads_secrets": ("azurerm_key_vault.main.id", "Key Vault Secrets User"),
        "officers_write_secrets": ("azurerm_key_vault.main.id", "Key Vault Secrets Officer"),
    }


def _text(folder: Path) -> str:
    return "\n".join(file.read_text() for file in sorted(folder.glob("*.tf")))


def _misspelt(text: str, spoilt: list[tuple[str, str, int]]) -> str:
    """The text with an x at each name of an argument or block that a resource or a data source has."""
    lines = text.splitlines()
    inside = ""
    for number, line in enumerate(lines):
        if found := re.match(r'(resource|data) ".*\{$', line):
            inside = found[1]
        elif line == "}":
            inside = ""
        elif inside and (named := re.match(r"  (\w+) +=|  (\w+) \{$", line)):
            name, kind = (named[1], "argument") if named[1] else (named[2], "block")
            if name in {"count", "for_each", "provider", "depends_on", "lifecycle"}:
                continue
            spoilt.append((kind, name, number))
            lines[number] = line.replace(name, f"{name}x", 1)
    return "\n".join(lines)
