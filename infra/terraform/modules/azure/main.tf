# The Azure side: one resource group with network, lake, vault, workspace, identities and logs.
# Terraform needs Azure's management plane alone here: no key, no secret and no data passes through it or its state.

data "azurerm_client_config" "current" {}

locals {
  label = "${var.name}-${var.environment}"
  # Names of storage accounts and vaults are the world's: the subscription's own digest makes them free.
  suffix = substr(sha256(data.azurerm_client_config.current.subscription_id), 0, 5)
  tags   = merge(var.tags, { platform = var.name, environment = var.environment })
  # Where the lake's layers lie; the ledger lies beside bronze.
  containers = toset(["bronze", "silver", "gold"])
}

resource "azurerm_resource_group" "main" {
  name     = "rg-${local.label}"
  location = var.location
  tags     = local.tags
}
