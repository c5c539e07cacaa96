terraform {
  required_version = ">= 1.9"

  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.138"
      # databricks: the workspace; databricks.account: the account, for identities and what joins them to workspaces.
      configuration_aliases = [databricks, databricks.account]
    }
  }
}
