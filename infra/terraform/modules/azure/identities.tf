# Who acts: Airflow, also as the one whom Databricks runs are made for, and Unity Catalog's connector. Neither has a secret.

resource "azurerm_user_assigned_identity" "airflow" {
  name                = "id-${local.label}-airflow"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "airflow" {
  count = var.airflow_workload_identity == null ? 0 : 1

  name                      = "airflow"
  user_assigned_identity_id = azurerm_user_assigned_identity.airflow.id
  issuer                    = var.airflow_workload_identity.issuer
  subject                   = var.airflow_workload_identity.subject
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_databricks_access_connector" "lake" {
  name                = "dbac-${local.label}"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags

  identity {
    type = "SystemAssigned"
  }
}

# Airflow writes bronze and the ledger. Silver and gold it reads through Databricks, by Unity Catalog's grants.
resource "azurerm_role_assignment" "airflow_writes_bronze" {
  scope                = azurerm_storage_container.layer["bronze"].id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.airflow.principal_id
  principal_type       = "ServicePrincipal"
}

# Unity Catalog reaches the three containers, and hands on no more than its own grants allow.
resource "azurerm_role_assignment" "connector_on_layer" {
  for_each = local.containers

  scope                = azurerm_storage_container.layer[each.key].id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_databricks_access_connector.lake.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

# Delegation keys are the account's: without this role Unity Catalog cannot hand out short-lived access.
resource "azurerm_role_assignment" "connector_delegates" {
  scope                = azurerm_storage_account.lake.id
  role_definition_name = "Storage Blob Delegator"
  principal_id         = azurerm_databricks_access_connector.lake.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "airflow_reads_secrets" {
  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.airflow.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "officers_write_secrets" {
  for_each = var.secrets_officers

  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = each.key
  principal_type       = "Group"
}
