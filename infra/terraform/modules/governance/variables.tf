variable "catalog" {
  description = "Name of the catalog, as module unity_catalog gives it."
  type        = string
}

variable "functions_schema" {
  description = "Schema of the functions of infra/databricks/functions.sql: catalog.schema."
  type        = string
}

variable "contracts" {
  description = "Folder of the contracts of all source schemas."
  type        = string
}

variable "tables" {
  description = "Tables that are there, as layer.table: what is not there yet cannot be granted or tagged. Empty before the first run, all of them after it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for table in var.tables : can(regex("^(silver|gold)\\.[^.]+$", table))])
    error_message = "tables must be named by their layer: silver.customer, gold.sales_obt."
  }
}

variable "unmasked" {
  description = "Groups and client ids that see confidential values, and all rows. The jobs' identity must be one of them: it would read and write masked values in silence."
  type        = set(string)

  validation {
    condition     = length(var.unmasked) > 0
    error_message = "unmasked must name the jobs' identity at least."
  }
}

variable "row_scopes" {
  description = "By a name of your choice: columns (layer.table.column) and, by group, the values that its members' rows may have there. A group of no scope sees all rows; who is in two groups of one scope sees none."
  type = map(object({
    columns = set(string)
    groups  = map(list(string))
  }))
  default = {}
}
