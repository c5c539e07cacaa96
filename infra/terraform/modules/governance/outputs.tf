output "readers" {
  description = "Groups that may read each table, as its contract says."
  value       = { for name, table in local.governed : name => table.readers }
}

output "masked_columns" {
  description = "Columns that are masked (layer.table.column), and by which function."
  value       = { for name, mask in local.masked : name => mask.function }
}

output "described_tables" {
  description = "Tables that the contracts describe: what `tables` should name after the first run."
  value       = sort(keys(var.governed))
}

output "row_filters" {
  description = "The columns that rows of a table are told apart by, where readers see some of them only."
  value       = { for name, table in local.filtered : name => table.row_columns }
}
