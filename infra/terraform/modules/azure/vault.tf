# The vault of Airflow's connections and variables. Terraform writes no secret into it: they would lie in its state.

resource "azurerm_key_vault" "main" {
  name                          = "kv-${var.name}-${var.environment}-${local.suffix}"
  location                      = azurerm_resource_group.main.location
  resource_group_name           = azurerm_resource_group.main.name
  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  public_network_access_enabled = false
  purge_protection_enabled      = true
  soft_delete_retention_days    = var.soft_delete_days
  tags                          = local.tags

  network_acls {
    bypass         = "None"
    default_action = "Deny"
  }
}

resource "azurerm_management_lock" "vault" {
  count = var.protect ? 1 : 0

  name       = "keep"
  scope      = azurerm_key_vault.main.id
  lock_level = "CanNotDelete"
  notes      = "Airflow's connections. Set protect = false and apply before you take it down."
}
