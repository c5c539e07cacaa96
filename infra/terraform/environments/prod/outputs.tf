output "airflow_settings" {
  description = "Environment variables of Airflow."
  value       = module.unity_catalog.airflow_settings
}

output "airflow_identity" {
  description = "Airflow's managed identity."
  value       = module.azure.airflow_identity
}

output "airflow_subnet_id" {
  description = "Subnet for Airflow's machines."
  value       = module.azure.airflow_subnet_id
}

output "job_cluster" {
  description = "LAKEHOUSE_COMPUTE for clusters of the runs' own."
  value       = module.unity_catalog.job_cluster
}

output "key_vault_uri" {
  description = "Address of the vault of Airflow's connections."
  value       = module.azure.key_vault_uri
}

output "storage_account" {
  description = "The lake's account."
  value       = module.azure.storage_account
}

output "workspace_url" {
  description = "Address of the Databricks workspace."
  value       = module.azure.workspace.url
}

output "releases_volume" {
  description = "Folder that releases lie in."
  value       = module.unity_catalog.releases_volume
}

output "warehouse" {
  description = "The SQL warehouse for analysts."
  value       = module.unity_catalog.warehouse
}

output "described_tables" {
  description = "What the variable `tables` should name after the first run."
  value       = module.governance.described_tables
}

output "masked_columns" {
  description = "Columns that are masked, and by which function."
  value       = module.governance.masked_columns
}
