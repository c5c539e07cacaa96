output "readers" {
  description = "Groups that may read each table, as its contract says."
  value       = { for name, table in local.governed : name => sort(table.readers) }
}

output "masked_columns" {
  description = "Columns that are masked (layer.table.column), and how."
  value       = local.masked
}

output "described_tables" {
  description = "Tables that the contracts describe: what `tables` should name after the first run."
  value       = sort(keys(local.tables))
}

output "row_filters" {
  description = "Which group sees which values."
  value       = { for name, policy in databricks_policy_info.rows : name => { group = one(policy.to_principals), values = jsondecode(policy.row_filter.using[1].constant) } }
}
