"""What the light check of Terraform configuration finds, each mistake by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.terraform.configuration_check import configuration_faults

VAULT = {
    "attributes": {
        "id": {"type": "string", "optional": True, "computed": True},
        "name": {"type": "string", "required": True},
        "tags": {"type": ["map", "string"], "optional": True},
        "uri": {"type": "string", "computed": True},
        "rules": {
            "nested_type": {"attributes": {"alias": {"type": "string", "required": True}}, "nesting_mode": "list"},
            "optional": True,
        },
    },
    "block_types": {
        "acls": {
            "nesting_mode": "list",
            "min_items": 1,
            "max_items": 1,
            "block": {"attributes": {"bypass": {"type": "string", "required": True}}},
        }
    },
}
SCHEMAS: dict[str, Any] = {
    "azurerm": {
        "provider": {"block": {"block_types": {"features": {"nesting_mode": "list", "min_items": 1, "block": {}}}}},
        "resource_schemas": {"azurerm_vault": {"block": VAULT}},
        "data_source_schemas": {"azurerm_who": {"block": {"attributes": {"me": {"type": "string", "computed": True}}}}},
    }
}
SOUND = """
variable "name" {
  description = "A name."
  type = string
}
locals {
  label = "kv-${var.name}"
}
data "azurerm_who" "me" {}
resource "azurerm_vault" "main" {
  count = 1
  name = local.label
  tags = { who = data.azurerm_who.me.me } # azurerm_vault.gone.name
  rules = [{ alias = "a" }]
  acls {
    bypass = "None"
  }
  lifecycle {
    ignore_changes = [tags]
  }
}
output "uri" {
  description = "Its address."
  value = azurerm_vault.main[0].uri
}
provider "azurerm" {
  features {}
}
module "inner" {
  source = "../inner"
  size = module.inner.used ? 1 : 2
}
"""
INNER = """
variable "size" {
  description = "A size."
}
output "used" {
  description = "A size."
  value = var.size
}
"""


def _faults(tmp_path: Path, text: str) -> list[str]:
    for name, content in (("outer", text), ("inner", INNER)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "main.tf").write_text(content)
    return configuration_faults(tmp_path / "outer", SCHEMAS)


def test_a_sound_configuration_has_no_faults(tmp_path: Path) -> None:
    assert _faults(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        (
            'resource "azurerm_vault" "main"',
            'resource "azurerm_valt" "main"',
            "resource azurerm_valt.main: the provider has no resource azurerm_valt",
        ),
        (
            "  name = local.label\n",
            '  name = local.label\n  nme = "x"\n',
            "resource azurerm_vault.main: there is no argument nme",
        ),
        ("  name = local.label\n", "  tags = { a = local.label }\n", "resource azurerm_vault.main: name is missing"),
        ("  count = 1\n", '  uri = "https://"\n', "resource azurerm_vault.main: uri is set by the provider alone"),
        (
            '[{ alias = "a" }]',
            '[{ alias = "a", constant = "b" }]',
            "resource azurerm_vault.main.rules: there is no argument constant",
        ),
        ('[{ alias = "a" }]', "[{}]", "resource azurerm_vault.main.rules: alias is missing"),
        ('    bypass = "None"\n', "", "resource azurerm_vault.main.acls: bypass is missing"),
        ('  acls {\n    bypass = "None"\n  }\n', "", "resource azurerm_vault.main: a block acls is missing"),
        (
            '  acls {\n    bypass = "None"\n  }\n',
            '  acls {\n    bypass = "None"\n  }\n' * 2,
            "resource azurerm_vault.main: there may be 1 block acls, and there are 2",
        ),
        (
            "  acls {\n",
            "  acl {\n    bypass = 1\n  }\n  acls {\n",
            "resource azurerm_vault.main: there is no block acl",
        ),
        (
            '  acls {\n    bypass = "None"\n  }\n',
            '  acls = { bypass = "None" }\n',
            "resource azurerm_vault.main: there is no argument acls; it is a block, written without =",
        ),
        ("  features {}\n", "", "provider azurerm: a block features is missing"),
        ('provider "azurerm"', 'provider "google"', "provider google has no schema here"),
        ("kv-${var.name}", "kv-${var.nam}", "var.nam is not declared"),
        ("name = local.label", "name = local.labels", "local.labels is not declared"),
        ("name = local.label", 'name = "kv"', "local.label is not used"),
        ("kv-${var.name}", "kv", "variable name is not used"),
        ("azurerm_vault.main[0].uri", "azurerm_vault.man[0].uri", "azurerm_vault.man is not declared"),
        ("azurerm_vault.main[0].uri", "azurerm_vault.main[0].url", "azurerm_vault.main has no attribute url"),
        ("data.azurerm_who.me.me", "data.azurerm_who.me.you", "azurerm_who.me has no attribute you"),
        ("module.inner.used", "module.inner.useful", "module.inner has no output useful"),
        ("module.inner.used", "module.outer.used", "module.outer is not declared"),
        ("  size = module", "  siz = module", "module inner: it has no variable siz"),
        ("  size = module.inner.used ? 1 : 2\n", "", "module inner: variable size is missing"),
        ('"../inner"', '"../iner"', 'module inner: there are no files at its source "../iner"'),
        ('  description = "A name."\n', "", "variable name has no description"),
        ('  description = "Its address."\n', "", "output uri has no description"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, right: str, wrong: str, fault: str) -> None:
    assert right in SOUND
    assert f"outer: {fault}" in _faults(tmp_path, SOUND.replace(right, wrong))


def test_what_a_dynamic_block_makes_is_looked_at_too(tmp_path: Path) -> None:
    block = '  acls {\n    bypass = "None"\n  }\n'
    dynamic = '  dynamic "acls" {\n    for_each = [1]\n    content {\n      bypas = "None"\n    }\n  }\n'
    assert _faults(tmp_path, SOUND.replace(block, dynamic)) == [
        "outer: resource azurerm_vault.main.acls: there is no argument bypas",
        "outer: resource azurerm_vault.main.acls: bypass is missing",
    ]
