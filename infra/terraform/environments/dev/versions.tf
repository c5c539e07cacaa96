terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.138"
    }
  }

  # Where the state lies is told at init: -backend-config=resource_group_name=… -backend-config=storage_account_name=…
  backend "azurerm" {
    container_name   = "tfstate"
    key              = "lakehouse/dev.tfstate"
    use_azuread_auth = true
  }
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true

  features {}
}

provider "databricks" {
  alias      = "account"
  host       = "https://accounts.azuredatabricks.net"
  account_id = var.databricks_account_id
}

provider "databricks" {
  host                        = module.azure.workspace.url
  azure_workspace_resource_id = module.azure.workspace.id
}
