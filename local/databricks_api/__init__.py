"""The Databricks Jobs API 2.2 on one machine: runs Python tasks for real, on a warm local Spark with Delta."""
