variable "name" {
  description = "Name of the platform, in every resource's name: 3 to 10 small letters and digits."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,9}$", var.name))
    error_message = "name must have 3 to 10 small letters and digits, and begin with a letter."
  }
}

variable "environment" {
  description = "Name of the environment, in every resource's name: 2 to 5 small letters."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2,5}$", var.environment))
    error_message = "environment must have 2 to 5 small letters, such as dev or prod."
  }
}

variable "location" {
  description = "Azure region of everything, such as westeurope."
  type        = string
}

variable "tags" {
  description = "Tags of every resource, beside platform and environment."
  type        = map(string)
  default     = {}
}

variable "address_space" {
  description = "Address range of the virtual network, of 22 bits or fewer: halves for Databricks, the rest for Airflow and private endpoints."
  type        = string
  default     = "10.60.0.0/20"

  validation {
    condition     = can(cidrsubnet(var.address_space, 4, 15)) && tonumber(split("/", var.address_space)[1]) <= 22
    error_message = "address_space must be an IPv4 range of at most 22 bits, such as 10.60.0.0/20."
  }
}

variable "peered_networks" {
  description = "Virtual networks by a name of your choice: those of your hub, or of the Airflow that runs elsewhere. They reach the lake, the vault and the workspace privately; the way back is yours to make."
  type        = map(string)
  default     = {}
}

variable "nat_gateway" {
  description = "Give the clusters a NAT gateway for what they fetch from outside. False where a firewall in your hub does that by routes of your own."
  type        = bool
  default     = true
}

variable "workspace_public" {
  description = "Let the workspace's page and API be reached from outside the network as well. Limit it by ip ranges (module unity_catalog). False: by private endpoint alone, so Terraform and CI must run inside the network too."
  type        = bool
  default     = false
}

variable "storage_replication" {
  description = "Replication of the lake: LRS, ZRS, GRS, RAGRS, GZRS or RAGZRS."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS"], var.storage_replication)
    error_message = "storage_replication must be LRS, ZRS, GRS, RAGRS, GZRS or RAGZRS."
  }
}

variable "soft_delete_days" {
  description = "Days for which what was deleted in the lake can be had back, and a deleted container too."
  type        = number
  default     = 14

  validation {
    condition     = var.soft_delete_days >= 7 && var.soft_delete_days <= 90
    error_message = "soft_delete_days must be between 7 and 90, as the vault keeps them too."
  }
}

variable "bronze_cool_after_days" {
  description = "Days after which a file of bronze that nothing has changed moves to the cool tier. Delta's tables stay hot: each is read every day."
  type        = number
  default     = 60
}

variable "airflow_workload_identity" {
  description = "Issuer and subject of the Kubernetes service account that Airflow runs as (system:serviceaccount:NAMESPACE:NAME). Null: the identity is assigned to a machine instead."
  type = object({
    issuer  = string
    subject = string
  })
  default = null
}

variable "secrets_officers" {
  description = "Object ids of the Entra groups whose members may write the vault's secrets."
  type        = set(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days for which audit logs of the lake, the vault and the workspace are kept."
  type        = number
  default     = 90
}

variable "budget" {
  description = "Monthly budget of this environment in the subscription's currency, who is written to at 80 and 100 per cent (and at a forecast of 100), and the first day of the month in which it is made, such as 2026-11-01."
  type = object({
    amount = number
    emails = list(string)
    start  = string
  })

  validation {
    condition     = can(regex("^\\d{4}-\\d{2}-01$", var.budget.start)) && length(var.budget.emails) > 0
    error_message = "budget.start must be the first day of a month, such as 2026-11-01, and budget.emails must name someone."
  }
}

variable "protect" {
  description = "Lock the lake and the vault against deletion."
  type        = bool
  default     = true
}
