output "airflow_settings" {
  description = "Environment variables of Airflow that follow from what was made (docs/reference/settings.md). A release's own are told by infra/databricks/deploy."
  value = {
    LAKEHOUSE_LAKE_ROOT       = "abfs://adls_gen2@bronze/lake"
    LAKEHOUSE_SPARK_LAKE_ROOT = local.lake_root
    LAKEHOUSE_CATALOG         = databricks_catalog.lake.name
    LAKEHOUSE_WAREHOUSE       = databricks_sql_endpoint.analysts.id
  }
}

output "job_cluster" {
  description = "LAKEHOUSE_COMPUTE for clusters of the runs' own, in JSON."
  value = jsonencode({
    new_cluster = {
      policy_id                   = databricks_cluster_policy.jobs.id
      spark_version               = "18.x-scala2.13"
      instance_pool_id            = databricks_instance_pool.jobs.id
      driver_instance_pool_id     = databricks_instance_pool.jobs.id
      data_security_mode          = "SINGLE_USER"
      num_workers                 = 1
      apply_policy_default_values = true
    }
  })
}

output "catalog" {
  description = "Name of the catalog, after all that is needed to fill it."
  value       = databricks_catalog.lake.name
  depends_on  = [databricks_grants.layer, databricks_grants.bronze, databricks_grants.ledger, databricks_grants.releases]
}

output "operations_schema" {
  description = "Schema of the functions that masks and filters call: catalog.schema."
  value       = databricks_schema.operations.id
}

output "releases_volume" {
  description = "Folder of the volume that releases lie in, each with its wheel and its contracts."
  value       = databricks_volume.releases.volume_path
}

output "warehouse" {
  description = "The SQL warehouse's id, and its path for a Databricks connection or Power BI."
  value = {
    id        = databricks_sql_endpoint.analysts.id
    http_path = "/sql/1.0/warehouses/${databricks_sql_endpoint.analysts.id}"
  }
}

output "allowed_ip_ranges" {
  description = "Ranges that the workspace may be reached from; empty: no list is kept."
  value       = flatten([for list in databricks_ip_access_list.allowed : list.ip_addresses])
}
