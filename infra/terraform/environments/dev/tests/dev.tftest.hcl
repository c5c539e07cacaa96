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
      volume_path = "/Volumes/lakehouse_dev/operations/releases"
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
  allowed_ip_ranges     = ["203.0.113.0/24"]
}

run "is_reached_from_named_addresses_alone" {
  assert {
    condition     = jsonencode(module.unity_catalog.allowed_ip_ranges) == jsonencode(["203.0.113.0/24"])
    error_message = "The workspace of dev is public, and must be limited."
  }

  assert {
    condition     = module.azure.public == { lake = false, vault = false, workspace = true }
    error_message = "Lake and vault have no public address, in dev neither."
  }
}

run "refuses_the_whole_internet" {
  command = plan

  variables {
    allowed_ip_ranges = ["0.0.0.0/0"]
  }

  expect_failures = [var.allowed_ip_ranges]
}
