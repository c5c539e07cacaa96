mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      subscription_id = "11111111-1111-1111-1111-111111111111"
      tenant_id       = "22222222-2222-2222-2222-222222222222"
    }
  }

  mock_resource "azurerm_databricks_workspace" {
    defaults = {
      workspace_id  = "4242"
      workspace_url = "adb-4242.2.azuredatabricks.net"
    }
  }

  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      client_id = "33333333-3333-3333-3333-333333333333"
    }
  }
}

mock_provider "databricks" {
  mock_resource "databricks_volume" {
    defaults = {
      volume_path = "/Volumes/lakehouse_prod/operations/releases"
    }
  }
}

mock_provider "databricks" {
  alias = "account"

  mock_resource "databricks_service_principal" {
    defaults = {
      id = "7"
    }
  }

  mock_resource "databricks_group" {
    defaults = {
      id = "8"
    }
  }

  mock_data "databricks_group" {
    defaults = {
      id = "9"
    }
  }
}

variables {
  subscription_id       = "11111111-1111-1111-1111-111111111111"
  databricks_account_id = "44444444-4444-4444-4444-444444444444"
  location              = "westeurope"
  budget                = { amount = 500, emails = ["data@example.com"], start = "2026-11-01" }
}

run "has_no_public_address" {
  assert {
    condition     = module.azure.public == { lake = false, vault = false, workspace = false }
    error_message = "Nothing of prod may have a public address."
  }

  assert {
    condition     = length(module.unity_catalog.allowed_ip_ranges) == 0
    error_message = "Where private endpoints alone lead to the workspace, a list of addresses would lock everyone out."
  }
}

run "tells_airflow_its_settings" {
  assert {
    condition = output.airflow_settings == {
      LAKEHOUSE_LAKE_ROOT       = "abfs://adls_gen2@bronze/lake"
      LAKEHOUSE_SPARK_LAKE_ROOT = "abfss://bronze@${output.storage_account.name}.dfs.core.windows.net/lake"
      LAKEHOUSE_CATALOG         = "lakehouse_prod"
      LAKEHOUSE_WAREHOUSE       = output.warehouse.id
    }
    error_message = "Airflow's settings are others."
  }

  assert {
    condition     = length(output.storage_account.name) <= 24 && can(regex("^[a-z0-9]+$", output.storage_account.name))
    error_message = "An account's name has 24 small letters and digits at most."
  }
}

run "governs_no_table_before_the_first_run" {
  assert {
    condition     = output.masked_columns == {} && module.governance.readers == {}
    error_message = "A table that is not there cannot be granted."
  }

  assert {
    condition = output.described_tables == tolist([
      "gold.sales_obt", "silver.customer", "silver.date", "silver.market", "silver.product", "silver.transactions",
    ])
    error_message = "These are the tables of the contracts."
  }
}

run "governs_tables_as_their_contracts_say" {
  variables {
    tables = ["gold.sales_obt", "silver.customer", "silver.market"]
  }

  assert {
    condition = jsonencode(module.governance.readers) == jsonencode({
      "gold.sales_obt"  = ["data_stewards", "sales_analysts", "sales_north", "sales_south"]
      "silver.customer" = ["data_stewards", "sales_analysts"]
      "silver.market"   = ["data_stewards", "sales_analysts"]
    })
    error_message = "Readers are the contracts' roles."
  }

  assert {
    condition = jsonencode(output.masked_columns) == jsonencode({
      "gold.sales_obt.customer_name"  = "mask_gold_sales_obt_customer_name"
      "silver.customer.customer_name" = "mask_silver_customer_customer_name"
    })
    error_message = "Masked are the columns that contracts call confidential."
  }

  assert {
    condition     = jsonencode(module.governance.row_filters) == jsonencode({ "gold.sales_obt" = ["zone"] })
    error_message = "Rows are told apart where the contract's roles do so."
  }
}
