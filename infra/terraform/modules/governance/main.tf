# Who may read which table, and which functions close its rows and columns: what `bin/lakehouse governance --terraform` made
# of the contracts. The functions themselves, which say who sees what, are in the SQL that the same command writes.

locals {
  # What the contracts describe and is there.
  governed = { for name, table in var.governed : name => table if contains(var.tables, name) }

  filtered = { for name, table in local.governed : name => table if table.row_filter != null }

  masked = merge([
    for name, table in local.governed : {
      for column, function in table.masks : "${name}.${column}" => { table = name, column = column, function = function }
    }
  ]...)

  # Policies find columns by their tags.
  tagged = merge(
    { for name, mask in local.masked : name => mask.column },
    merge([for name, table in local.filtered : { for column in table.row_columns : "${name}.${column}" => column }]...),
  )
}

resource "databricks_grants" "table" {
  for_each = { for name, table in local.governed : name => table if length(table.readers) > 0 }

  table = "${var.catalog}.${each.key}"

  dynamic "grant" {
    for_each = toset(each.value.readers)

    content {
      principal  = grant.value
      privileges = ["SELECT"]
    }
  }

  # Rows and columns are closed before anybody is let in.
  depends_on = [databricks_policy_info.mask, databricks_policy_info.rows]
}

resource "databricks_tag_policy" "governed" {
  count = length(local.tagged) > 0 ? 1 : 0

  tag_key     = "lakehouse_governed"
  description = "Columns that policies mask, or tell rows apart by: each with its own name."
  values      = [for column in sort(distinct(values(local.tagged))) : { name = column }]
}

resource "databricks_entity_tag_assignment" "governed" {
  for_each = local.tagged

  entity_type = "columns"
  entity_name = "${var.catalog}.${each.key}"
  tag_key     = databricks_tag_policy.governed[0].tag_key
  tag_value   = each.value
}

resource "databricks_policy_info" "mask" {
  for_each = local.masked

  name                  = each.value.function
  comment               = "Values are hidden from whom the contract gives no role for them."
  policy_type           = "POLICY_TYPE_COLUMN_MASK"
  on_securable_type     = "TABLE"
  on_securable_fullname = "${var.catalog}.${each.value.table}"
  for_securable_type    = "TABLE"
  to_principals         = ["account users"]
  except_principals     = sort(var.exempt)

  match_columns = [{
    alias     = "hidden"
    condition = "has_tag_value('lakehouse_governed', '${each.value.column}')"
  }]

  column_mask = {
    function_name = "${var.functions_schema}.${each.value.function}"
    on_column     = "hidden"
    using         = []
  }

  depends_on = [databricks_entity_tag_assignment.governed]
}

resource "databricks_policy_info" "rows" {
  for_each = local.filtered

  name                  = each.value.row_filter
  comment               = "Readers see the rows that the contract gives their roles."
  policy_type           = "POLICY_TYPE_ROW_FILTER"
  on_securable_type     = "TABLE"
  on_securable_fullname = "${var.catalog}.${each.key}"
  for_securable_type    = "TABLE"
  to_principals         = ["account users"]
  except_principals     = sort(var.exempt)

  match_columns = [for column in each.value.row_columns : {
    alias     = column
    condition = "has_tag_value('lakehouse_governed', '${column}')"
  }]

  row_filter = {
    function_name = "${var.functions_schema}.${each.value.row_filter}"
    using         = [for column in each.value.row_columns : { alias = column }]
  }

  depends_on = [databricks_entity_tag_assignment.governed]
}
