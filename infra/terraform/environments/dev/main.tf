# For trying things out: cheap, reached from your own addresses, and easy to take down.

module "azure" {
  source = "../../modules/azure"

  name                      = var.name
  environment               = "dev"
  location                  = var.location
  address_space             = var.address_space
  peered_networks           = var.peered_networks
  airflow_workload_identity = var.airflow_workload_identity
  secrets_officers          = var.secrets_officers
  budget                    = var.budget
  workspace_public          = true
  storage_replication       = "LRS"
  soft_delete_days          = 7
  log_retention_days        = 30
  protect                   = false
}

locals {
  # Made of the contracts: see docs/guides/azure.md, "Who may read what".
  governed = jsondecode(file("${path.module}/../../governed.json")).governed
}

module "unity_catalog" {
  source = "../../modules/unity_catalog"

  providers = {
    databricks         = databricks
    databricks.account = databricks.account
  }

  name                  = var.name
  environment           = "dev"
  location              = var.location
  catalog               = "lakehouse_dev"
  workspace             = module.azure.workspace
  metastore_id          = var.metastore_id
  access_connector_id   = module.azure.access_connector_id
  storage_account       = module.azure.storage_account
  airflow_client_id     = module.azure.airflow_identity.client_id
  create_groups         = var.create_groups
  deployers             = var.deployers
  readers               = toset(flatten([for name, table in local.governed : table.readers if contains(var.tables, name)]))
  databricks_account_id = var.databricks_account_id
  allowed_ip_ranges     = var.allowed_ip_ranges
  max_workers           = 2
  protect               = false
}

module "governance" {
  source = "../../modules/governance"

  catalog          = module.unity_catalog.catalog
  functions_schema = module.unity_catalog.operations_schema
  governed         = local.governed
  tables           = var.tables
  exempt           = [module.azure.airflow_identity.client_id]
}
