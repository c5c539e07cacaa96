output "resource_group" {
  description = "Name of the resource group."
  value       = azurerm_resource_group.main.name
}

output "airflow_identity" {
  description = "Airflow's managed identity: id (to assign it to a machine), client_id (AZURE_CLIENT_ID) and principal_id."
  value = {
    id           = azurerm_user_assigned_identity.airflow.id
    client_id    = azurerm_user_assigned_identity.airflow.client_id
    principal_id = azurerm_user_assigned_identity.airflow.principal_id
  }
}

output "airflow_subnet_id" {
  description = "Subnet for Airflow's machines or node pool."
  value       = azurerm_subnet.airflow.id
}

output "access_connector_id" {
  description = "The access connector that Unity Catalog reaches the lake by."
  value       = azurerm_databricks_access_connector.lake.id

  # Who takes the connector takes its rights too: Unity Catalog tries them when it is told of a location.
  depends_on = [azurerm_role_assignment.connector_on_layer, azurerm_role_assignment.connector_delegates]
}

output "storage_account" {
  description = "The lake's account: id and name."
  value = {
    id   = azurerm_storage_account.lake.id
    name = azurerm_storage_account.lake.name
  }

  depends_on = [azurerm_storage_container.layer]
}

output "key_vault_uri" {
  description = "Address of the vault, for Airflow's secrets backend."
  value       = azurerm_key_vault.main.vault_uri
}

output "workspace" {
  description = "The Databricks workspace: its Azure id, its number and its address."
  value = {
    id     = azurerm_databricks_workspace.main.id
    number = azurerm_databricks_workspace.main.workspace_id
    url    = "https://${azurerm_databricks_workspace.main.workspace_url}"
  }

  # Its API is used through the endpoint where there is no other way.
  depends_on = [azurerm_private_endpoint.inside]
}

output "public" {
  description = "What can be reached from outside of the network."
  value = {
    lake      = azurerm_storage_account.lake.public_network_access != "Disabled"
    vault     = azurerm_key_vault.main.public_network_access_enabled
    workspace = azurerm_databricks_workspace.main.public_network_access_enabled
  }
}
