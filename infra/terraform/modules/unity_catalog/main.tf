# The Databricks side: who there is, where the lake lies, and the catalog's layers.

locals {
  label = "${var.name}-${var.environment}"
  # The roots of the containers; bronze and the ledger lie under LAKEHOUSE_SPARK_LAKE_ROOT.
  root      = { for layer in ["bronze", "silver", "gold"] : layer => "abfss://${layer}@${var.storage_account.name}.dfs.core.windows.net" }
  lake_root = "${local.root["bronze"]}/lake"

  locations = {
    bronze = "${local.lake_root}/bronze"
    ledger = "${local.lake_root}/ledger"
    silver = "${local.root["silver"]}/"
    gold   = "${local.root["gold"]}/"
  }
  layers = {
    silver = "Cleaned tables, their history, their quarantine and what was processed."
    gold   = "One Big Tables."
  }
}

resource "databricks_metastore_assignment" "workspace" {
  count    = var.metastore_id == null ? 0 : 1
  provider = databricks.account

  metastore_id = var.metastore_id
  workspace_id = var.workspace.number
}

resource "databricks_storage_credential" "lake" {
  name           = "${local.label}-lake"
  comment        = "The lake's access connector."
  isolation_mode = "ISOLATION_MODE_ISOLATED"

  azure_managed_identity {
    access_connector_id = var.access_connector_id
  }

  depends_on = [databricks_metastore_assignment.workspace]
}

# Bronze and the ledger are two places, so that the jobs read one and write the other.
resource "databricks_external_location" "lake" {
  for_each = local.locations

  name            = "${local.label}-${each.key}"
  comment         = "The lake's ${each.key}."
  url             = each.value
  credential_name = databricks_storage_credential.lake.name
  read_only       = each.key == "bronze"
  isolation_mode  = "ISOLATION_MODE_ISOLATED"
  # An empty folder is none on a storage account: there is nothing to look at before the first copy.
  skip_validation = contains(["bronze", "ledger"], each.key)
}

resource "databricks_catalog" "lake" {
  name                           = var.catalog
  comment                        = "The lakehouse ${local.label}."
  storage_root                   = "${databricks_external_location.lake["silver"].url}catalog"
  isolation_mode                 = "ISOLATED"
  enable_predictive_optimization = "DISABLE"
  force_destroy                  = !var.protect
}

resource "databricks_schema" "layer" {
  for_each = local.layers

  catalog_name  = databricks_catalog.lake.name
  name          = each.key
  comment       = each.value
  storage_root  = "${databricks_external_location.lake[each.key].url}tables"
  force_destroy = !var.protect
}

resource "databricks_schema" "operations" {
  catalog_name  = databricks_catalog.lake.name
  name          = "operations"
  comment       = "What the jobs are made of, and functions that masks and filters call."
  force_destroy = !var.protect
}

# Each release has a folder there, with its wheel and its contracts. Who may write here decides what the jobs do.
resource "databricks_volume" "releases" {
  catalog_name = databricks_catalog.lake.name
  schema_name  = databricks_schema.operations.name
  name         = "releases"
  comment      = "The jobs' wheel and the contracts, by release."
  volume_type  = "MANAGED"
}
