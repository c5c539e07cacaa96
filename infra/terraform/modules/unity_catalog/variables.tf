variable "name" {
  description = "Name of the platform, as in module azure."
  type        = string
}

variable "environment" {
  description = "Name of the environment, as in module azure."
  type        = string
}

variable "location" {
  description = "Azure region of the workspace."
  type        = string
}

variable "catalog" {
  description = "Name of the catalog, which LAKEHOUSE_CATALOG then names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.catalog))
    error_message = "catalog must have small letters, digits and _ alone."
  }
}

variable "workspace" {
  description = "The workspace, as module azure gives it."
  type = object({
    id     = string
    number = string
    url    = string
  })
}

variable "metastore_id" {
  description = "Metastore to assign to the workspace. Null where Databricks has assigned the region's by itself, as it does for new workspaces of an account with automatic assignment."
  type        = string
  default     = null
}

variable "access_connector_id" {
  description = "The access connector, as module azure gives it."
  type        = string
}

variable "storage_account" {
  description = "The lake's account, as module azure gives it."
  type = object({
    id   = string
    name = string
  })
}

variable "airflow_client_id" {
  description = "Client id of Airflow's managed identity, which submits the runs and is what they run as."
  type        = string
}

variable "databricks_account_id" {
  description = "The Databricks account's id, from its console."
  type        = string
}

variable "deployers" {
  description = "Who deploys the bundle: users/NAME or servicePrincipals/APPLICATION_ID. They may make jobs that run as Airflow's identity, and write its wheel."
  type        = set(string)
  default     = []
}

variable "create_groups" {
  description = "Make the account's groups. False where they come from Entra ID by themselves: they must then be there under these names."
  type        = bool
  default     = false
}

variable "groups" {
  description = "Groups of the account by what they may do: engineers see runs and read all layers, stewards read silver with its quarantine, and gold, analysts gold. Names must be those of `roles` in the contracts."
  type = object({
    engineers = string
    stewards  = string
    analysts  = string
  })
  default = {
    engineers = "data_engineers"
    stewards  = "data_stewards"
    analysts  = "sales_analysts"
  }
}

variable "allowed_ip_ranges" {
  description = "Ranges from which the workspace may be reached where it is public. Empty: no limit is set, for a workspace that only private endpoints reach."
  type        = list(string)
  default     = []
}

variable "serverless_private" {
  description = "Let serverless compute reach the lake by private endpoints. They wait for approval on the storage account (docs/guides/deploying.md). False where no run is serverless."
  type        = bool
  default     = true
}

variable "node_type" {
  description = "Kind of machine of job clusters."
  type        = string
  default     = "Standard_D4ds_v5"
}

variable "max_workers" {
  description = "Workers that a job cluster may have at most."
  type        = number
  default     = 4
}

variable "pool_idle_minutes" {
  description = "Minutes for which an idle machine of the pool is kept for the next run of the same morning."
  type        = number
  default     = 10
}

variable "protect" {
  description = "Refuse to drop a catalog or a schema that has tables."
  type        = bool
  default     = true
}

variable "readers" {
  description = "Groups that contracts let read single tables: they may use the catalog and its layers, and so reach those tables."
  type        = set(string)
  default     = []
}
