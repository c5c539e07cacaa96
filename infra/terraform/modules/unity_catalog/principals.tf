# Airflow's managed identity and the groups, in the account and in the workspace.

locals {
  group_ids = {
    for role in keys(var.groups) :
    role => var.create_groups ? databricks_group.role[role].id : data.databricks_group.role[role].id
  }
}

resource "databricks_service_principal" "airflow" {
  provider = databricks.account

  application_id = var.airflow_client_id
  display_name   = "${local.label}-airflow"
}

resource "databricks_group" "role" {
  for_each = { for role, name in var.groups : role => name if var.create_groups }
  provider = databricks.account

  display_name = each.value
}

data "databricks_group" "role" {
  for_each = { for role, name in var.groups : role => name if !var.create_groups }
  provider = databricks.account

  display_name = each.value
}

resource "databricks_mws_permission_assignment" "airflow" {
  provider = databricks.account

  workspace_id = var.workspace.number
  principal_id = databricks_service_principal.airflow.id
  permissions  = ["USER"]

  depends_on = [databricks_metastore_assignment.workspace]
}

resource "databricks_mws_permission_assignment" "role" {
  for_each = var.groups
  provider = databricks.account

  workspace_id = var.workspace.number
  principal_id = local.group_ids[each.key]
  permissions  = ["USER"]

  depends_on = [databricks_metastore_assignment.workspace]
}

resource "databricks_access_control_rule_set" "airflow" {
  count    = length(var.deployers) > 0 ? 1 : 0
  provider = databricks.account

  name = "accounts/${var.databricks_account_id}/servicePrincipals/${databricks_service_principal.airflow.application_id}/ruleSets/default"

  grant_rules {
    principals = var.deployers
    role       = "roles/servicePrincipal.user"
  }
}
