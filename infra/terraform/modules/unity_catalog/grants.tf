# Who may do what. `databricks_grants` knows all grants of a thing: what is given by hand is taken back at the next apply.

locals {
  # Grants name people and service principals without the kind.
  deployers = toset([for deployer in var.deployers : element(split("/", deployer), 1)])

  # Readers of single tables beside the groups, which have their own grants.
  readers = setsubtract(var.readers, values(var.groups))
}

resource "databricks_grants" "catalog" {
  catalog = databricks_catalog.lake.name

  grant {
    principal  = var.airflow_client_id
    privileges = ["USE_CATALOG"]
  }

  dynamic "grant" {
    for_each = var.groups

    content {
      principal  = grant.value
      privileges = ["USE_CATALOG", "BROWSE"]
    }
  }

  dynamic "grant" {
    for_each = local.readers

    content {
      principal  = grant.value
      privileges = ["USE_CATALOG"]
    }
  }

  dynamic "grant" {
    for_each = local.deployers

    content {
      principal  = grant.value
      privileges = ["USE_CATALOG"]
    }
  }

  depends_on = [databricks_mws_permission_assignment.airflow, databricks_mws_permission_assignment.role]
}

# Readers of single tables are the contracts' own (module governance); these read whole layers.
resource "databricks_grants" "layer" {
  for_each = databricks_schema.layer

  schema = each.value.id

  grant {
    principal  = var.airflow_client_id
    privileges = ["USE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY"]
  }

  grant {
    principal  = var.groups.engineers
    privileges = ["USE_SCHEMA", "SELECT"]
  }

  grant {
    principal  = var.groups.stewards
    privileges = ["USE_SCHEMA", "SELECT"]
  }

  grant {
    principal  = var.groups.analysts
    privileges = ["USE_SCHEMA"]
  }

  dynamic "grant" {
    for_each = local.readers

    content {
      principal  = grant.value
      privileges = ["USE_SCHEMA"]
    }
  }

  depends_on = [databricks_grants.catalog]
}

resource "databricks_grants" "operations" {
  schema = databricks_schema.operations.id

  grant {
    principal  = var.airflow_client_id
    privileges = ["USE_SCHEMA"]
  }

  dynamic "grant" {
    for_each = var.groups

    content {
      principal  = grant.value
      privileges = ["USE_SCHEMA", "EXECUTE"]
    }
  }

  dynamic "grant" {
    for_each = local.deployers

    content {
      principal  = grant.value
      privileges = ["USE_SCHEMA"]
    }
  }

  depends_on = [databricks_grants.catalog]
}

resource "databricks_grants" "releases" {
  volume = databricks_volume.releases.id

  grant {
    principal  = var.airflow_client_id
    privileges = ["READ_VOLUME"]
  }

  grant {
    principal  = var.groups.engineers
    privileges = ["READ_VOLUME"]
  }

  dynamic "grant" {
    for_each = local.deployers

    content {
      principal  = grant.value
      privileges = ["READ_VOLUME", "WRITE_VOLUME"]
    }
  }

  depends_on = [databricks_grants.operations]
}

# The jobs read bronze by path, and write the ledger's rows.
resource "databricks_grants" "bronze" {
  external_location = databricks_external_location.lake["bronze"].id

  grant {
    principal  = var.airflow_client_id
    privileges = ["READ_FILES"]
  }

  grant {
    principal  = var.groups.engineers
    privileges = ["READ_FILES"]
  }

  depends_on = [databricks_mws_permission_assignment.airflow, databricks_mws_permission_assignment.role]
}

resource "databricks_grants" "ledger" {
  external_location = databricks_external_location.lake["ledger"].id

  grant {
    principal  = var.airflow_client_id
    privileges = ["READ_FILES", "WRITE_FILES"]
  }

  grant {
    principal  = var.groups.engineers
    privileges = ["READ_FILES"]
  }

  depends_on = [databricks_mws_permission_assignment.airflow, databricks_mws_permission_assignment.role]
}
