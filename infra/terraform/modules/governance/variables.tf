variable "catalog" {
  description = "Name of the catalog, as module unity_catalog gives it."
  type        = string
}

variable "functions_schema" {
  description = "Schema of the functions that the SQL of `bin/lakehouse governance` makes: catalog.schema."
  type        = string
}

variable "governed" {
  description = "What `bin/lakehouse governance --terraform` made of the contracts, by layer.table: readers, and the functions that close rows and columns."
  type = map(object({
    readers     = list(string)
    row_filter  = string
    row_columns = list(string)
    masks       = map(string)
  }))
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

variable "exempt" {
  description = "Groups and client ids that policies do not hold for. The jobs' identity must be one of them: it would read and write masked values in silence."
  type        = set(string)

  validation {
    condition     = length(var.exempt) > 0
    error_message = "exempt must name the jobs' identity at least."
  }
}
