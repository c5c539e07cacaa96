# What runs go to where they are not serverless: machines of a pool, in clusters that a policy bounds. And who gets in.

locals {
  cost_tags = { platform = var.name, environment = var.environment }
}

resource "databricks_instance_pool" "jobs" {
  instance_pool_name                    = "${local.label}-jobs"
  node_type_id                          = var.node_type
  min_idle_instances                    = 0
  max_capacity                          = 2 * (var.max_workers + 1)
  idle_instance_autotermination_minutes = var.pool_idle_minutes
  preloaded_spark_versions              = ["18.x-scala2.13"]
  enable_elastic_disk                   = true
  custom_tags                           = local.cost_tags

  azure_attributes {
    availability = "ON_DEMAND_AZURE"
  }

  depends_on = [databricks_metastore_assignment.workspace]
}

# Single user mode is what Unity Catalog needs of a job's cluster; the rest bounds what it may cost.
resource "databricks_cluster_policy" "jobs" {
  name        = "${local.label}-jobs"
  description = "Clusters of the lakehouse's runs."

  definition = jsonencode(merge(
    {
      cluster_type                            = { type = "fixed", value = "job" }
      spark_version                           = { type = "fixed", value = "18.x-scala2.13" }
      data_security_mode                      = { type = "fixed", value = "SINGLE_USER" }
      instance_pool_id                        = { type = "fixed", value = databricks_instance_pool.jobs.id }
      driver_instance_pool_id                 = { type = "fixed", value = databricks_instance_pool.jobs.id }
      runtime_engine                          = { type = "allowlist", values = ["STANDARD", "PHOTON"], defaultValue = "STANDARD" }
      num_workers                             = { type = "range", minValue = 1, maxValue = var.max_workers, defaultValue = 1, isOptional = true }
      "autoscale.min_workers"                 = { type = "range", minValue = 1, maxValue = var.max_workers, isOptional = true }
      "autoscale.max_workers"                 = { type = "range", minValue = 1, maxValue = var.max_workers, isOptional = true }
      "spark_conf.spark.sql.session.timeZone" = { type = "fixed", value = "UTC" }
    },
    { for tag, value in local.cost_tags : "custom_tags.${tag}" => { type = "fixed", value = value } },
  ))

  depends_on = [databricks_metastore_assignment.workspace]
}

resource "databricks_permissions" "policy" {
  cluster_policy_id = databricks_cluster_policy.jobs.id

  access_control {
    service_principal_name = var.airflow_client_id
    permission_level       = "CAN_USE"
  }

  depends_on = [databricks_mws_permission_assignment.airflow]
}

resource "databricks_permissions" "pool" {
  instance_pool_id = databricks_instance_pool.jobs.id

  access_control {
    service_principal_name = var.airflow_client_id
    permission_level       = "CAN_ATTACH_TO"
  }

  depends_on = [databricks_mws_permission_assignment.airflow]
}

# What analysts ask by, in SQL and from Power BI, and the KPI page by Airflow's identity.
resource "databricks_sql_endpoint" "analysts" {
  name                      = "${local.label}-sql"
  cluster_size              = "2X-Small"
  max_num_clusters          = 1
  auto_stop_mins            = 10
  warehouse_type            = "PRO"
  enable_serverless_compute = true

  tags {
    dynamic "custom_tags" {
      for_each = local.cost_tags

      content {
        key   = custom_tags.key
        value = custom_tags.value
      }
    }
  }

  depends_on = [databricks_metastore_assignment.workspace]
}

resource "databricks_permissions" "warehouse" {
  sql_endpoint_id = databricks_sql_endpoint.analysts.id

  dynamic "access_control" {
    for_each = var.groups

    content {
      group_name       = access_control.value
      permission_level = "CAN_USE"
    }
  }

  access_control {
    service_principal_name = var.airflow_client_id
    permission_level       = "CAN_USE"
  }

  depends_on = [databricks_mws_permission_assignment.airflow, databricks_mws_permission_assignment.role]
}

resource "databricks_workspace_conf" "ip_lists" {
  count = length(var.allowed_ip_ranges) > 0 ? 1 : 0

  custom_config = { enableIpAccessLists = "true" }
}

resource "databricks_ip_access_list" "allowed" {
  count = length(var.allowed_ip_ranges) > 0 ? 1 : 0

  label        = "${local.label}-allowed"
  list_type    = "ALLOW"
  ip_addresses = var.allowed_ip_ranges

  depends_on = [databricks_workspace_conf.ip_lists]
}

# Serverless compute lives in Databricks' own network: it gets private endpoints of its own to the lake.
resource "databricks_mws_network_connectivity_config" "serverless" {
  count    = var.serverless_private ? 1 : 0
  provider = databricks.account

  name   = "${local.label}-serverless"
  region = var.location
}

resource "databricks_mws_ncc_private_endpoint_rule" "lake" {
  for_each = toset(var.serverless_private ? ["blob", "dfs"] : [])
  provider = databricks.account

  network_connectivity_config_id = databricks_mws_network_connectivity_config.serverless[0].network_connectivity_config_id
  resource_id                    = var.storage_account.id
  group_id                       = each.key
}

resource "databricks_mws_ncc_binding" "serverless" {
  count    = var.serverless_private ? 1 : 0
  provider = databricks.account

  network_connectivity_config_id = databricks_mws_network_connectivity_config.serverless[0].network_connectivity_config_id
  workspace_id                   = var.workspace.number
}
