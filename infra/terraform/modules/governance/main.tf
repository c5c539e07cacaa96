# Who may read which table, and which columns are masked for whom: what the contracts' `roles` and `classification` say.

locals {
  documents = [for file in fileset(var.contracts, "*/*.odcs.yaml") : yamldecode(file("${var.contracts}/${file}"))]

  tables = {
    for table in flatten([
      for document in local.documents : [
        for schema in document.schema : {
          kind = one([
            for property in try(schema.customProperties, []) : property.value
            if try(property.property, "") == "tableKind"
          ])
          name       = schema.name
          properties = try(schema.properties, [])
          readers    = [for role in try(document.roles, []) : role.role if try(role.access, "") == "read"]
        }
      ]
    ]) : "${table.kind == "one_big_table" ? "gold" : "silver"}.${table.name}" => table
  }

  # What the contracts describe and is there.
  governed = { for name, table in local.tables : name => table if contains(var.tables, name) }

  # A word that nobody knows masks: that errs on the safe side, as the quarantine does.
  masked = {
    for column in flatten([
      for name, table in local.governed : [
        for property in table.properties : {
          name = "${name}.${property.name}"
          mask = lookup(local.mask_of_type, try(property.logicalType, "string"), "text")
        } if !contains(["", "public", "internal"], try(property.classification, ""))
      ]
    ]) : column.name => column.mask
  }

  mask_of_type = { string = "text", number = "number", integer = "number", date = "date", timestamp = "time", boolean = "flag" }

  row_columns = merge([
    for scope, given in var.row_scopes : { for column in given.columns : column => scope }
  ]...)
  row_readers = merge([
    for scope, given in var.row_scopes : {
      for group, values in given.groups : "${scope}_${group}" => { scope = scope, group = group, values = values }
    }
  ]...)
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
}

resource "databricks_tag_policy" "mask" {
  tag_key     = "lakehouse_mask"
  description = "Columns that are masked, by the kind of their values."
  values      = [for mask in sort(distinct(values(local.mask_of_type))) : { name = mask }]
}

resource "databricks_entity_tag_assignment" "mask" {
  for_each = local.masked

  entity_type = "columns"
  entity_name = "${var.catalog}.${each.key}"
  tag_key     = databricks_tag_policy.mask.tag_key
  tag_value   = each.value
}

resource "databricks_policy_info" "mask" {
  for_each = toset(values(local.masked))

  name                  = "mask_${each.key}"
  comment               = "Confidential values (${each.key}) are hidden from all who are not named."
  policy_type           = "POLICY_TYPE_COLUMN_MASK"
  on_securable_type     = "CATALOG"
  on_securable_fullname = var.catalog
  for_securable_type    = "TABLE"
  to_principals         = ["account users"]
  except_principals     = sort(var.unmasked)

  match_columns = [{
    alias     = "hidden"
    condition = "has_tag_value('${databricks_tag_policy.mask.tag_key}', '${each.key}')"
  }]

  column_mask = {
    function_name = "${var.functions_schema}.mask_${each.key}"
    on_column     = "hidden"
    using         = []
  }
}

resource "databricks_tag_policy" "rows" {
  count = length(var.row_scopes) > 0 ? 1 : 0

  tag_key     = "lakehouse_rows"
  description = "Columns that say whose rows these are."
  values      = [for scope in sort(keys(var.row_scopes)) : { name = scope }]
}

resource "databricks_entity_tag_assignment" "rows" {
  for_each = { for column, scope in local.row_columns : column => scope if contains(var.tables, join(".", slice(split(".", column), 0, 2))) }

  entity_type = "columns"
  entity_name = "${var.catalog}.${each.key}"
  tag_key     = databricks_tag_policy.rows[0].tag_key
  tag_value   = each.value
}

resource "databricks_policy_info" "rows" {
  for_each = local.row_readers

  name                  = "rows_${each.key}"
  comment               = "Readers of ${each.value.group} see their own rows of ${each.value.scope}."
  policy_type           = "POLICY_TYPE_ROW_FILTER"
  on_securable_type     = "CATALOG"
  on_securable_fullname = var.catalog
  for_securable_type    = "TABLE"
  to_principals         = [each.value.group]
  except_principals     = sort(var.unmasked)

  match_columns = [{
    alias     = "owner"
    condition = "has_tag_value('${databricks_tag_policy.rows[0].tag_key}', '${each.value.scope}')"
  }]

  row_filter = {
    function_name = "${var.functions_schema}.is_listed"
    using         = [{ alias = "owner" }, { constant = jsonencode(each.value.values) }]
  }
}
