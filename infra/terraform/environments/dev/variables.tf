variable "subscription_id" {
  description = "Subscription that everything is made in."
  type        = string
}

variable "databricks_account_id" {
  description = "The Databricks account's id, from its console."
  type        = string
}

variable "metastore_id" {
  description = "Metastore to assign; null where Databricks has assigned the region's by itself."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the platform, in every resource's name."
  type        = string
  default     = "atliq"
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "address_space" {
  description = "Address range of the virtual network; it must not meet that of a peer."
  type        = string
  default     = "10.60.0.0/20"
}

variable "peered_networks" {
  description = "Virtual networks that reach the platform privately, by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "allowed_ip_ranges" {
  description = "Your offices' and CI's addresses: the only ones that reach the workspace from outside."
  type        = list(string)

  validation {
    condition     = length(var.allowed_ip_ranges) > 0 && !contains(var.allowed_ip_ranges, "0.0.0.0/0")
    error_message = "allowed_ip_ranges must name your own addresses: the workspace of dev is reached over the internet."
  }
}

variable "airflow_workload_identity" {
  description = "Kubernetes service account that Airflow runs as; null: the identity is assigned to a machine."
  type = object({
    issuer  = string
    subject = string
  })
  default = null
}

variable "secrets_officers" {
  description = "Object ids of the Entra groups that write the vault's secrets."
  type        = set(string)
  default     = []
}

variable "deployers" {
  description = "Who deploys the bundle: users/NAME or servicePrincipals/APPLICATION_ID."
  type        = set(string)
  default     = []
}

variable "create_groups" {
  description = "Make the account's groups; false where they come from Entra ID."
  type        = bool
  default     = false
}

variable "budget" {
  description = "Monthly budget: amount, emails, and the first day of the month in which it is made."
  type = object({
    amount = number
    emails = list(string)
    start  = string
  })
}

variable "tables" {
  description = "Tables that are there (layer.table), to be granted and tagged by their contracts: empty before the first run, then as output described_tables says."
  type        = set(string)
  default     = []
}
