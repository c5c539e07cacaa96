# Who did what: audit logs of lake, vault and workspace. And what it costs: a budget over both resource groups.

resource "azurerm_log_analytics_workspace" "main" {
  name                         = "log-${local.label}"
  location                     = azurerm_resource_group.main.location
  resource_group_name          = azurerm_resource_group.main.name
  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_days
  local_authentication_enabled = false
  tags                         = local.tags
}

locals {
  audited = {
    lake      = { resource = "${azurerm_storage_account.lake.id}/blobServices/default", group = "audit" }
    vault     = { resource = azurerm_key_vault.main.id, group = "audit" }
    workspace = { resource = azurerm_databricks_workspace.main.id, group = "allLogs" }
  }
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  for_each = local.audited

  name                       = "audit"
  target_resource_id         = each.value.resource
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  enabled_log {
    category_group = each.value.group
  }
}

# Clusters and disks are billed in the workspace's own group, DBUs in ours.
resource "azurerm_consumption_budget_subscription" "month" {
  name            = "budget-${local.label}"
  subscription_id = "/subscriptions/${data.azurerm_client_config.current.subscription_id}"
  amount          = var.budget.amount
  time_grain      = "Monthly"

  time_period {
    start_date = "${var.budget.start}T00:00:00Z"
  }

  filter {
    dimension {
      name   = "ResourceGroupName"
      values = [azurerm_resource_group.main.name, azurerm_databricks_workspace.main.managed_resource_group_name]
    }
  }

  dynamic "notification" {
    for_each = {
      near     = { threshold = 80, type = "Actual" }
      spent    = { threshold = 100, type = "Actual" }
      expected = { threshold = 100, type = "Forecasted" }
    }

    content {
      operator       = "GreaterThanOrEqualTo"
      threshold      = notification.value.threshold
      threshold_type = notification.value.type
      contact_emails = var.budget.emails
    }
  }
}
