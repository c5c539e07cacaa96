"""The Airflow side of the lakehouse: contracts, planning, the copy to bronze, Databricks runs and their monitoring."""
