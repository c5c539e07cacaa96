"""What is read out of the generated packages: kinds, flags, blocks and nested attributes of resources that we use."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from local.terraform.provider_schemas import read_packages

Json = dict[str, Any]


@pytest.fixture(scope="module")
def schemas() -> Json:
    """As bin/test has read them from the packages."""
    found: Json = json.loads((Path(os.environ["LAKEHOUSE_INFRA"]) / "schemas.json").read_text())
    return found


def _resource(schemas: Json, type_: str) -> Json:
    block: Json = schemas[type_.partition("_")[0]]["resource_schemas"][type_]["block"]
    return block


def test_all_resources_and_data_sources_are_there(schemas: Json) -> None:
    counts = {name: (len(one["resource_schemas"]), len(one["data_source_schemas"])) for name, one in schemas.items()}
    assert counts == {"azurerm": (1034, 459), "databricks": (174, 195)}


def test_arguments_have_their_type_and_whether_they_must_be_given(schemas: Json) -> None:
    attributes = _resource(schemas, "azurerm_key_vault")["attributes"]
    assert attributes["rbac_authorization_enabled"] == {"type": "bool", "required": True}
    assert attributes["soft_delete_retention_days"] == {"type": "number", "optional": True}
    assert attributes["tags"] == {"type": ["map", "string"], "optional": True}
    assert attributes["vault_uri"] == {"type": "string", "computed": True}
    assert attributes["id"] == {"type": "string", "optional": True, "computed": True}


def test_a_block_tells_how_often_it_may_and_must_stand(schemas: Json) -> None:
    blocks = _resource(schemas, "azurerm_consumption_budget_subscription")["block_types"]
    bounds = {
        name: (one["nesting_mode"], one.get("min_items", 0), one.get("max_items")) for name, one in blocks.items()
    }
    assert bounds == {
        "filter": ("list", 0, 1),
        "notification": ("set", 1, None),
        "time_period": ("list", 1, 1),
        "timeouts": ("single", 0, None),
    }
    assert blocks["time_period"]["block"]["attributes"]["start_date"] == {"type": "string", "required": True}


def test_what_is_written_with_an_equals_sign_is_an_attribute_and_no_block(schemas: Json) -> None:
    policy = _resource(schemas, "databricks_policy_info")
    assert "block_types" not in policy
    mask = policy["attributes"]["column_mask"]
    assert mask["nested_type"]["nesting_mode"] == "single"
    assert mask["nested_type"]["attributes"]["on_column"] == {"type": "string", "required": True}
    assert policy["attributes"]["match_columns"]["nested_type"]["nesting_mode"] == "list"


def test_a_folder_without_the_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"has no package cdktn_provider_\*: install those of local/setup/infra.txt"):
        read_packages(tmp_path)
