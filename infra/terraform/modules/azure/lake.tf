# The lake: one account with a hierarchical namespace, a container a layer. No key, no anonymous reader, no public address.

resource "azurerm_storage_account" "lake" {
  name                              = "st${var.name}${var.environment}${local.suffix}"
  location                          = azurerm_resource_group.main.location
  resource_group_name               = azurerm_resource_group.main.name
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.storage_replication
  access_tier                       = "Hot"
  is_hns_enabled                    = true
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  sftp_enabled                      = false
  nfsv3_enabled                     = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  infrastructure_encryption_enabled = true
  allowed_copy_scope                = "AAD"
  public_network_access             = "Disabled"
  tags                              = local.tags

  blob_properties {
    delete_retention_policy {
      days = var.soft_delete_days
    }

    container_delete_retention_policy {
      days = var.soft_delete_days
    }
  }

  network_rules {
    default_action = "Deny"
    bypass         = ["None"]

    # Unity Catalog looks at a location by its connector, from outside of the network.
    private_link_access {
      endpoint_resource_id = azurerm_databricks_access_connector.lake.id
    }
  }
}

resource "azurerm_storage_container" "layer" {
  for_each = local.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.lake.id
  container_access_type = "private"
}

# Bronze is kept for ever: the history of dimensions is made anew from it. What is old gets cheaper.
resource "azurerm_storage_management_policy" "lake" {
  storage_account_id = azurerm_storage_account.lake.id

  rule {
    name    = "bronze-cools"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["bronze/lake/bronze/"]
    }

    actions {
      base_blob {
        tier_to_cool_after_days_since_modification_greater_than = var.bronze_cool_after_days
      }
    }
  }
}

resource "azurerm_management_lock" "lake" {
  count = var.protect ? 1 : 0

  name       = "keep"
  scope      = azurerm_storage_account.lake.id
  lock_level = "CanNotDelete"
  notes      = "Holds the only copy of bronze. Set protect = false and apply before you take it down."
}
